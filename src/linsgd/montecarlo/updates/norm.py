"""The steps of `linsgd.ClippedSGD` and `linsgd.NormalizedSGD`, which scale the whole gradient."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.jit import Array, inlined
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.norm import ClippedSGD, NormalizedSGD

TORCH_EPS = 1e-6  # in torch.nn.utils.clip_grad_norm_


@inlined
def _norm(G: Any, j: int) -> Any:
    """Return the Euclidean norm of the gradient of chain j."""
    square = 0.0 * G[0, j]
    for i in range(G.shape[0]):
        square += G[i, j] * G[i, j]
    return np.sqrt(square)


class _ClippedSGD(NamedTuple):
    lr: Any
    max_norm: Any


class ClippedSGDUpdate(_ClippedSGD, Update):
    """The step of clipped SGD; it keeps nothing."""

    rotates: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: ClippedSGD, fresh: bool, dtype: Any) -> "ClippedSGDUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.max_norm))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k."""
        for j in range(W.shape[1]):
            scale = update.max_norm / (_norm(G, j) + TORCH_EPS)
            for i in range(W.shape[0]):
                V[i, j] = -G[i, j] * min(scale, 1.0)
                W[i, j] += update.lr * V[i, j]


class _NormalizedSGD(NamedTuple):
    lr: Any
    eps: Any


class NormalizedSGDUpdate(_NormalizedSGD, Update):
    """The step of normalised SGD; it keeps nothing."""

    rotates: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: NormalizedSGD, fresh: bool, dtype: Any) -> "NormalizedSGDUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.eps))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k: no move where the gradient and eps are 0."""
        for j in range(W.shape[1]):
            length = _norm(G, j) + update.eps
            for i in range(W.shape[0]):
                V[i, j] = -G[i, j] / length if length > 0 else 0.0 * length
                W[i, j] += update.lr * V[i, j]
