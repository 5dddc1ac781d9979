r"""Any features, any optimizer: a population of vectors that multiplies as the products grow.

Each particle takes a step u -> M u drawn by `linsgd.theory.tails.particles.kernels`, is weighted by
|M u|^s times its likelihood ratio and resampled; the mean weight of a step estimates h(s), the mean
growth along the surviving lines of descent its logarithmic derivative. Without resampling the
average log growth is the Lyapunov exponent. `REPLICAS` populations give a Student-t interval,
widened by what halving the population changes (the bias is of order 1 / population) and by what the
two halves of the steps differ in (the start is forgotten at the rate of the operator's gap).

At the root h(alpha) = 1 the adapted norm is that of the noise amplified until the second moment is
just critical. The root is kept only where it agrees with the exact second and fourth moments by the
convexity of log h.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.direct_sum import mixes_slowly
from linsgd.theory.tails.moments import bracket
from linsgd.theory.tails.particles.adapted_norm import Frame, Kernel
from linsgd.theory.tails.particles.kernels import kernel_of
from linsgd.theory.tails.replicas import half_width
from linsgd.theory.tails.result import UNKNOWN, Interval
from linsgd.theory.tails.setting import Setting

REPLICAS, POPULATION, STEPS, SETTLING = 12, 400, 400, 150
PILOT, PILOT_STEPS, PILOT_SETTLING = 60, 100, 80
LARGEST_ORDER = 300.0
LARGEST_DIMENSION = 200
_TO_POLE = 0.1  # distance from the order at which moments become infinite: closer, squares overflow
_PILOTS, _REFINEMENTS = 6, 4
_FINE = 1e-4  # of the same, what a root may be in doubt by
_FROM_RIGHT = 1.03  # where Newton's method begins, over a rough root
_CALMER = 0.9
_SHORT = 0.2  # of the order or the way to the pole, a step of Newton's method
_CACHE = 2**15  # numbers
_ROUNDING = 1e-14  # of a mean of log|M u|, which may be 0 at every step
_BEYOND = 1.1  # factor by which the search passes the bracket, as it is noisy


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if setting.features.dimension > LARGEST_DIMENSION:
        return f"at most {LARGEST_DIMENSION} features"
    return (
        "rows whose angles are right, or not so by more than 1e-6" if mixes_slowly(setting) else ""
    )


def last_order(setting: Setting) -> float:
    """Return the order up to which moments are sampled."""
    return min(LARGEST_ORDER, largest_order(setting) - _TO_POLE)


@dataclass(frozen=True, slots=True)
class Run:
    """What the replicas measured: log h in each half of the steps (2, R), its slope, the weights' relative variance."""

    halves: FloatArray
    slope: float
    spread: float

    @property
    def value(self) -> float:
        """The mean over replicas and steps."""
        return float(self.halves.mean())


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """How `REPLICAS` populations of `size` unit vectors (R * size, 2, d), positions and displacements, step."""

    frame: Frame
    kernel: Kernel
    size: int

    @classmethod
    def of(cls, setting: Setting, size: int, log_radius: float = 0.0) -> "Population":
        """Return populations in the norm for h(s)^{2/s} near exp(log_radius)."""
        frame = Frame.of(setting, log_radius)
        return cls(frame, kernel_of(setting, frame), size)

    def start(self, rng: np.random.Generator) -> FloatArray:
        """Return vectors at rest, from all directions to those along which the norm is largest."""
        scale = np.maximum(self.frame.scale(), 1e-300)
        w = rng.standard_normal((REPLICAS * self.size, scale.size))
        w *= (scale / scale.max()) ** rng.choice([0.0, 0.5, 1.0, 2.0], (len(w), 1))
        state = np.stack([w, np.zeros_like(w)], axis=1)
        return state / np.sqrt(self.frame.squared(state))[:, None, None]

    def step(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the next unit vectors, the log growth (n,) and the log likelihood ratio (n,)."""
        block = max(1, _CACHE // self.kernel.width(s))
        pieces = [state[k : k + block] for k in range(0, len(state), block)]
        pulls, ratios = zip(*(self.kernel.pull(piece, s, rng) for piece in pieces), strict=True)
        state = self.frame.moved(state, np.concatenate(pulls))
        squared = np.maximum(self.frame.squared(state), 1e-300)
        return state / np.sqrt(squared)[:, None, None], np.log(squared) / 2, np.concatenate(ratios)

    def grow(self, seed: int, steps: int, settling: int) -> FloatArray:
        """Return the mean log growth a step in each half of the steps (2, R), without selection."""
        rng = np.random.default_rng(seed)
        state, halves = self.start(rng), np.zeros((2, REPLICAS))
        for k in range(-settling, steps):
            state, growth, _ = self.step(state, 0.0, rng)
            if k >= 0:
                halves[int(2 * k >= steps)] += growth.reshape(REPLICAS, -1).mean(axis=1) * 2 / steps
        return halves

    def multiply(self, s: float, seed: int, steps: int, settling: int) -> Run:
        """Return what `steps` steps of weighting and resampling measure."""
        rng = np.random.default_rng(seed)
        state, path = self.start(rng), np.zeros(REPLICAS * self.size)
        halves, spread = np.zeros((2, REPLICAS)), 0.0
        for k in range(-settling, steps):
            state, growth, ratio = self.step(state, s, rng)
            path = path * (k != 0) + growth
            log_weight = (s * growth + ratio).reshape(REPLICAS, -1)
            top = log_weight.max(axis=1, keepdims=True)
            weight = np.exp(log_weight - top)
            mean = weight.mean(axis=1, keepdims=True)
            if k >= 0:
                halves[int(2 * k >= steps)] += (np.log(mean) + top)[:, 0] * 2 / steps
                spread += float(np.mean((weight / mean - 1) ** 2)) / steps
            kept = _systematic(weight, rng)
            state, path = state[kept], path[kept]
        return Run(halves, float(path.mean()) / steps, spread)


def _systematic(weight: FloatArray, rng: np.random.Generator) -> IntArray:
    """Return indices (R * n,) drawn in each row (R, n) with one uniform variable, within one of the expected count."""
    replicas, size = weight.shape
    ends = np.cumsum(weight, axis=1)
    row = np.arange(replicas)[:, None]
    points = (np.arange(size) + rng.random((replicas, 1))) / size
    found = np.searchsorted((ends / ends[:, -1:] + row).ravel(), (points + row).ravel())
    kept: IntArray = np.minimum(found, np.repeat((row + 1) * size - 1, size))
    return kept


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return the mean log growth."""
    return _confidence(Population.of(setting, POPULATION).grow(seed, STEPS, SETTLING), 0.0)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s); nothing is known of it beyond `last_order`."""
    if s > last_order(setting):
        return UNKNOWN
    guess = Population.of(setting, PILOT).multiply(s, seed, PILOT_STEPS, PILOT_SETTLING).value
    return _estimate(setting, s, seed, 2 * guess / s if s > 0 else 0.0)[0]


def _estimate(setting: Setting, s: float, seed: int, log_radius: float) -> tuple[Interval, float]:
    """Return log h(s) and its slope."""
    whole, half = (
        Population.of(setting, size, log_radius).multiply(s, seed, STEPS, SETTLING)
        for size in (POPULATION, POPULATION // 2)
    )
    if whole.spread > POPULATION / 20:
        return UNKNOWN, whole.slope
    return _confidence(whole.halves, abs(whole.value - half.value)), whole.slope


def _confidence(halves: FloatArray, bias: float) -> Interval:
    """Return the Student-t interval of a mean over replicas, widened by `bias` and by what the halves differ in."""
    drift, values = halves[1] - halves[0], halves.mean(axis=0)
    unsettled = max(0.0, abs(float(drift.mean())) - half_width(drift))
    return Interval.about(float(values.mean()), half_width(values) + bias + unsettled + _ROUNDING)


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, cut to the bracket of the even moments where these are known."""
    value, lower, upper = known = bracket.exponent(setting)
    if value == value:
        return known
    last, few = last_order(setting), Population.of(setting, PILOT)

    def rough(s: float) -> float:
        return few.multiply(s, seed, PILOT_STEPS, PILOT_SETTLING).value / s

    low, high = max(lower / _BEYOND, 0.02), min(_BEYOND * upper, last)
    if low >= high:
        return Interval(math.nan, lower, upper)
    if upper == largest_order(setting):
        high = min(2 * max(low, 1.0), last)
        while high < last and rough(high) < 0:
            low, high = high, min(2 * high, last)
    if high == last and _estimate(setting, last, seed, 0.0)[0].upper < 0:
        return Interval(math.nan, last, upper)
    if rough(low) > 0 or rough(high) < 0:
        return Interval(math.nan, lower, upper)
    start = float(brentq(rough, low, high, rtol=1e-2))
    alpha = _refined(setting, start, seed, last)
    if not rough(start / 2) < 0 < rough(min(1.25 * start, last)):
        return Interval(math.nan, lower, upper)
    if not max(lower, alpha.lower) <= min(upper, alpha.upper):
        return Interval(math.nan, lower, upper)
    return Interval(
        float(np.clip(alpha.value, lower, upper)), max(lower, alpha.lower), min(upper, alpha.upper)
    )


