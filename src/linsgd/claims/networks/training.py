"""Small networks on the digits in PyTorch, and their training under each sampling scheme.

Needs PyTorch, the extra `deep`. Weights and batches are drawn from generators of their own, so that
runs in several threads do not meet in torch's global one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from linsgd.deep.pytorch import torch
from linsgd.deep.record import PhaseSpaceRecord
from linsgd.deep.recorder import PhaseSpaceRecorder
from linsgd.optimizers.sgd import SGD

Rows = NDArray[np.int64]
CHANNELS = 8


class Loss(Protocol):
    """From outputs and targets to the mean loss of the rows."""

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """Return a scalar tensor."""


def cross_entropy(outputs: Any, targets: Any) -> Any:
    """Return the mean cross-entropy of the rows."""
    return torch.nn.functional.cross_entropy(outputs, targets)


def squared(outputs: Any, targets: Any) -> Any:
    """Return half the mean squared distance to the one-hot labels."""
    labels = torch.eye(10, dtype=outputs.dtype)[targets]
    return ((outputs - labels) ** 2).sum(dim=1).mean() / 2


def digits(rows: int) -> tuple[Any, Any]:
    """Return pixels (rows, 64) in [0, 1] and labels (rows,) as tensors."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return torch.as_tensor(x[:rows] / 16, dtype=torch.float32), torch.as_tensor(y[:rows])


def perceptron(widths: Sequence[int], seed: int) -> Any:
    """Return a tanh network with layers of these widths."""
    layers: list[Any] = []
    for inputs, outputs in pairwise(widths):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.Tanh()]
    return initialised(torch.nn.Sequential(*layers[:-1]), seed)


class ResidualNet(torch.nn.Module):  # type: ignore[misc]
    """A convolution, one residual block of two, the mean over pixels and a linear layer."""

    def __init__(self, batch_norm: bool) -> None:
        super().__init__()
        norm = torch.nn.BatchNorm2d if batch_norm else torch.nn.Identity
        self.first = torch.nn.Conv2d(1, CHANNELS, 3, stride=2, padding=1, bias=False)
        self.block = torch.nn.Sequential(
            norm(CHANNELS),
            torch.nn.Tanh(),
            torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
            norm(CHANNELS),
            torch.nn.Tanh(),
            torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
        )
        self.last = torch.nn.Linear(CHANNELS * 16, 10)

    def forward(self, x: Any) -> Any:
        """Return the outputs (rows, 10) for pixels (rows, 64)."""
        hidden = self.first(x.reshape(-1, 1, 8, 8))
        return self.last((hidden + self.block(hidden)).flatten(1))


def initialised(model: Any, seed: int) -> Any:
    """Draw weights of variance 1/inputs; biases are 0 and the scales of batch norm 1."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                inputs = weight[0].numel()
                weight.normal_(generator=rng).mul_(1 / math.sqrt(inputs))
            elif name.endswith("bias"):
                weight.zero_()
    return model


def batches(sgd: SGD, rows: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Draw the rows of successive batches without end.

    Yields
    ------
    ndarray (b,)
        Independent, or consecutive in an order that is new in each epoch or always the same.
    """
    b, order = sgd.batch_size, rng.permutation(rows)
    while sgd.sampling == "independent":
        yield rng.integers(rows, size=b)
    while True:
        for k in range(rows // b):
            yield order[k * b : (k + 1) * b]
        order = rng.permutation(rows) if sgd.sampling == "epoch" else order


def train(
    model: Any,
    loss: Loss,
    data: tuple[Any, Any],
    sgd: SGD,
    steps: int,
    seed: int,
    directions: Any = None,
    origins: Sequence[int] = (0,),
    settle: int = 0,
) -> PhaseSpaceRecord:
    """Train for `settle` steps and record the next `steps`; the record begins with an epoch."""
    optimizer = torch.optim.SGD(
        model.parameters(), lr=sgd.lr, momentum=sgd.momentum, weight_decay=sgd.weight_decay
    )
    drawn = batches(sgd, len(data[1]), np.random.default_rng(seed))

    def step() -> None:
        rows = torch.from_numpy(next(drawn))
        optimizer.zero_grad()
        loss(model(data[0][rows]), data[1][rows]).backward()
        optimizer.step()

    for _ in range(settle):
        step()
    with PhaseSpaceRecorder(model, optimizer, directions, origins=origins) as recorder:
        for _ in range(steps):
            step()
    return recorder.record


def full_loss(model: Any, loss: Loss, data: tuple[Any, Any]) -> float:
    """Return the mean loss over all rows."""
    with torch.no_grad():
        return float(loss(model(data[0]), data[1]))
