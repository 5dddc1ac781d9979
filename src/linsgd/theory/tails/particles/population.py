r"""Any features, any optimizer: a population of vectors that multiplies as the products grow.

Each particle takes a step u -> M u drawn by `linsgd.theory.tails.particles.step_samplers`, is
weighted by |M u|^s times its likelihood ratio and resampled; the mean weight of a step estimates
h(s), the mean growth along the surviving lines of descent its logarithmic derivative. Without
resampling the average log growth is the Lyapunov exponent. `REPLICAS` populations give a Student-t
interval, widened by the change when the population is halved (the bias is of order 1 / population)
and by the difference of the two halves of the steps (the start is forgotten at the rate of the
operator's gap).

At the root h(alpha) = 1 the adapted norm is that of the noise amplified until the second moment is
just critical. The root is kept only where it agrees with the exact second and fourth moments by the
convexity of log h.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.tails.bounded_steps import largest_order
from linsgd.theory.tails.direct_sum import mixes_slowly
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.particles.adapted_norm import AdaptedNorm, StepSampler
from linsgd.theory.tails.particles.step_samplers import sampler_of
from linsgd.theory.tails.replicas import half_width
from linsgd.theory.tails.result import UNKNOWN, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, SampleBudget
from linsgd.theory.tails.setting import Setting

REPLICAS, POPULATION, STEPS, SETTLING = 12, 400, 400, 150
PILOT, PILOT_STEPS, PILOT_SETTLING = 60, 100, 80
LARGEST_ORDER = 300.0
LARGEST_DIMENSION = 200
_SMALLEST_ORDER = 0.02
_TO_POLE = 0.1  # distance from the order of infinite moments: closer, squares overflow
_SEARCH = 12  # pilots of a bracketed search, about
_PILOTS, _REFINEMENTS = 6, 4
_FINE = 1e-4  # relative doubt of a root
_FROM_RIGHT = 1.03  # where Newton's method begins, over a rough root
_CALMER = 0.9  # factor of an order at which weights are too uneven
_SHORT = 0.2  # longest step of Newton's method, of the order or the distance to the pole
_WILD = 1 / 20  # relative variance of the weights, over the population, that is too large
_BELOW, _ABOVE = 0.5, 1.25  # orders over alpha at which the signs of log h are checked
_CACHE = 2**15  # numbers
_ROUNDING = 1e-14  # of a mean of log|M u|, which may be 0 at every step
_BEYOND = 1.1  # factor by which the search passes the bracket, as it is noisy


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the method applies."""
    if setting.features.dimension > LARGEST_DIMENSION:
        return f"at most {LARGEST_DIMENSION} features"
    return "rows at right angles, or not so by more than 1e-6" if mixes_slowly(setting) else ""


def last_order(setting: Setting) -> float:
    """Return the order up to which moments are sampled."""
    return min(LARGEST_ORDER, largest_order(setting) - _TO_POLE)