def _refined(setting: Setting, start: float, seed: int, last: float) -> Interval:
    """Return the root by Newton's method from its right: to its left a slower branch of log h may be on top.

    log h is convex; its second derivative over its slope is at least of the order of one over the
    order, or over the distance to a pole, or what two slopes show.
    """
    few = Population.of(setting, PILOT)
    before, steep, s = last, math.inf, min(_FROM_RIGHT * start, last)
    for _ in range(_PILOTS):
        pilot = few.multiply(s, seed, PILOT_STEPS, PILOT_SETTLING)
        if not pilot.slope > 0:
            break
        before, steep, s = (
            s,
            pilot.slope,
            float(np.clip(s - pilot.value / pilot.slope, start / 2, last)),
        )
        if abs(before - s) < _FINE * s:
            break
    for k in range(_REFINEMENTS):
        found, slope = _estimate(setting, s, seed + k, 0.0)
        if found.value != found.value:  # weights are less wild to the left
            s *= _CALMER
            continue
        if not slope > 0:
            s = (s + before) / 2
            continue
        value, lower, upper = (
            s - log_h / slope for log_h in (found.value, found.upper, found.lower)
        )
        scale = min(s, largest_order(setting) - s)
        bend = (value - s) ** 2 * max(
            1 / scale, abs(steep - slope) / max(abs(before - s), 1e-3 * s) / slope
        )
        if max(upper - s, s - lower) < _SHORT * scale and bend < max(
            (upper - lower) / 2, _FINE * scale
        ):
            return Interval(value, lower - bend, upper + bend)
        before, steep, s = s, slope, min(value, last)
    return UNKNOWN
