r"""The law of the logarithm of one random factor A: h(s) = E|A|^s and its slope at every order.

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
    """The law of |A|, on which every exponent of a product of independent numbers depends."""

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
    """A law of few values or of nodes.

    Attributes
    ----------
    log_size, log_probability : ndarray (n,)
        Values of log|A| and the logs of their probabilities.
    tail : Pareto
        Beyond the largest value.
    rougher : Factor or None
        The law by coarser nodes, whose difference is the error.
    """

    log_size: FloatArray
    log_probability: FloatArray
    tail: Pareto = _NO_TAIL
    rougher: "Factor | None" = None

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E|A|^s and its slope; at s = 0 the slope is E log|A|."""
        log_mass, start, kappa = self.tail
        if not s < kappa:
            return math.inf, math.inf
        size = np.append(self.log_size, start)
        # the tail's moment is e^{s start} / (1 - s / kappa) times its probability
        log_terms = np.append(self.log_probability, log_mass - math.log1p(-s / kappa))
        if s:
            log_terms = log_terms + s * size
        top = float(log_terms.max())
        if top == -math.inf:
            return -math.inf, math.nan
        weight = np.exp(log_terms - top)
        total = float(weight.sum())
        # in the tail log|A| has the tilted mean start + 1 / (kappa - s)
        size[-1] += 1 / (kappa - s)
        kept = weight > 0
        slope = float(weight[kept] @ size[kept]) / total
        return top + math.log(total) if s else 0.0, slope

    def error(self, s: float) -> float:
        """Return the error of log E|A|^s; at s = 0 that of E log|A|."""
        value, slope = self.log_moment(s)
        rounding = _ROUNDING * (1 + abs(value) + 2 * max(s, 1.0) * abs(slope))
        if self.rougher is None:
            return rounding
        rough_value, rough_slope = self.rougher.log_moment(s)
        difference = rough_value - value if s else rough_slope - slope
        return rounding + abs(difference)
