"""The steps of SAM, StochasticNewton and NaturalGradient, which are given the batch itself."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from linsgd.jit import Array, kernel
from linsgd.montecarlo.updates.update import BatchUpdate
from linsgd.optimizers.second_order import SAM, NaturalGradient, StochasticNewton

SAM_EPS = 1e-12  # added to the gradient's norm in the published code


@kernel
def _gradient(decay: Any, origin: Array, b: int, X: Array, E: Array, w: Array, g: Array) -> None:
    """Write the gradient X'(X w - E)/b + decay (w + origin) of the first b rows to g (d,)."""
    d = len(w)
    for i in range(d):
        g[i] = decay * (w[i] + origin[i])
    for q in range(b):
        residual = -E[q]
        for i in range(d):
            residual += X[q, i] * w[i]
        for i in range(d):
            g[i] += X[q, i] * (residual / b)


@kernel
def _second_moment(X: Array, first: int, last: int, C: Array) -> None:
    """Write the mean of x x' over the rows from `first` to before `last` to C (d, d)."""
    b = last - first
    d = len(C)
    for i in range(d):
        for j in range(i + 1):
            total = 0.0 * X[0, 0]
            for q in range(first, last):
                total += X[q, i] * X[q, j]
            C[i, j] = total / b
            C[j, i] = total / b


@kernel
def _solve(C: Array, shift: Any, g: Array) -> None:
    """Overwrite g by (C + shift I)^-1 g and C by Cholesky's factor L; nan where it has none."""
    d = len(g)
    for j in range(d):
        pivot = C[j, j] + shift
        for k in range(j):
            pivot -= C[j, k] * C[j, k]
        C[j, j] = np.sqrt(pivot)
        for i in range(j + 1, d):
            total = C[i, j]
            for k in range(j):
                total -= C[i, k] * C[j, k]
            C[i, j] = total / C[j, j]
    for i in range(d):  # L z = g
        for k in range(i):
            g[i] -= C[i, k] * g[k]
        g[i] /= C[i, i]
    for i in range(d - 1, -1, -1):  # L' y = z
        for k in range(i + 1, d):
            g[i] -= C[k, i] * g[k]
        g[i] /= C[i, i]


@kernel
def _move(lr: Any, w: Array, v: Array, g: Array) -> None:
    """Step w by -lr g and keep -g as the velocity."""
    for i in range(len(w)):
        v[i] = -g[i]
        w[i] -= lr * g[i]


class _SAM(NamedTuple):
    lr: Any
    rho: Any
    decay: Any
    origin: Any


class SAMUpdate(_SAM, BatchUpdate):
    """SAM's step; it keeps nothing."""

    given: ClassVar[tuple[str, ...]] = ("origin",)

    @classmethod
    def of(cls, sgd: SAM, fresh: bool, dtype: Any) -> "SAMUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.rho), dtype(sgd.weight_decay), None)

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, X: Array, E: Array) -> None:
        """Make step number k."""
        ahead = np.empty_like(W[0])
        g = np.empty_like(W[0])
        for c in range(len(W)):
            _gradient(update.decay, update.origin, X.shape[1], X[c], E[c], W[c], g)
            square = 0.0 * g[0]
            for i in range(len(g)):
                square += g[i] * g[i]
            length = np.sqrt(square) + SAM_EPS
            for i in range(len(g)):
                ahead[i] = W[c, i] + g[i] * (update.rho / length)
            _gradient(update.decay, update.origin, X.shape[1], X[c], E[c], ahead, g)
            _move(update.lr, W[c], V[c], g)


class _Newton(NamedTuple):
    lr: Any
    decay: Any
    shift: Any
    exact: bool
    split: bool
    origin: Any
    hessian: Any


class StochasticNewtonUpdate(_Newton, BatchUpdate):
    """Newton's step; it keeps nothing."""

    given: ClassVar[tuple[str, ...]] = ("origin", "hessian")

    def rows(self, batch_size: int) -> int:
        """Return how many samples a step takes: two batches if the curvature has its own."""
        return 2 * batch_size if self.split else batch_size

    @classmethod
    def of(cls, sgd: StochasticNewton, fresh: bool, dtype: Any) -> "StochasticNewtonUpdate":
        """Return the update of an optimizer."""
        return cls(
            lr=dtype(sgd.lr),
            decay=dtype(sgd.weight_decay),
            shift=dtype(sgd.weight_decay + sgd.damping),
            exact=sgd.curvature == "exact",
            split=sgd.curvature == "split",
            origin=None,
            hessian=None,
        )

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, X: Array, E: Array) -> None:
        """Make step number k: the gradient is that of the first b samples."""
        b = X.shape[1] // 2 if update.split else X.shape[1]
        g = np.empty_like(W[0])
        C = np.empty_like(update.hessian)
        for c in range(len(W)):
            _gradient(update.decay, update.origin, b, X[c], E[c], W[c], g)
            if update.exact:
                for i in range(len(g)):
                    for j in range(len(g)):
                        C[i, j] = update.hessian[i, j]
            else:
                _second_moment(X[c], X.shape[1] - b, X.shape[1], C)
            _solve(C, update.shift, g)
            _move(update.lr, W[c], V[c], g)


class _NaturalGradient(NamedTuple):
    lr: Any
    decay: Any
    damping: Any
    origin: Any


class NaturalGradientUpdate(_NaturalGradient, BatchUpdate):
    """The natural gradient's step; it keeps nothing."""

    given: ClassVar[tuple[str, ...]] = ("origin",)

    @classmethod
    def of(cls, sgd: NaturalGradient, fresh: bool, dtype: Any) -> "NaturalGradientUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.weight_decay), dtype(sgd.damping), None)

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, X: Array, E: Array) -> None:
        """Make step number k: overwrites X by the samples' gradients."""
        d = W.shape[1]
        g = np.empty_like(W[0])
        F = np.empty((d, d), W.dtype)
        for c in range(len(W)):
            _gradient(update.decay, update.origin, X.shape[1], X[c], E[c], W[c], g)
            for q in range(X.shape[1]):
                residual = -E[c, q]
                for i in range(d):
                    residual += X[c, q, i] * W[c, i]
                for i in range(d):
                    X[c, q, i] *= residual
            _second_moment(X[c], 0, X.shape[1], F)
            _solve(F, update.damping, g)
            _move(update.lr, W[c], V[c], g)
