"""The symmetric alpha-stable law with characteristic function exp(-|scale t|^alpha)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfc, erfcinv

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.stable.contour import LARGEST_X, RELATIVE_ERROR, SMALLEST_ALPHA, evaluate_all
from linsgd.stable.interpolation import ALPHA_SLOPE, LOG_DENSITY, LOG_SURVIVAL, Table

_MANY = 400  # points from which a table pays
_HALVINGS = 60  # of the bracket of log x that holds a quantile


@dataclass(frozen=True, slots=True, kw_only=False)
class Stable:
    r"""Symmetric alpha-stable law S(alpha)S(scale), centred at zero.

    Parameters
    ----------
    alpha : float
        Stability index in [0.3, 2]; 2 is the normal law of variance 2 scale^2, 1 is Cauchy's.
    scale : float
        Scale in (0, inf).

    Notes
    -----
    The characteristic function is :math:`E e^{itX} = e^{-|scale\, t|^\alpha}`. Density, survival
    function and their derivatives have a relative error below `relative_error` for |x| <= 1e12
    scale, also next to alpha = 1 and alpha = 2 and far in the tail; beyond, the leading power law
    is used, whose relative error is of order (|x|/scale)^-alpha.

    References
    ----------
    V. M. Zolotarev, One-dimensional Stable Distributions, AMS 1986.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.Stable(1.5)
    >>> print(f"{law.pdf(0.0):.6f} {law.sf(10.0):.6f} {law.quantile(0.975):.4f}")
    0.287353 0.006640 4.4814
    """

    alpha: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        domain = f"[{SMALLEST_ALPHA}, 2]"
        object.__setattr__(self, "alpha", domains.real("alpha", self.alpha, domain))
        object.__setattr__(self, "scale", domains.real("scale", self.scale, "(0, inf)"))

    @property
    def relative_error(self) -> float:
        """A bound of the relative error of `pdf`, `sf` and `cdf`, from tests against mpmath."""
        return RELATIVE_ERROR

    def cf(self, t: ArrayLike) -> FloatArray:
        """Return the characteristic function at t, of any shape."""
        size = np.abs(self.scale * _array("t", t))
        found: FloatArray = np.exp(-(size**self.alpha))
        return found

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return the logarithm of the density at x, of any shape."""
        z = np.abs(_array("x", x)) / self.scale
        return self._log_density(z) - math.log(self.scale)

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return the density at x, of any shape."""
        found: FloatArray = np.exp(self.logpdf(x))
        return found

    def sf(self, x: ArrayLike) -> FloatArray:
        """Return P(X > x) at x, of any shape; small values keep their relative accuracy."""
        x = _array("x", x)
        tail = self._tail(np.abs(x) / self.scale)
        return np.where(x >= 0, tail, 1 - tail)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return P(X <= x) at x, of any shape; small values keep their relative accuracy."""
        return self.sf(-_array("x", x))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return x with P(X <= x) = p, for p in (0, 1) of any shape."""
        p = _array("p", p)
        if not np.all((p > 0) & (p < 1)):
            domains.refuse("p", p, "(0, 1)")
        sign = np.where(p < 0.5, -1.0, 1.0)
        tail = np.minimum(p, 1 - p)
        return sign * self.scale * self._upper_quantile(tail)

    def score(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of `logpdf` in alpha and scale at |x| <= 1e12 scale, any shape."""
        z = np.abs(_array("x", x)) / self.scale
        if np.any(z > LARGEST_X):
            domains.refuse("x", x, f"at most {LARGEST_X:g} scale in size")
        largest = max(float(z.max(initial=0.0)), 1.0)
        table = Table.of(self.alpha, largest)
        in_scale = -(1 + z * table.slope(z)) / self.scale
        return table.at(z, ALPHA_SLOPE), in_scale

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent values (Chambers, Mallows, Stuck 1976)."""
        n = domains.integer("n", n, "[0, inf)")
        angle = rng.uniform(-np.pi / 2, np.pi / 2, n)
        waiting = rng.standard_exponential(n)
        a = self.alpha
        # X = sin(a U)/cos(U)^(1/a) (cos((1 - a) U)/E)^((1 - a)/a)
        values: FloatArray = np.sin(a * angle) / np.cos(angle) ** (1 / a)
        ratio = np.cos((1 - a) * angle) / waiting
        values *= ratio ** ((1 - a) / a)
        return self.scale * values

    def _log_density(self, z: FloatArray) -> FloatArray:
        """Return log f(z) of the law of unit scale, z >= 0."""
        if self.alpha == 2:
            return -(z**2) / 4 - math.log(2 * math.sqrt(math.pi))
        # f ~ z^-(alpha + 1)
        beyond = (self.alpha + 1) * np.log(np.maximum(z / LARGEST_X, 1))
        return self._log(z, LOG_DENSITY) - beyond

    def _log(self, z: FloatArray, function: int) -> FloatArray:
        """Return the logarithm of a function of `Table` at min(z, LARGEST_X), for z >= 0."""
        inside = np.minimum(z, LARGEST_X)
        if inside.size >= _MANY:
            table = Table.of(self.alpha, float(inside.max()))
            return table.at(inside, function)
        density, survival, slope = np.empty((3, inside.size))
        evaluate_all(inside.ravel(), self.alpha, density, survival, slope)
        values = density if function == LOG_DENSITY else survival
        logarithms: FloatArray = np.log(values)
        return logarithms.reshape(inside.shape)

    def _tail(self, z: FloatArray) -> FloatArray:
        """Return P(X > z) of the law of unit scale, z >= 0."""
        if self.alpha == 2:
            return np.asarray(erfc(z / 2) / 2)
        # P(X > z) ~ z^-alpha
        beyond = self.alpha * np.log(np.maximum(z / LARGEST_X, 1))
        return np.asarray(np.exp(self._log(z, LOG_SURVIVAL) - beyond))

    def _upper_quantile(self, tail: FloatArray) -> FloatArray:
        """Return z >= 0 of unit scale with P(X > z) = tail, for tail in (0, 1/2]."""
        if self.alpha == 2:
            return np.asarray(2 * erfcinv(2 * tail))
        log_tail = np.log(np.atleast_1d(tail))
        # P(X > z) <= C z^-alpha for a C of order one brackets log z from above
        lower = np.full(log_tail.shape, -700.0)
        upper = np.maximum((5.0 - log_tail) / self.alpha, 5.0)
        z = np.exp(np.clip(-log_tail / self.alpha, -2, 600))
        for _ in range(_HALVINGS):
            log_z = np.log(z)
            value = np.log(self._tail(z))
            too_near = value > log_tail
            lower = np.where(too_near, log_z, lower)
            upper = np.where(too_near, upper, log_z)
            # Newton in log z, d log P/d log z = -z f/P; halving where it leaves the bracket
            slope = -z * np.exp(self._log_density(z) - value)
            newton = log_z - (value - log_tail) / slope
            inside = (newton > lower) & (newton < upper)
            middle = (lower + upper) / 2
            new = np.exp(np.where(inside, newton, middle))
            settled = np.abs(new - z) <= 1e-15 * new
            z = new
            if settled.all():
                break
        found: FloatArray = np.where(log_tail == math.log(0.5), 0.0, z)
        return found.reshape(np.shape(tail))


def _array(name: str, values: ArrayLike) -> FloatArray:
    """Return `values` as floats; nan is refused."""
    found = np.asarray(values, dtype=np.float64)
    if np.isnan(found).any():
        domains.refuse(name, values, "real numbers without nan")
    return found
