r"""Gradients of single rows, or of whole batches where rows do not have one.

Where the loss of a batch is the mean over its rows, grad l_B = (1/b) sum_{n in B} g_n: the noise of
every batch size follows from the gradients g_n of single rows, made by torch.func.vmap in chunks.
Batch norm in train mode couples the rows of a batch: g_n has no meaning then, and the noise is that
of batches that are drawn and evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.deep.full_loss import Loss, batches
from linsgd.deep.parameters import flat, trainable
from linsgd.deep.preserved import batch_norms
from linsgd.deep.pytorch import torch
from linsgd.domains import FloatArray, IntArray

CHUNK_NUMBERS = 2**24  # of a chunk of row gradients: 64 MB in single precision
AGREES = 1e-3  # relative difference of the mean row gradient from the gradient of the mean loss


class Definition(StrEnum):
    """How a minibatch gradient is defined."""

    ROWS = "mean of row gradients"
    BATCHES = "batches evaluated as a whole"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """All rows of a data set, on the model's device.

    Attributes
    ----------
    inputs, targets : Tensor (N, ...)
        The rows.
    """

    inputs: Any
    targets: Any

    @classmethod
    def of(cls, data: Any, device: Any) -> Rows:
        """Join the batches of a data set."""
        inputs, targets = zip(*batches(data), strict=True)
        return cls(torch.cat(list(inputs)).to(device), torch.cat(list(targets)).to(device))

    def __len__(self) -> int:
        return len(self.targets)


class RowGradients:
    """Gradients of a model at its weights, in the mode that it is in.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    loss : callable
        (outputs, targets) to the mean loss of the rows.
    rows : Rows
        The data.
    """

    def __init__(self, model: Any, loss: Loss, rows: Rows) -> None:
        self._model, self._loss, self._rows = model, loss, rows
        self._parameters = trainable(model)
        self.size = sum(p.numel() for p in self._parameters.values())

    def definition(self, gradient: FloatArray) -> Definition:
        """Return the definition that holds, given the gradient of the mean loss (P,).

        Raises
        ------
        ValueError
            If the loss is not the mean over rows and no batch norm explains it.
        """
        if batch_norms(self._model):
            return Definition.BATCHES
        mean, scale = np.zeros(self.size), 0.0
        for chunk in self.chunks():
            block = chunk.double()
            mean += block.sum(dim=0).cpu().numpy()
            scale += float(block.square().sum())
        difference = np.linalg.norm(mean / len(self._rows) - gradient)
        if difference > AGREES * np.sqrt(scale / len(self._rows)):
            given = "another number than the mean over the rows of a batch"
            domains.refuse("loss", given, "the mean over rows, as torch's reduction='mean'")
        return Definition.ROWS

    def chunks(self) -> Iterator[Any]:
        """Go through the rows, one by one if torch.func.vmap cannot take the loss or the model.

        Yields
        ------
        Tensor (c, P)
            Gradients of the next c rows.
        """
        constants = {n: p.detach() for n, p in self._parameters.items()}

        def value(parameters: Any, x: Any, y: Any) -> Any:
            outputs = torch.func.functional_call(self._model, parameters, (x[None],))
            return self._loss(outputs, y[None])

        each = torch.func.vmap(torch.func.grad(value), in_dims=(None, 0, 0))
        length = max(1, CHUNK_NUMBERS // self.size)
        for first in range(0, len(self._rows), length):
            chosen = slice(first, first + length)
            count = len(self._rows.targets[chosen])
            try:
                found = each(constants, self._rows.inputs[chosen], self._rows.targets[chosen])
            except RuntimeError as error:
                if "vmap" not in str(error):
                    raise
                # an operation without a rule for vmap, such as one_hot: row by row
                rows = range(first, first + count)
                yield torch.stack([self.of_batch(np.array([row])) for row in rows])
            else:
                yield torch.cat([found[n].reshape(count, -1) for n in constants], dim=1)

    def of_batch(self, chosen: IntArray) -> Any:
        """Return the gradient (P,) of the mean loss of a batch of rows."""
        index = torch.as_tensor(chosen, device=self._rows.targets.device)
        outputs = self._model(self._rows.inputs[index])
        value = self._loss(outputs, self._rows.targets[index])
        tensors = list(self._parameters.values())
        return flat(torch.autograd.grad(value, tensors, materialize_grads=True))
