r"""The mean loss over all rows of a data set, its gradient and its Hessian's products.

With batches B of n_B rows and their mean losses l_B,

    L = sum_B (n_B/N) l_B,     H v = sum_B (n_B/N) d(grad l_B . v)/d theta,

by double backward through the graph of the gradient. The graph of a single batch is kept from one
product to the next; those of several are built anew, so that memory does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.deep.parameters import flat, trainable
from linsgd.deep.preserved import dropouts
from linsgd.deep.pytorch import torch
from linsgd.domains import FloatArray

Loss = Callable[[Any, Any], Any]

SAME = 1e-6  # relative difference of two evaluations that rounding explains


def batches(data: Any) -> Iterable[tuple[Any, Any]]:
    """Return data as batches (inputs, targets) that can be read more than once.

    Parameters
    ----------
    data : tuple of two Tensors, or iterable of such
        One batch of all rows, or batches; not an iterator, which is used up after one reading.

    Raises
    ------
    ValueError
        If it is neither.
    """
    expected = "a pair of tensors (inputs, targets), or an iterable of such pairs"
    if isinstance(data, tuple | list) and len(data) == 2 and all(map(torch.is_tensor, data)):
        return [(data[0], data[1])]
    if isinstance(data, Iterator):
        domains.refuse_type("data", data, f"{expected} that can be read again, as a DataLoader")
    if not isinstance(data, Iterable):
        domains.refuse_type("data", data, expected)
    return data


class FullLoss:
    """The mean loss over the data at the model's weights; used inside `preserved`.

    Parameters
    ----------
    model : torch.nn.Module
        The model, in the mode that is wanted.
    loss : callable
        (outputs, targets) to the mean loss of the rows, as torch's default reduction.
    data : tuple of Tensors or iterable
        As in `batches`.

    Attributes
    ----------
    value : float
        L.
    gradient : ndarray (P,)
        Of L.
    rows, count : int
        Rows and batches.
    products : int
        Hessian products so far.

    Raises
    ------
    ValueError
        If the loss is no function or not a finite scalar, or differs between two readings of the
        data.
    """

    def __init__(self, model: Any, loss: Loss, data: Any) -> None:
        if not callable(loss):
            domains.refuse_type("loss", loss, "a function of (outputs, targets)")
        self._model, self._loss, self._data = model, loss, batches(data)
        self.parameters = list(trainable(model).values())
        self.size = sum(p.numel() for p in self.parameters)
        self.products = 0
        first, sizes = self._losses()
        self.rows, self.count = int(sizes.sum()), len(sizes)
        self.value = float(first @ sizes / self.rows)
        second = self._first_gradient()
        self._check_same(first, second)

    def _batches(self) -> Iterator[tuple[Any, int]]:
        """Go through the data.

        Yields
        ------
        tuple
            The mean loss of a batch, with its graph, and the number of its rows.
        """
        device = self.parameters[0].device
        for inputs, targets in self._data:
            outputs = self._model(inputs.to(device))
            value = self._loss(outputs, targets.to(device))
            if not torch.is_tensor(value) or value.ndim > 0:
                shape = tuple(getattr(value, "shape", ()))
                domains.refuse("loss", f"values of shape {shape}", "the mean over rows, a scalar")
            yield value, len(targets)

    def _losses(self) -> tuple[FloatArray, FloatArray]:
        """Return the loss and the rows of each batch."""
        with torch.no_grad():
            found = [(float(value), rows) for value, rows in self._batches()]
        if not found:
            domains.refuse("data", "no batch", "at least one batch")
        losses, sizes = np.array(found).T
        if not np.isfinite(losses).all():
            i = int(np.argmin(np.isfinite(losses)))
            domains.refuse("loss", f"{losses[i]} in batch {i}", "finite losses")
        return losses, sizes

    def _first_gradient(self) -> FloatArray:
        """Read the data again for the gradient; return the losses of the batches."""
        total = torch.zeros(self.size, dtype=torch.float64, device=self.parameters[0].device)
        losses, self._kept = [], None
        for value, rows in self._batches():
            gradients = self._gradients(value)
            total += rows / self.rows * flat(gradients)
            losses.append(float(value.detach()))
            self._kept = gradients if self.count == 1 else None
        self.gradient = total.cpu().numpy()
        return np.array(losses)

    def _gradients(self, value: Any) -> Any:
        """Return the gradient of a batch's loss with its graph."""
        return torch.autograd.grad(
            value, self.parameters, create_graph=True, materialize_grads=True
        )

    def _check_same(self, first: FloatArray, second: FloatArray) -> None:
        """Refuse a loss that is another one when the data are read again."""
        if first.shape == second.shape and np.allclose(first, second, rtol=SAME, atol=1e-12):
            return
        random = dropouts(self._model)
        if random:
            given = f"not deterministic at fixed weights: module {', '.join(random[:3])}"
            domains.refuse("loss", given, "losses without dropout: mode 'eval'")
        given = "batches that differ between two readings"
        domains.refuse("data", given, "a fixed order without augmentation: shuffle=False")

    def product(self, vector: FloatArray) -> FloatArray:
        """Return H v (P,) for v (P,)."""
        device = self.parameters[0].device
        v = torch.from_numpy(np.array(vector, dtype=np.float64)).to(device)
        pieces = v.split([p.numel() for p in self.parameters])
        along = [x.view_as(p).to(p.dtype) for x, p in zip(pieces, self.parameters, strict=True)]
        total = torch.zeros_like(v)
        if self._kept is not None:
            total += self._second(self._kept, along, keep=True)
        else:
            for value, rows in self._batches():
                second = self._second(self._gradients(value), along, keep=False)
                total += rows / self.rows * second
        self.products += 1
        found: FloatArray = total.cpu().numpy()
        return found

    def _second(self, gradients: Any, along: Any, keep: bool) -> Any:
        """Return the derivative of gradients . along (P,)."""
        moving = [(g, x) for g, x in zip(gradients, along, strict=True) if g.requires_grad]
        if not moving:  # a loss that is linear in the weights
            return torch.zeros(self.size, device=self.parameters[0].device)
        g, x = zip(*moving, strict=True)
        second = torch.autograd.grad(
            g, self.parameters, x, retain_graph=keep, materialize_grads=True
        )
        return flat(second)
