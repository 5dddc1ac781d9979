"""A model in a stated mode, and everything as before afterwards: mode, buffers, random state."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import numpy as np

from linsgd import domains
from linsgd.deep.pytorch import torch

Mode: TypeAlias = Literal["eval", "train"]


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Restore torch's generators, NumPy's and Python's at exit; loaders draw from all of them."""
    on_devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    on_host, of_python = torch.get_rng_state(), random.getstate()
    of_numpy = np.random.get_state()  # noqa: NPY002 - the global state is what is restored
    try:
        yield
    finally:
        torch.set_rng_state(on_host)
        if on_devices is not None:
            torch.cuda.set_rng_state_all(on_devices)
        np.random.set_state(of_numpy)  # noqa: NPY002
        random.setstate(of_python)


@contextmanager
def preserved(model: Any, mode: Mode) -> Iterator[None]:
    """Put all modules in a mode; at exit restore modes, buffers and all random states.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    mode : {"eval", "train"}
        With "train" batch norm uses the statistics of the batch, and dropout drops.
    """
    domains.choice("mode", mode, ("eval", "train"))
    if not isinstance(model, torch.nn.Module):
        domains.refuse_type("model", model, "a torch.nn.Module")
    modes: list[tuple[Any, bool]] = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with random_states_kept():
        try:
            model.train(mode == "train")
            yield
        finally:
            for module, training in modes:
                module.training = training
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)


def modules_of(model: Any, kinds: tuple[type, ...]) -> list[str]:
    """Return the names of the modules of some types that are in train mode."""
    return [
        f"{name!r} of type {type(module).__name__}"
        for name, module in model.named_modules()
        if module.training and isinstance(module, kinds)
    ]


def dropouts(model: Any) -> list[str]:
    """Return the modules that drop entries at random."""
    # torch's base class of all dropouts
    return modules_of(model, (torch.nn.modules.dropout._DropoutNd,))


def batch_norms(model: Any) -> list[str]:
    """Return the modules that couple the rows of a batch."""
    # torch's base class of all batch norms
    return modules_of(model, (torch.nn.modules.batchnorm._BatchNorm,))
