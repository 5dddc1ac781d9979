"""Logarithms of a stable density and survival function at many points, by piecewise polynomials.

In y = asinh(x/x0), with x0 the width of the peak, log f, log P(X > x) and d log f/dalpha change by
order one over order one. Each panel holds their interpolating polynomials of degree `DEGREE` in the
Chebyshev points; a panel whose polynomials miss `contour` between the nodes by more than the
tolerance is halved. The largest point ends the last panel, so that nothing is extrapolated.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from linsgd.domains import FloatArray
from linsgd.jit import kernel
from linsgd.stable.contour import evaluate_all

DEGREE = 14
TOLERANCE = 2e-13  # of a logarithm: below the error of `contour`
ROUGH = 1e-9  # enough where a likelihood is maximised
_NARROWEST = 2.0**-8  # of a panel in y
LOG_DENSITY, LOG_SURVIVAL, ALPHA_SLOPE = range(3)  # the functions of a table
_NODES = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
_TESTS = np.array([-0.97, -0.43, 0.31, 0.88])  # away from the nodes, in no symmetry
_TO_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(_NODES, DEGREE))
_AT_TESTS = chebyshev.chebvander(_TESTS, DEGREE)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Chebyshev coefficients (panels, 3, DEGREE + 1) between the `edges` (panels + 1,) in y."""

    width: float
    edges: FloatArray
    coefficients: FloatArray

    @classmethod
    def of(cls, alpha: float, largest: float, tolerance: float = TOLERANCE) -> "Table":
        """Tabulate the law of unit scale on [0, largest]."""
        width = peak_width(alpha)
        last = math.asinh(largest / width)
        panels = max(1, math.ceil(last))
        starts = np.linspace(0, last, panels + 1)
        open_panels = list(itertools.pairwise(starts.tolist()))
        edges, polynomials = [0.0], []
        while open_panels:
            lower, upper = open_panels.pop(0)
            middle = (lower + upper) / 2
            half = (upper - lower) / 2
            y = middle + half * np.append(_NODES, _TESTS)
            exact = _logarithms(width * np.sinh(y), alpha)
            coefficients = exact[:, : DEGREE + 1] @ _TO_COEFFICIENTS.T
            error = np.abs(coefficients @ _AT_TESTS.T - exact[:, DEGREE + 1 :])
            allowed = tolerance * max(1.0, np.abs(exact).max())
            if error.max() > allowed and half > _NARROWEST:
                open_panels[:0] = [(lower, middle), (middle, upper)]
            else:
                edges.append(upper)
                polynomials.append(coefficients)
        return cls(width, np.array(edges), np.array(polynomials))

    def at(self, x: FloatArray, function: int) -> FloatArray:
        """Return a function of the table at x >= 0 of any shape.

        `function` is LOG_DENSITY, LOG_SURVIVAL or ALPHA_SLOPE, d log f/dalpha.
        """
        values = np.empty(x.size)
        coefficients = self.coefficients[:, function]
        _interpolate(x.ravel(), self.width, self.edges, coefficients, values)
        return values.reshape(x.shape)

    def slope(self, x: FloatArray) -> FloatArray:
        """Return d log f/dx at x >= 0 of any shape."""
        # d/dy of each polynomial, then dy/dx = 1 / sqrt(x^2 + x0^2)
        half = np.diff(self.edges)[:, None] / 2
        derivative = chebyshev.chebder(self.coefficients[:, LOG_DENSITY], axis=1) / half
        values = np.empty(x.size)
        _interpolate(x.ravel(), self.width, self.edges, np.ascontiguousarray(derivative), values)
        return values.reshape(x.shape) / np.hypot(x, self.width)


def peak_width(alpha: float) -> float:
    """Return x0 = sqrt(f(0)/|f''(0)|) of the law of unit scale."""
    # f(0) = Gamma(1/alpha)/(pi alpha) and f''(0) = -Gamma(3/alpha)/(pi alpha)
    log_square = math.lgamma(1 / alpha) - math.lgamma(3 / alpha)
    return math.exp(log_square / 2)


def _logarithms(x: FloatArray, alpha: float) -> FloatArray:
    """Return log f, log P(X > x) and d log f/dalpha (3, n)."""
    density, survival, slope = np.empty((3, x.size))
    evaluate_all(x, alpha, density, survival, slope)
    return np.array([np.log(density), np.log(survival), slope / density])


@kernel
def _interpolate(
    x: FloatArray, width: float, edges: FloatArray, coefficients: FloatArray, values: FloatArray
) -> None:
    """Fill `values` (n,) with the piecewise polynomial at x (n,), by Clenshaw's recurrence."""
    terms = coefficients.shape[1]
    for i in range(x.size):
        y = math.asinh(x[i] / width)
        panel = int(np.searchsorted(edges, y, side="right")) - 1
        panel = min(max(panel, 0), edges.size - 2)
        lower = edges[panel]
        upper = edges[panel + 1]
        z = (2 * y - lower - upper) / (upper - lower)
        # b_k = c_k + 2 z b_{k+1} - b_{k+2}
        ahead, now = 0.0, 0.0
        for k in range(terms - 1, 0, -1):
            ahead, now = now, 2 * z * now - ahead + coefficients[panel, k]
        values[i] = z * now - ahead + coefficients[panel, 0]
