"""The step of `linsgd.Muon`, in torch's order of operations."""

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.jit import Array, inlined, kernel
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.decoupled import COEFFICIENTS, Muon

LARGEST_DEPTH = 200  # steps of 1.5 X - 0.5 X X'X: singular values down to 1.5^-200 rise to 1


@kernel
def _polynomial(X: Array, gram: Array, a: Any, b: Any, c: Any) -> Any:
    """Overwrite X (m, n) by a X + (b S + c S^2) X, S = X X'; return the squared change."""
    m, n = X.shape
    change = 0.0 * X[0, 0]
    for i in range(m):
        for k in range(m):
            gram[i, k] = 0
            for q in range(n):
                gram[i, k] += X[i, q] * X[k, q]
    column = np.empty(m, X.dtype)
    for q in range(n):
        for i in range(m):  # S x
            column[i] = 0
            for k in range(m):
                column[i] += gram[i, k] * X[k, q]
        for i in range(m):
            moved = a * X[i, q] + b * column[i]
            for k in range(m):
                moved += c * gram[i, k] * column[k]
            gram[m, i] = moved
        for i in range(m):
            change += (gram[m, i] - X[i, q]) ** 2
            X[i, q] = gram[m, i]
    return change


@inlined
def orthogonalise(X: Array, update: Any) -> None:
    """Overwrite X (m, n), m <= n, by the polynomial's value or by the factor U V' itself.

    U V' is the limit of X <- 1.5 X - 0.5 X X'X; singular values that are 0 remain.
    """
    a, b, c = update.coefficients
    gram = np.empty((X.shape[0] + 1, X.shape[0]), X.dtype)
    size = np.sqrt(np.sum(X * X))
    for i in range(X.shape[0]):
        for q in range(X.shape[1]):
            X[i, q] /= max(size, update.eps)
    if update.exact:
        rounding = X.size * np.finfo(X.dtype).eps ** 2
        for _ in range(LARGEST_DEPTH):
            if _polynomial(X, gram, 1.5, -0.5, 0.0) <= rounding:
                break
    else:
        for _ in range(update.steps):
            _polynomial(X, gram, a, b, c)


class _Muon(NamedTuple):
    lr: Any
    adjusted_lr: Any
    momentum: Any
    share: Any
    nesterov: bool
    exact: bool
    steps: int
    eps: Any
    coefficients: tuple[Any, Any, Any]
    rows: int
    columns: int
    kept: Any
    origin: Any


class MuonUpdate(_Muon, Update):
    """Muon's step; the running mean of the gradient."""

    slots: ClassVar[int] = 1
    given: ClassVar[tuple[str, ...]] = ("origin",)

    @classmethod
    def of(cls, sgd: Muon, fresh: bool, dtype: Any) -> "MuonUpdate":
        """Return the update of an optimizer."""
        rows, columns = sgd.shape
        a, b, c = (dtype(x) for x in COEFFICIENTS)
        return cls(
            lr=dtype(sgd.lr),
            adjusted_lr=dtype(sgd.lr * math.sqrt(max(1, rows / columns))),
            momentum=dtype(sgd.momentum),
            share=dtype(1 - sgd.momentum),
            nesterov=sgd.nesterov,
            exact=sgd.orthogonal == "svd",
            steps=sgd.ns_steps,
            eps=dtype(sgd.eps),
            coefficients=(a, b, c),
            rows=rows,
            columns=columns,
            kept=dtype(1 - sgd.lr * sgd.weight_decay),
            origin=None,
        )

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k: the matrix of a chain lies with its shorter side upright."""
        tall = update.rows > update.columns
        columns = update.columns
        sides = min(update.rows, columns), max(update.rows, columns)
        X = np.empty(sides, W.dtype)
        for j in range(W.shape[1]):
            for i in range(W.shape[0]):
                g = G[i, j]
                mean = M[0, i, j] + (g - M[0, i, j]) * update.share
                M[0, i, j] = mean
                along = mean - (mean - g) * update.share if update.nesterov else mean
                r = i // columns
                c = i % columns
                X[c if tall else r, r if tall else c] = along
            orthogonalise(X, update)
            for i in range(W.shape[0]):
                before = W[i, j]
                r = i // columns
                c = i % columns
                move = update.adjusted_lr * X[c if tall else r, r if tall else c]
                W[i, j] = before * update.kept - (1 - update.kept) * update.origin[i] - move
                V[i, j] = (W[i, j] - before) / update.lr
