r"""Batches of one uniform feature: moments of a - c S, S the sum of b squares of variables uniform on [0, 1].

With x = a / c, the moments on either side of the zero, where sign is 1 or -1, are inverse Laplace
transforms,

    E (sign (x - S))_+^s = Gamma(s + 1) / (2 pi i) int e^{sign p x} phi(sign p)^b p^{-s-1} dp,
    phi(p) = E e^{-p u^2} = sqrt(pi) i / (2 z) (1 - e^{z^2} w(z)),      z = sqrt(-p), Im z > 0, w Faddeeva's function,

along a line through the saddle point on the positive axis, on which the integrand is analytic and
decays as |p|^{-s-1-b/2}: Gauss's rule on panels. Where that is slow the end of the line is left to
the b + 1 terms of the binomial expansion, each of which decays exponentially along a ray of its
own; far from [0, b] the line is bent to a parabola. Derivatives in s take a factor psi(s + 1) - log
p.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import dawsn, digamma, erf, gammaln, wofz

from linsgd.domains import FloatArray

ComplexArray: TypeAlias = NDArray[np.complexfloating]

_NEGLIGIBLE = 42.0  # below the largest logarithm of an integrand
_LINE = 30.0  # where a slow line ends, in units of its distance from 0
_BEND = 24.0  # where a parabola ends, in units of its distance from 0 over sqrt(s + 1)
_BARE = 35.0  # distance from 0 beyond which exponentials leave one end of [0, b] only
_PHASE = 6.0  # within a panel


@dataclass(frozen=True, slots=True)
class UniformFactor:
    """The law of log|a - c S|, c > 0."""

    count: int
    a: float
    c: float

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E|a - c S|^s and its slope; at s = 0 the slope is E log|a - c S|."""
        sides = [Side(sign, self.count, self.a / self.c, s) for sign in (1, -1)]
        moments = [side.log_moment() for side in sides if side.reach > 0]
        top = max(value for value, _ in moments)
        weight = np.exp([value - top for value, _ in moments])
        slope = math.log(self.c) + float(weight @ [slope for _, slope in moments] / weight.sum())
        return (s * math.log(self.c) + top + math.log(weight.sum()) if s else 0.0), slope

    def error(self, s: float) -> float:
        """Return the error of log E|a - c S|^s; at s = 0 that of E log|a - c S|."""
        value, slope = self.log_moment(s)
        size = float(gammaln(s + 1)) + s * abs(math.log(self.c)) + abs(value) + abs(slope)
        return 2e-13 + 4e-14 * self.count + 2e-15 * size


