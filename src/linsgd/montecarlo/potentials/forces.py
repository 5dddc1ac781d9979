r"""Stochastic gradients of a potential: its slope with the noise of a batch of b samples.

GaussianForce   constant covariance C: noise F z with F F' = C/b
ScaledForce     covariance C(x) I of a user's function: sqrt(C(x)/b) z
StableForce     stable of index alpha in each coordinate: b^{1/alpha - 1} times one sample's
BatchForce      minibatches of a finite sum, drawn with replacement

Stable variates are those of Chambers, Mallows and Stuck (JASA 71, 1976): with U uniform on (-pi/2,
pi/2) and E exponential, sin(alpha U)/cos(U)^{1/alpha} (cos((1 - alpha) U)/E)^{(1 - alpha)/alpha}.
"""

import math
from typing import Any, NamedTuple

from linsgd.jit import method
from linsgd.problems.potentials.finite_sum import BatchCode
from linsgd.variates import bits, log, normals, unit

slope = method("slope")


class _Gaussian(NamedTuple):
    potential: Any
    factor: Any  # (d, d)


class GaussianForce(_Gaussian):
    """The gradient with Gaussian noise of constant covariance."""

    @staticmethod
    def draw(force: Any, S: Any, j: int, x: Any, g: Any) -> None:
        """Write a stochastic gradient at x to g."""
        slope(force.potential, x, g)
        d = x.size
        for k in range(0, d, 2):
            first, second = normals(S, j)
            for i in range(d):
                g[i] += force.factor[i, k] * first
                if k + 1 < d:
                    g[i] += force.factor[i, k + 1] * second


class _Scaled(NamedTuple):
    potential: Any
    variance: Any  # record whose slope writes C(x)
    scale: Any  # b^(-1/2)


class ScaledForce(_Scaled):
    """The gradient with Gaussian noise whose variance depends on the position."""

    @staticmethod
    def draw(force: Any, S: Any, j: int, x: Any, g: Any) -> None:
        """Write a stochastic gradient at x to g."""
        slope(force.variance, x, g)
        std = force.scale * math.sqrt(g[0])
        slope(force.potential, x, g)
        for k in range(0, x.size, 2):
            first, second = normals(S, j)
            g[k] += std * first
            if k + 1 < x.size:
                g[k + 1] += std * second


class _Stable(NamedTuple):
    potential: Any
    alpha: Any
    scale: Any


class StableForce(_Stable):
    """The gradient with symmetric stable noise, independent in each coordinate."""

    @staticmethod
    def draw(force: Any, S: Any, j: int, x: Any, g: Any) -> None:
        """Write a stochastic gradient at x to g."""
        slope(force.potential, x, g)
        a = force.alpha
        for i in range(x.size):
            angle = math.pi * (unit(bits(S, j)) - 0.5)
            waiting = max(-log(unit(bits(S, j))), 1e-300)
            far = math.sin(a * angle) / math.cos(angle) ** (1.0 / a)
            g[i] += force.scale * far * (math.cos((1.0 - a) * angle) / waiting) ** (1.0 / a - 1.0)


class _Batch(NamedTuple):
    terms: BatchCode


class BatchForce(_Batch):
    """The gradient of a minibatch of a finite sum, drawn with replacement."""

    @staticmethod
    def draw(force: Any, S: Any, j: int, x: Any, g: Any) -> None:
        """Write a stochastic gradient at x to g."""
        for i in range(x.size):
            g[i] = 0.0
        n = force.terms.c.shape[0]
        for _ in range(force.terms.batch_size):
            term = math.ceil(unit(bits(S, j)) * n) - 1
            _add_slope(force.terms, term, x, g)
        for i in range(x.size):
            g[i] /= force.terms.batch_size


_add_slope = method("add_slope")
