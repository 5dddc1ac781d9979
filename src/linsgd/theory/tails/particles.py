r"""Any features, any optimizer: a population of vectors that multiplies as the products grow.

Each particle takes a step u -> M u, is weighted by |M u|^s / |u|^s and resampled; the mean weight of a step estimates
h(s), the average log growth without resampling the Lyapunov exponent. Gaussian features take the exact reduction of a
batch to one C ~ chi2_b and one normal vector, u' = H^{1/2} u:

    H_b u = H^{1/2} [ C u' + sqrt(C) |u'| (z - uhat' (uhat'.z)) ] / b,

and large C, which carry the moments of high order, are drawn more often by a factor kappa in scale, with their
likelihood ratio as weight; kappa is the one that a pilot run likes best. `REPLICAS` populations give a Student-t
interval, widened by what halving the population changes (the bias is of order 1 / population).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

from linsgd.domains import FloatArray
from linsgd.features import FiniteData, StudentFeatures
from linsgd.theory.tails import even_moments
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

CONFIDENCE = 0.999
REPLICAS, POPULATION, STEPS, SETTLING = 8, 2000, 400, 150
LARGEST_ORDER = 16.0
LARGEST_DIMENSION = 200
_TILTS = (1.0, 1.5, 2.5, 5.0)


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if setting.features.dimension > LARGEST_DIMENSION:
        return f"at most {LARGEST_DIMENSION} features"
    return "features with moments of every order" if isinstance(setting.features, StudentFeatures) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """How a population of vectors (replicas, size, 2, d), positions and velocities, steps; `tilt` is kappa."""

    setting: Setting
    size: int
    tilt: float = 1.0

    def start(self, rng: np.random.Generator) -> FloatArray:
        """Return unit vectors in the range of H, at rest."""
        shape = (REPLICAS, self.size)
        if self.setting.gaussian:
            position = rng.standard_normal((*shape, self.setting.dimension))
        else:
            position = self.setting.features.sample(math.prod(shape), rng).reshape(*shape, -1)
        state = np.stack([position, np.zeros_like(position)], axis=2)
        return state / _length(state)[..., None, None]

    def step(self, state: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return the next unit vectors and the log growth and log likelihood ratio (2, replicas, size)."""
        w, v = state[:, :, 0], state[:, :, 1]
        setting = self.setting
        pull, log_ratio = self._gaussian(w, rng) if setting.gaussian else (self._rows(w, rng), np.zeros(w.shape[:2]))
        if setting.momentum:
            new_v = setting.momentum * v - setting.lr * (pull + setting.decay * w)
            move = (1 + setting.momentum) * new_v - setting.momentum * v if setting.nesterov else new_v
            state = np.stack([w + move, new_v], axis=2)
        else:
            state = np.stack([setting.shrinkage * w - setting.lr * pull, v], axis=2)
        length = _length(state)
        return state / length[..., None, None], np.stack([np.log(length), log_ratio])

    def _gaussian(self, w: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        root, b = np.sqrt(self.setting.spectrum), self.setting.batch
        u, z = w * root, rng.standard_normal(w.shape)
        C = 2 * self.tilt * rng.standard_gamma(b / 2, w.shape[:2])
        squared = np.maximum(np.einsum("rni,rni->rn", u, u), 1e-300)
        across = z - u * (np.einsum("rni,rni->rn", u, z) / squared)[..., None]
        pull = root * (C[..., None] * u + np.sqrt(C * squared)[..., None] * across) / b
        return pull, b / 2 * np.log(self.tilt) - C / 2 * (1 - 1 / self.tilt)

    def _rows(self, w: FloatArray, rng: np.random.Generator) -> FloatArray:
        law, b, n = self.setting.features, self.setting.batch, w.shape[0] * w.shape[1]
        if isinstance(law, FiniteData) and not self.setting.replacement:
            x = law.X[rng.random((n, len(law.y))).argpartition(b - 1, axis=1)[:, :b]]
        else:
            x = law.sample(n * b, rng).reshape(n, b, -1)
        flat = w.reshape(n, -1)
        pull: FloatArray = np.einsum("nbi,nb->ni", x, np.einsum("nbi,ni->nb", x, flat)) / b
        return pull.reshape(w.shape)

    def log_spectral(
        self, s: float, seed: int, steps: int = STEPS, settling: int = SETTLING
    ) -> tuple[FloatArray, float]:
        """Return an estimate of log h(s) for each replica, and the mean relative variance of the weights."""
        rng = np.random.default_rng(seed)
        state, total, spread = self.start(rng), np.zeros(REPLICAS), 0.0
        for k in range(settling + steps):
            state, (growth, ratio) = self.step(state, rng)
            weight = np.exp(s * growth + ratio)
            mean = weight.mean(axis=1, keepdims=True)
            if k >= settling:
                total += np.log(mean[:, 0])
                spread += float(np.mean((weight / mean - 1) ** 2))
            state = np.stack([u[_systematic(p, rng)] for u, p in zip(state, weight / mean / self.size, strict=True)])
        return total / steps, spread / steps


def _length(state: FloatArray) -> FloatArray:
    length: FloatArray = np.sqrt(np.einsum("rnki,rnki->rn", state, state))
    return length


def _systematic(probability: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return indices (n,) drawn with one uniform variable, each within one of its expected count."""
    points = (np.arange(probability.size) + rng.random()) / probability.size
    return np.minimum(np.searchsorted(np.cumsum(probability), points), probability.size - 1)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return the mean log growth."""
    rng = np.random.default_rng(seed)
    population = Population(setting, POPULATION // 4)
    state, total = population.start(rng), np.zeros(REPLICAS)
    for k in range(SETTLING + STEPS):
        state, (growth, _) = population.step(state, rng)
        total += growth.mean(axis=1) * (k >= SETTLING)
    return _confidence(total / STEPS, 0.0)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    tilt = _best_tilt(setting, s, seed)
    return _estimate(setting, s, seed, tilt)


def _estimate(setting: Setting, s: float, seed: int, tilt: float) -> Interval:
    whole, spread = Population(setting, POPULATION, tilt).log_spectral(s, seed)
    half, _ = Population(setting, POPULATION // 2, tilt).log_spectral(s, seed)
    if spread > POPULATION / 20:
        return Interval(math.nan, -math.inf, math.inf)
    return _confidence(whole, abs(float(whole.mean() - half.mean())))


def _best_tilt(setting: Setting, s: float, seed: int) -> float:
    if not setting.gaussian:
        return 1.0
    return min(_TILTS, key=lambda tilt: Population(setting, 250, tilt).log_spectral(s, seed, 60, 60)[1])


def _confidence(values: FloatArray, bias: float) -> Interval:
    """Return the Student-t interval of a mean over replicas, widened by `bias`."""
    spread = float(values.std(ddof=1)) / math.sqrt(REPLICAS)
    return Interval.about(float(values.mean()), float(student.ppf((1 + CONFIDENCE) / 2, REPLICAS - 1)) * spread + bias)


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h, cut to the bracket of the even moments where these are known."""
    exact = {} if even_moments.covers(setting) else even_moments.log_moments(setting)
    lower, upper = even_moments.bracket(exact)
    low, high = max(lower, 0.02), min(upper, LARGEST_ORDER)
    if low >= high:
        return Interval(math.nan, lower, upper)
    tilt = _best_tilt(setting, math.sqrt(low * high), seed)
    few = Population(setting, POPULATION // 4, tilt)

    def rough(s: float) -> float:
        return float(few.log_spectral(s, seed, STEPS // 2)[0].mean()) / s

    if rough(low) > 0 or rough(high) < 0:
        return Interval(math.nan, lower, upper) if exact else Interval(math.nan, 0.0, math.inf)
    start = float(brentq(rough, low, high, rtol=0.01))
    slope = (rough(1.05 * start) * 1.05 - rough(0.95 * start) * 0.95) / 0.1
    found = _estimate(setting, start, seed, _best_tilt(setting, start, seed))
    alpha = Interval(*(float(start - value / slope) for value in (found.value, found.upper, found.lower)))
    if not max(lower, alpha.lower) <= min(upper, alpha.upper):
        return Interval(math.nan, lower, upper)
    return Interval(float(np.clip(alpha.value, lower, upper)), max(lower, alpha.lower), min(upper, alpha.upper))
