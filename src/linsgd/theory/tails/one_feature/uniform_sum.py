r"""Batches of one uniform feature: moments of a - c S.

S is the sum of b squares of variables uniform on [0, 1]. With x = a / c, the moments on either side
of the zero, where sign is 1 or -1, are inverse Laplace transforms,

    E (sign (x - S))_+^s = Gamma(s + 1) / (2 pi i) int e^{sign p x} phi(sign p)^b p^{-s-1} dp,
    phi(p) = E e^{-p u^2} = sqrt(pi) i / (2 z) (1 - e^{z^2} w(z)),      z = sqrt(-p), Im z > 0,

w being Faddeeva's function, along a line through the saddle point on the positive axis, on which
the integrand is analytic and decays as |p|^{-s-1-b/2}: Gauss's rule on panels. Where that is slow
the end of the line is left to the b + 1 terms of the binomial expansion, each of which decays
exponentially along a ray of its own; far from [0, b] the line is bent to a parabola. Derivatives in
s take a factor psi(s + 1) - log p.
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
_PARABOLA = 24.0  # where a parabola ends, in units of its distance from 0 over sqrt(s + 1)
_ONE_END = 35.0  # distance from 0 beyond which only one end of [0, b] adds oscillations
_PHASE = 6.0  # within a panel
_GAUSS = 16  # nodes of a panel
_RAY, _RAY_STEP = (-4.0, 5.0), 0.012  # t of the nodes p = base + direction |base| exp(sinh t)
_SADDLE = 1e-3  # tolerance of the log of the saddle point, and step of its curvature


@dataclass(frozen=True, slots=True)
class UniformFactor:
    """The law of log|a - c S|, c > 0."""

    count: int
    a: float
    c: float

    def log_moment(self, s: float) -> tuple[float, float]:
        """Return log E|a - c S|^s and its slope; at s = 0 the slope is E log|a - c S|."""
        zero = self.a / self.c
        sides = [OneSidedMoment(sign, self.count, zero, s) for sign in (1, -1)]
        moments = [side.log_moment() for side in sides if side.reach > 0]
        values = np.array([value for value, _ in moments])
        slopes = np.array([slope for _, slope in moments])
        # E|a - c S|^s = c^s times the sum over the sides
        top = float(values.max())
        weight = np.exp(values - top)
        total = float(weight.sum())
        slope = math.log(self.c) + float(weight @ slopes) / total
        log_moment = s * math.log(self.c) + top + math.log(total)
        return log_moment if s else 0.0, slope

    def error(self, s: float) -> float:
        """Return the error of log E|a - c S|^s; at s = 0 that of E log|a - c S|.

        The rounding of the logarithms that cancel, as found against quadrature in mpmath.
        """
        value, slope = self.log_moment(s)
        size = float(gammaln(s + 1)) + s * abs(math.log(self.c)) + abs(value) + abs(slope)
        return 2e-13 + 4e-14 * self.count + 2e-15 * size


@dataclass(frozen=True, slots=True)
class OneSidedMoment:
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
        # Gauss's rule in Im p on each panel
        x, share = leggauss(_GAUSS)
        half = np.diff(edges)[:, None] / 2
        y = (edges[:-1, None] + half * (1 + x)).ravel()
        weight = (half * share).ravel() + 0j
        p = self.line(saddle, y)
        if self.far:  # dp = i (1 + i y / (2 saddle)) dy
            weight = weight * (1 + 0.5j * y / saddle)
        terms = weight * np.exp(self.exponent(p) - top)
        if slow:
            beyond, beyond_terms = self.beyond(saddle + 1j * edges[-1], top)
            p = np.append(p, beyond)
            terms = np.append(terms, beyond_terms)
        # Gamma(s + 1) / pi Re sum, and the mean of psi(s + 1) - log p
        total = float(terms.sum().real)
        derivative = terms * (digamma(self.s + 1) - np.log(p))
        slope = float(derivative.sum().real) / total
        log_moment = top + float(gammaln(self.s + 1)) + math.log(total / math.pi)
        return log_moment, slope

    def line(self, saddle: float, y: FloatArray) -> ComplexArray:
        """Return the points of the line of integration with imaginary parts y (n,)."""
        p: ComplexArray = saddle + 1j * y
        return p - y * y / (4 * saddle) if self.far else p

    def exponent(self, p: ComplexArray) -> ComplexArray:
        """Return the logarithm of the integrand."""
        power = (self.s + 1) * np.log(p)
        exponent: ComplexArray = self.sign * p * self.x + self.count * self.log_phi(p) - power
        return exponent

    def log_phi(self, p: ComplexArray) -> ComplexArray:
        """Return log phi(sign p): phi(p) = sqrt(pi) erf(r) / (2 r), phi(-p) = e^p D(r) / r.

        r = sqrt(p), and D is Dawson's integral.
        """
        root = np.sqrt(p)
        log_phi: ComplexArray
        if self.sign > 0:
            log_phi = np.log(math.sqrt(math.pi) / 2 * erf(root) / root)
        else:
            log_phi = np.log(dawsn(root) / root) + p
        return log_phi

    def saddle(self) -> tuple[float, float]:
        """Return the p > 0 where the integrand is least, and the width of its peak across."""

        def rise(log_p: float) -> float:
            # p times the derivative of the exponent, p phi'/phi = (e^{-sign p} / phi - 1) / 2
            p = math.exp(log_p)
            log_phi = float(self.log_phi(np.array([complex(p)]))[0].real)
            ratio = math.exp(-self.sign * p - log_phi)
            return self.sign * p * self.x + self.count * (ratio - 1) / 2 - (self.s + 1)

        high = math.log((self.s + 1 + self.count) / self.reach)
        low = high - 1
        while rise(low) > 0:
            low -= 1
        while rise(high) < 0:
            high += 1
        log_p = float(brentq(rise, low, high, xtol=_SADDLE))
        # the second derivative of the exponent in log p, by a difference
        change = rise(log_p + _SADDLE) - rise(log_p - _SADDLE)
        curvature = change / (2 * _SADDLE)
        saddle = math.exp(log_p)
        return saddle, saddle / math.sqrt(max(curvature, 1.0))

    def panels(self, saddle: float, width: float, top: float) -> tuple[FloatArray, bool]:
        """Return the edges of panels in Im p, and whether the integrand is not negligible there."""
        # where the integrand becomes negligible
        if self.far:
            longest = saddle * _PARABOLA / math.sqrt(self.s + 1)
        else:
            longest = _LINE * max(1.0, saddle)
        y = width * np.exp(np.arange(0.0, math.log(longest / width), 0.1))
        sizes = self.exponent(self.line(saddle, y)).real
        counting = np.flatnonzero(sizes > top - _NEGLIGIBLE)
        last = int(counting[-1])
        farthest = len(y) - 1
        end = y[min(last + 1, farthest)]
        slow = last == farthest and not self.far
        # panels grow with the distance, but hold a few oscillations at most
        frequency = self.reach + (self.count if saddle < _ONE_END else 0)
        longest_panel = math.inf if self.far or not frequency else _PHASE / frequency
        edges = [0.0]
        while edges[-1] < end:
            step = math.hypot(width, edges[-1]) / 2
            edges.append(edges[-1] + min(step, longest_panel))
        return np.array(edges), slow

    def beyond(self, base: complex, top: float) -> tuple[ComplexArray, ComplexArray]:
        """Return nodes and terms of the integral beyond `base`.

        phi^b = sum_k (b over k) (sqrt(pi) i / (2 z))^b (-1)^k e^{k z^2} w(z)^k; each power is
        integrated along the ray on which e^{p (x - k)} decays.
        """
        b = self.count
        k = np.arange(b + 1.0)[:, None]
        log_binomial = gammaln(b + 1) - gammaln(k + 1) - gammaln(b - k + 1)
        # the ray of each k: p = base + direction |base| exp(sinh t)
        gap = self.sign * (self.x - k)
        half_turns = np.where(gap > 0, 0.75, 0.25)
        direction = np.exp(1j * math.pi * half_turns)
        t = np.arange(*_RAY, _RAY_STEP)
        r = abs(base) * np.exp(np.sinh(t))
        p = base + direction * r
        # z = sqrt(-sign p), Im z > 0
        z = np.sqrt(-self.sign * p)
        z = np.where(z.imag < 0, -z, z)
        log_term = b * np.log(0.5j * math.sqrt(math.pi) / z) + k * np.log(wofz(z))
        log_term += p * gap + log_binomial - (self.s + 1) * np.log(p) - top
        # dp = i dy
        measure = direction * r * np.cosh(t) * _RAY_STEP / 1j
        terms = (-1) ** k * np.exp(log_term) * measure
        return p.ravel(), terms.ravel()