@dataclass(frozen=True, slots=True)
class Side:
    """The moment of order s of sign (x - S) where it is positive."""

    sign: int
    count: int
    x: float
    s: float

    @property
    def reach(self) -> float:
        """The largest value of sign (x - S)."""
        return self.x if self.sign > 0 else self.count - self.x

    @property
    def far(self) -> bool:
        """Whether x is far from [0, b], on the side where S never passes it."""
        return self.reach >= 2 * self.count

    def log_moment(self) -> tuple[float, float]:
        """Return the logarithm of the moment and its slope in s."""
        saddle, width = self.saddle()
        top = float(self.exponent(np.array([complex(saddle)]))[0].real)
        edges, slow = self.panels(saddle, width, top)
        x, share = leggauss(16)
        half = np.diff(edges)[:, None] / 2
        y, weight = (edges[:-1, None] + half * (1 + x)).ravel(), (half * share).ravel() + 0j
        p = saddle + 1j * y
        if self.far:
            p, weight = p - y * y / (4 * saddle), weight * (1 + 0.5j * y / saddle)
        terms = weight * np.exp(self.exponent(p) - top)
        if slow:
            beyond, weight = self.beyond(saddle + 1j * edges[-1], top)
            p, terms = np.append(p, beyond), np.append(terms, weight)
        total = float(terms.sum().real)
        slope = float((terms * (digamma(self.s + 1) - np.log(p))).sum().real) / total
        return top + float(gammaln(self.s + 1)) + math.log(total / math.pi), slope

    def exponent(self, p: ComplexArray) -> ComplexArray:
        """Return the logarithm of the integrand."""
        exponent: ComplexArray = (
            self.sign * p * self.x + self.count * self.log_phi(p) - (self.s + 1) * np.log(p)
        )
        return exponent

    def log_phi(self, p: ComplexArray) -> ComplexArray:
        """Return log phi(sign p)."""
        root = np.sqrt(p)
        scaled = (
            math.sqrt(math.pi) / 2 * erf(root) if self.sign > 0 else dawsn(root)
        )  # the latter by e^{-p}
        log_phi: ComplexArray = np.log(scaled / root) + (0 if self.sign > 0 else p)
        return log_phi

    def saddle(self) -> tuple[float, float]:
        """Return where the integrand is least on the positive axis, and the width of its peak across."""

        def rise(log_p: float) -> float:  # p times the derivative of the exponent
            p = math.exp(log_p)
            ratio = math.exp(-self.sign * p - float(self.log_phi(np.array([complex(p)]))[0].real))
            return self.sign * p * self.x + self.count * (ratio - 1) / 2 - (self.s + 1)

        high = math.log((self.s + 1 + self.count) / self.reach)
        low = high - 1
        while rise(low) > 0:
            low -= 1
        while rise(high) < 0:
            high += 1
        log_p = float(brentq(rise, low, high, xtol=1e-3))
        curvature = (rise(log_p + 1e-3) - rise(log_p - 1e-3)) / 2e-3
        return math.exp(log_p), math.exp(log_p) / math.sqrt(max(curvature, 1.0))

    def panels(self, saddle: float, width: float, top: float) -> tuple[FloatArray, bool]:
        """Return the edges of panels in Im p, and whether the integrand is not negligible at their end."""
        most = saddle * _BEND / math.sqrt(self.s + 1) if self.far else _LINE * max(1.0, saddle)
        y = width * np.exp(np.arange(0.0, math.log(most / width), 0.1))
        p = saddle + 1j * y - (y * y / (4 * saddle) if self.far else 0)
        last = int(np.flatnonzero(self.exponent(p).real > top - _NEGLIGIBLE)[-1])
        end = y[min(last + 1, len(y) - 1)]
        slow = last == len(y) - 1 and not self.far
        turns = 0.0 if self.far else self.reach + (self.count if saddle < _BARE else 0)
        edges = [0.0]
        while edges[-1] < end:
            step = math.hypot(width, edges[-1]) / 2
            edges.append(edges[-1] + (min(step, _PHASE / turns) if turns else step))
        return np.array(edges), slow

    def beyond(self, base: complex, top: float) -> tuple[ComplexArray, ComplexArray]:
        """Return nodes and terms beyond `base`, each power of the expansion along the ray on which it decays."""
        k = np.arange(self.count + 1.0)[:, None]
        log_binomial = gammaln(self.count + 1) - gammaln(k + 1) - gammaln(self.count - k + 1)
        gap = self.sign * (self.x - k)
        direction = np.exp(1j * math.pi * np.where(gap > 0, 0.75, 0.25))
        t = np.arange(-4.0, 5.0, 0.012)
        r = abs(base) * np.exp(np.sinh(t))
        p = base + direction * r
        z = np.sqrt(-self.sign * p)
        z = np.where(z.imag < 0, -z, z)
        log_term = (
            self.count * np.log(0.5j * math.sqrt(math.pi) / z) + k * np.log(wofz(z)) + p * gap
        )
        log_term += log_binomial - (self.s + 1) * np.log(p) - top
        terms = (-1) ** k * np.exp(log_term) * direction * r * np.cosh(t) * 0.012 / 1j  # dp = i dy
        return p.ravel(), terms.ravel()