class Run(NamedTuple):
    """The measurements of the replicas.

    Attributes
    ----------
    halves : ndarray (2, R)
        log h in each half of the steps.
    slope : float
        Of log h in s.
    spread : float
        The relative variance of the weights.
    """

    halves: FloatArray
    slope: float
    spread: float

    @property
    def value(self) -> float:
        """The mean over replicas and steps."""
        return float(self.halves.mean())


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """`REPLICAS` populations of `size` unit vectors (w, v), in arrays (R * size, 2, d)."""

    norm: AdaptedNorm
    sampler: StepSampler
    size: int
    budget: SampleBudget = UNLIMITED

    @classmethod
    def of(
        cls,
        setting: Setting,
        size: int,
        log_radius: float = 0.0,
        budget: SampleBudget = UNLIMITED,
    ) -> "Population":
        """Return populations in the adapted norm for h(s)^{2/s} near exp(log_radius)."""
        norm = AdaptedNorm.of(setting, log_radius)
        return cls(norm, sampler_of(setting, norm), size, budget)

    def start(self, rng: np.random.Generator) -> FloatArray:
        """Return vectors at rest, from all directions to those along which the norm is largest."""
        scale = np.maximum(self.norm.scale(), 1e-300)
        w = rng.standard_normal((REPLICAS * self.size, scale.size))
        powers = rng.choice([0.0, 0.5, 1.0, 2.0], (len(w), 1))
        w *= (scale / scale.max()) ** powers
        state = np.stack([w, np.zeros_like(w)], axis=1)
        length = np.sqrt(self.norm.squared(state))
        return state / length[:, None, None]

    def step(
        self, state: FloatArray, s: float, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the next unit vectors, the log growth (n,) and the log likelihood ratio (n,)."""
        n = len(state)
        self.budget.take(n)
        block = max(1, _CACHE // self.sampler.width(s))
        pieces = [state[k : k + block] for k in range(0, n, block)]
        drawn = [self.sampler.gradients(piece, s, rng) for piece in pieces]
        gradient = np.concatenate([gradient for gradient, _ in drawn])
        log_ratio = np.concatenate([log_ratio for _, log_ratio in drawn])
        state = self.norm.moved(state, gradient)
        squared = np.maximum(self.norm.squared(state), 1e-300)
        unit = state / np.sqrt(squared)[:, None, None]
        return unit, np.log(squared) / 2, log_ratio

    def grow(self, seed: int, steps: int, settling: int) -> FloatArray:
        """Return the mean log growth a step in each half of the steps (2, R), without selection."""
        rng = np.random.default_rng(seed)
        state = self.start(rng)
        halves = np.zeros((2, REPLICAS))
        for k in range(-settling, steps):
            state, growth, _ = self.step(state, 0.0, rng)
            if k >= 0:
                half = int(2 * k >= steps)
                mean = growth.reshape(REPLICAS, -1).mean(axis=1)
                halves[half] += mean * 2 / steps
        return halves

    def multiply(self, s: float, seed: int, steps: int, settling: int) -> Run:
        """Return the measurements of `steps` steps of weighting and resampling."""
        rng = np.random.default_rng(seed)
        state = self.start(rng)
        path = np.zeros(len(state))  # log growth along the lines of descent
        halves = np.zeros((2, REPLICAS))
        spread = 0.0
        for k in range(-settling, steps):
            state, growth, log_ratio = self.step(state, s, rng)
            path = path * (k != 0) + growth  # from the end of the settling on
            # the weights of each replica, over the largest
            log_weight = (s * growth + log_ratio).reshape(REPLICAS, -1)
            top = log_weight.max(axis=1, keepdims=True)
            weight = np.exp(log_weight - top)
            mean = weight.mean(axis=1, keepdims=True)
            if k >= 0:
                half = int(2 * k >= steps)
                log_mean = np.log(mean) + top
                halves[half] += log_mean[:, 0] * 2 / steps
                spread += float(np.mean((weight / mean - 1) ** 2)) / steps
            kept = _systematic(weight, rng)
            state = state[kept]
            path = path[kept]
        return Run(halves, float(path.mean()) / steps, spread)


def _systematic(weight: FloatArray, rng: np.random.Generator) -> IntArray:
    """Return the indices (R * n,) of a systematic resample of each row (R, n).

    One uniform variable a row; each index occurs its expected number of times, to within one.
    """
    replicas, size = weight.shape
    row = np.arange(replicas)[:, None]
    # inversion of all rows at once: row i occupies [i, i + 1]
    ends = np.cumsum(weight, axis=1)
    ends = (ends / ends[:, -1:] + row).ravel()
    points = (np.arange(size) + rng.random((replicas, 1))) / size + row
    found = np.searchsorted(ends, points.ravel())
    last = np.repeat((row + 1) * size - 1, size)
    kept: IntArray = np.minimum(found, last)
    return kept


def lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the mean log growth."""
    budget.plan(REPLICAS * POPULATION * (STEPS + SETTLING))
    population = Population.of(setting, POPULATION, budget=budget)
    return _confidence(population.grow(budget.seed, STEPS, SETTLING), 0.0)


def rough_lyapunov(setting: Setting, budget: SampleBudget = UNLIMITED) -> float:
    """Return the mean log growth of few particles.

    The same seed at every step size makes it smooth in that.
    """
    population = Population.of(setting, PILOT, budget=budget)
    return float(population.grow(budget.seed, 2 * PILOT_STEPS, SETTLING).mean())


def log_spectral(setting: Setting, s: float, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return log h(s); nothing is known of it beyond `last_order`."""
    if s > last_order(setting):
        return UNKNOWN
    budget.plan(_planned(pilots=1, estimates=1))
    few = Population.of(setting, PILOT, budget=budget)
    log_radius = 2 * _pilot(few, s).value / s if s > 0 else 0.0
    return _estimate(setting, s, budget, budget.seed, log_radius)[0]


def _planned(pilots: int, estimates: int) -> int:
    """Return the sampled steps of pilots and estimates."""
    pilot = PILOT * (PILOT_STEPS + PILOT_SETTLING)
    estimate = (POPULATION + POPULATION // 2) * (STEPS + SETTLING)
    return REPLICAS * (pilots * pilot + estimates * estimate)


def _pilot(few: Population, s: float) -> Run:
    """Return what a short run of few particles measures."""
    return few.multiply(s, few.budget.seed, PILOT_STEPS, PILOT_SETTLING)


def _estimate(
    setting: Setting, s: float, budget: SampleBudget, seed: int, log_radius: float = 0.0
) -> tuple[Interval, float]:
    """Return log h(s) and its slope; no value where few particles carry the weight."""

    def run(size: int) -> Run:
        population = Population.of(setting, size, log_radius, budget)
        return population.multiply(s, seed, STEPS, SETTLING)

    whole = run(POPULATION)
    half = run(POPULATION // 2)
    if whole.spread > _WILD * POPULATION:
        return UNKNOWN, whole.slope
    bias = abs(whole.value - half.value)
    return _confidence(whole.halves, bias), whole.slope


def _confidence(halves: FloatArray, bias: float) -> Interval:
    """Return the Student-t interval of a mean over replicas (2, R).

    Widened by `bias` and by what the two halves of the steps differ in beyond their own error.
    """
    values = halves.mean(axis=0)
    drift = halves[1] - halves[0]
    unsettled = max(0.0, abs(float(drift.mean())) - half_width(drift))
    error = half_width(values) + bias + unsettled + _ROUNDING
    return Interval.about(float(values.mean()), error)


def exponent(setting: Setting, budget: SampleBudget = UNLIMITED) -> Interval:
    """Return the root of log h, cut to the bracket of the even moments where these are known.

    Short runs of few particles, the pilots, find it roughly between two orders and check the signs
    of log h on either side; longer ones refine it.
    """
    known = even_moments.exponent(setting)
    if known.resolved:
        return known
    unresolved = Interval.between(known.lower, known.upper)
    last = last_order(setting)
    few = Population.of(setting, PILOT, budget=budget)
    budget.plan(_planned(_SEARCH + _PILOTS, _REFINEMENTS + 1))

    def rough(s: float) -> float:
        return _pilot(few, s).value / s

    low = max(known.lower / _BEYOND, _SMALLEST_ORDER)
    high = min(_BEYOND * known.upper, last)
    if low >= high:
        return unresolved
    if known.upper == largest_order(setting):  # no upper bound: doubling
        high = min(2 * max(low, 1.0), last)
        while high < last and rough(high) < 0:
            low = high
            high = min(2 * high, last)
    if high == last:
        at_last, _ = _estimate(setting, last, budget, budget.seed)
        if at_last.upper < 0:
            return Interval.between(last, known.upper)
    if rough(low) > 0 or rough(high) < 0:
        return unresolved
    start = float(brentq(rough, low, high, rtol=1e-2))
    budget.plan(_planned(_PILOTS, _REFINEMENTS))
    alpha = _refined(setting, few, start, last)
    if not rough(_BELOW * start) < 0 < rough(min(_ABOVE * start, last)):
        return unresolved
    return _within(alpha, known)


def _within(alpha: Interval, known: Interval) -> Interval:
    """Return alpha with value and bounds cut to those that are known; these if they exclude it."""
    bounds = alpha.within(known.lower, known.upper)
    if not bounds.lower <= bounds.upper:
        return Interval.between(known.lower, known.upper)
    if not alpha.resolved:
        return bounds
    value = min(max(alpha.value, known.lower), known.upper)
    return bounds._replace(value=value)


def _refined(setting: Setting, few: Population, start: float, last: float) -> Interval:
    """Return the root by Newton's method from its right.

    To its left a slower branch of log h may be the largest. log h is convex; its second derivative
    over its slope is at least of the order of one over the order, or over the distance to a pole,
    or what two slopes show.
    """
    budget = few.budget
    before, slope_before, s = _piloted(few, start, last)
    for k in range(_REFINEMENTS):
        log_h, slope = _estimate(setting, s, budget, budget.seed + k)
        if not log_h.resolved:  # weights are less wild to the left
            s *= _CALMER
            continue
        if not slope > 0:
            s = (s + before) / 2
            continue
        # the tangent's root, between those of the bounds of log h
        root = Interval(s - log_h.value / slope, s - log_h.upper / slope, s - log_h.lower / slope)
        # curvature over slope, and what the step leaves open by it
        scale = min(s, largest_order(setting) - s)
        distance = max(abs(before - s), 1e-3 * s)
        change = abs(slope_before - slope) / distance / slope
        bend = (root.value - s) ** 2 * max(1 / scale, change)
        longest = max(root.upper - s, s - root.lower)
        if longest < _SHORT * scale and bend < max(root.width / 2, _FINE * scale):
            return Interval(root.value, root.lower - bend, root.upper + bend)
        before = s
        slope_before = slope
        s = min(root.value, last)
    return UNKNOWN


def _piloted(few: Population, start: float, last: float) -> tuple[float, float, float]:
    """Return an order, the slope of log h there, and the next order, by pilots from the right."""
    before, slope = last, math.inf
    s = min(_FROM_RIGHT * start, last)
    for _ in range(_PILOTS):
        pilot = _pilot(few, s)
        if not pilot.slope > 0:
            break
        before, slope = s, pilot.slope
        new = s - pilot.value / pilot.slope
        s = min(max(new, start / 2), last)
        if abs(before - s) < _FINE * s:
            break
    return before, slope, s
