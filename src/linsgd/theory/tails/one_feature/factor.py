r"""The law of the logarithm of one random factor A, from which h(s) = E|A|^s and its slope follow at every order.

It is a list of values with their probabilities, and, where the features have heavy tails, a Pareto
law beyond the largest value l: log|A| - l is exponential of rate kappa there, and E|A|^s is finite
for s < kappa only.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from linsgd.domains import FloatArray

_ROUNDING = 5e-14


class FactorLaw(Protocol):
    """What decides every exponent of a product of independent numbers."""

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E|A|^s and its slope; at s = 0 the slope is E log|A|."""

    def error(self, s: float) -> float:
        """Return the error of log E|A|^s; at s = 0 that of E log|A|."""


class Pareto(NamedTuple):
    """The log of the probability of a tail, where it starts in log|A|, and its exponent."""

    log_probability: float
    start: float
    exponent: float


_NO_TAIL = Pareto(-math.inf, 0.0, math.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Values of log|A| (n,), the logs of their probabilities, and the tail; `rougher`, less exact, tells the error."""

    log_size: FloatArray
    log_probability: FloatArray
    tail: Pareto = _NO_TAIL
    rougher: "Factor | None" = None

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E|A|^s and its slope; at s = 0 the slope is E log|A|."""
        mass, start, kappa = self.tail
        if not s < kappa:
            return math.inf, math.inf
        size = np.append(self.log_size, start)
        terms = np.append(self.log_probability, mass - math.log1p(-s / kappa)) + (
            s * size if s else 0.0
        )
        top = float(terms.max())
        if top == -math.inf:
            return -math.inf, math.nan
        weight = np.exp(terms - top)
        size[-1] += 1 / (kappa - s)
        there = weight > 0
        total = float(weight.sum())
        return top + math.log(total) if s else 0.0, float(weight[there] @ size[there]) / total

    def error(self, s: float) -> float:
        """Return the error of log E|A|^s; at s = 0 that of E log|A|."""
        value, slope = self.log_moment(s)
        rounding = _ROUNDING * (1 + abs(value) + 2 * max(s, 1.0) * abs(slope))
        if self.rougher is None:
            return rounding
        return rounding + abs(self.rougher.log_moment(s)[s == 0] - (value, slope)[s == 0])
