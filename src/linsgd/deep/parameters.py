"""The weights of a model as one vector: all parameters that require grad, in the model's order."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from linsgd import domains
from linsgd.deep.pytorch import torch


def trainable(model: Any) -> dict[str, Any]:
    """Return the parameters of a model that require grad, by name.

    Parameters
    ----------
    model : torch.nn.Module
        A model whose parameters are dense real tensors on one device.

    Returns
    -------
    dict of str to torch.nn.Parameter
        In the order of ``model.named_parameters()``.

    Raises
    ------
    ValueError
        If there is none, or they are complex, sparse, sharded or on several devices.
    """
    if not isinstance(model, torch.nn.Module):
        domains.refuse_type("model", model, "a torch.nn.Module")
    found = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not found:
        name = type(model).__name__
        domains.refuse("model", name, "models with a parameter that requires grad")
    devices = sorted({str(p.device) for p in found.values()})
    if len(devices) > 1:
        domains.refuse("model", f"parameters on {', '.join(devices)}", "parameters on one device")
    for name, p in found.items():
        if type(p) not in (torch.nn.Parameter, torch.Tensor):
            given = f"parameter {name!r} of type {domains.type_name(type(p))}"
            domains.refuse("model", given, "parameters that are whole on every device")
        if p.is_complex() or p.layout != torch.strided:
            domains.refuse("model", f"parameter {name!r}, {p.dtype}, {p.layout}", "dense real ones")
    return found


def working_type(parameters: Sequence[Any]) -> Any:
    """Return the dtype in which differences are taken: float32, or wider where a parameter is."""
    dtype = torch.float32
    for p in parameters:
        dtype = torch.promote_types(dtype, p.dtype)
    return dtype


def flat(tensors: Sequence[Any], out: Any = None) -> Any:
    """Return tensors one after the other as one vector (P,); into `out` where it is given."""
    pieces = [t.detach().reshape(-1) for t in tensors]
    return torch.cat(pieces) if out is None else torch.cat(pieces, out=out)


def edges(parameters: Sequence[Any]) -> list[slice]:
    """Return where each parameter lies in the vector."""
    ends = [0]
    for p in parameters:
        ends.append(ends[-1] + p.numel())
    return [slice(a, b) for a, b in pairwise(ends)]
