r"""The one-step bounds of Hodgkinson and Mahoney (2021) on the tail exponent; they see a single step, never a product.

|A u| lies between sigma_min(A) |u| and sigma_max(A) |u|, so that with independent steps

    E sigma_max(A)^l = 1  and  E sigma_min(A)^u = 1    imply    l <= alpha <= u.

For isotropic Gaussian features A = a I - (lr/b) X'X has the eigenvalues a - c y^2, where y are the
singular values of a (b, d) normal matrix, and a itself if b < d. Hence P(sigma_max > t) and
P(sigma_min > t) are the probabilities that some y lies outside, that none lies inside, [sqrt((a -
t)/c), sqrt((a + t)/c)]: those of `wishart`, and for both

    (E sigma^s - 1) / s = int_1^inf t^{s-1} P(sigma > t) dt - int_0^1 t^{s-1} P(sigma <= t) dt,

which at s = 0 is E log sigma. A bound is vacuous where it says no more than 0 <= alpha <= inf.
Without weight decay and with b < d both are: A keeps the vectors that the batch does not see,
sigma_min <= 1 <= sigma_max. With momentum both are: the step takes (w, previous w) to (.., w), of
norm at least |w|, and shortens the pairs whose step it undoes.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status, rounded
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.one_feature.tanh_sinh import crowded
from linsgd.theory.tails.one_step.wishart import WhiteWishart
from linsgd.theory.tails.setting import Setting

LARGEST_RANK = 50  # of the random part of A
LARGEST_ORDER = 1e5
_PANELS, _NODES = 400, 10  # of the integral beyond 1
_NEGLIGIBLE = 1e-16
_FARTHEST = 690.0  # -log P that a step stretches: doubles end


class BoundStatus(Status):
    """What a one-step bound is worth."""

    OK = "ok"
    VACUOUS = "vacuous"  # 0 below or inf above: true, and says nothing
    UNRESOLVED = "unresolved"  # the value is nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OneStepBound(Result):
    """A bound on the tail exponent from a single step.

    Attributes
    ----------
    value, error : float
        The bound and its numerical error.
    status : BoundStatus
        "ok", "vacuous" or "unresolved".
    reason : str
        Why it is vacuous or unresolved.
    """

    value: float
    error: float
    status: BoundStatus
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OneStepBounds(Result):
    """Bounds lower.value <= alpha <= upper.value on the tail exponent, from the norms of a single step."""

    lower: OneStepBound
    upper: OneStepBound

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: (label, text) pairs."""
        sides = (("lower", self.lower), ("upper", self.upper))
        return [
            (
                name,
                f"{rounded(side.value, side.error)} {side.status}{side.reason and ': ' + side.reason}",
            )
            for name, side in sides
        ]


def one_step_bounds(problem: LinearRegression, sgd: SGD) -> OneStepBounds:
    r"""Return the bounds on the tail exponent at which E sigma_max(A)^s and E sigma_min(A)^s are 1.

    They are what one step alone can say (Hodgkinson and Mahoney 2021); `tail_exponent` returns the
    exponent itself.

    Parameters
    ----------
    problem : LinearRegression
        Isotropic Gaussian features; for others only whether the bounds are vacuous is known.
    sgd : SGD
        With independent batches.

    Returns
    -------
    OneStepBounds
        Each side with its status. "vacuous": with momentum, with fewer samples than features and no
        weight decay, and where E log sigma >= 0, as with lr * weight_decay >= 2. "unresolved":
        other features, ranks min(batch, d) above 50, orders beyond 1e5, or steps so small that
        their stretching is too improbable to be computed.

    Raises
    ------
    ValueError
        If the batches are not independent.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 1.0])
    >>> one_step_bounds(problem, linsgd.SGD(lr=0.7, batch_size=1))
    OneStepBounds
      lower  0 vacuous: batch 1 < 2 features: A multiplies what the batch does not see by 1
      upper  inf vacuous: batch 1 < 2 features: A multiplies what the batch does not see by 1
    >>> round(one_step_bounds(problem, linsgd.SGD(lr=0.7, batch_size=4)).lower.value, 6)
    3.960733
    """
    accept(problem, sgd)
    setting = Setting.of(problem, sgd)
    return OneStepBounds(lower=_bound(setting, upper=False), upper=_bound(setting, upper=True))


def _bound(setting: Setting, *, upper: bool) -> OneStepBound:
    reason = _vacuous(setting, upper=upper)
    if reason:
        return _trivial(reason, upper=upper)
    if quadrature.covers(setting):
        return _unresolved(f"computed for {quadrature.covers(setting)} only")
    if min(setting.batch, setting.dimension) > LARGEST_RANK:
        return _unresolved(f"computed for batches or dimensions up to {LARGEST_RANK} only")
    if Stretch.of(setting, upper=upper).improbability() > _FARTHEST:
        return _unresolved(
            f"lr = {setting.lr:g}: that a step stretches is too improbable to be computed"
        )
    value, finer = (Stretch.of(setting, upper=upper, finer=extra).root() for extra in (0, 4))
    if math.isnan(finer):
        return _unresolved(
            f"beyond order {LARGEST_ORDER:g}, or probabilities are below a double's range"
        )
    if finer == 0:
        return _trivial(f"E log sigma_{'min' if upper else 'max'}(A) >= 0", upper=upper)
    return OneStepBound(
        value=finer, error=2 * abs(value - finer) + 1e-13 * finer, status=BoundStatus.OK
    )


def _vacuous(setting: Setting, *, upper: bool) -> str:
    """Return why no step needs to be looked at, or nothing."""
    a, b, d = setting.shrinkage, setting.batch, setting.dimension
    if setting.momentum:
        return "with momentum every step keeps the length of some pair (w, previous w), and shortens another"
    if a <= -1:
        return f"1 - lr weight_decay = {a:.6g}: every step stretches every vector"
    if b < d and (upper or abs(a) >= 1):
        return f"batch {b} < {d} features: A multiplies what the batch does not see by {a:.6g}"
    return ""


def _trivial(reason: str, *, upper: bool) -> OneStepBound:
    return OneStepBound(
        value=math.inf if upper else 0.0, error=0.0, status=BoundStatus.VACUOUS, reason=reason
    )


def _unresolved(reason: str) -> OneStepBound:
    return OneStepBound(
        value=math.nan, error=math.inf, status=BoundStatus.UNRESOLVED, reason=reason
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """The law of sigma_max(A), or of sigma_min(A) for the upper bound: a, c = lr variance / b and the law of y."""

    law: WhiteWishart
    a: float
    c: float
    least: float  # sigma_max is at least that: |a| for b < d, else 0
    upper: bool

    @classmethod
    def of(cls, setting: Setting, *, upper: bool, finer: int = 0) -> "Stretch":
        """Return the stretch of a setting of isotropic Gaussian features."""
        b, d, a = setting.batch, setting.dimension, setting.shrinkage
        c = setting.lr * float(setting.spectrum.mean()) / b
        return cls(WhiteWishart(min(b, d), max(b, d), finer), a, c, abs(a) if b < d else 0.0, upper)

    def improbability(self) -> float:
        """Return about -log P that a y is so large that A stretches: that of the longest column, a chi of n degrees."""
        squared, n = (self.a + 1) / self.c, self.law.n
        return (squared - n - n * math.log(squared / n)) / 2 if squared > n else 0.0

    def log_exceedance(self, t: float) -> float:
        """Return log P(sigma > t)."""
        if t < self.least:
            return 0.0
        lo, hi = self.law.window()
        inner, outer = (max(lo, math.sqrt(max(x, 0.0) / self.c)) for x in (self.a - t, self.a + t))
        inner, hi = min(inner, hi), max(hi, self.law.beyond(outer))
        outside = [(lo, inner), (outer, hi)]
        if self.upper:
            return self.law.log_all_in(outside) - self.law.log_all_in([(lo, hi)])
        probability = self.law.some_in(outside, [(inner, outer)]) if inner < outer else 1.0
        return math.log(probability) if probability > 0 else -math.inf

    def root(self) -> float:
        """Return where E sigma^s = 1: 0 where E log sigma >= 0, nan where it is out of reach."""
        below, beyond = self._below(), np.empty((2, 0))
        for k in range(_PANELS):
            panel = self._beyond(k)
            if not np.isfinite(
                panel
            ).all():  # a probability has fallen to 0, before what is left is negligible
                return math.nan
            beyond = np.append(beyond, panel, axis=1)
            s = _positive_root(below, beyond)
            if s == 0 or (math.isfinite(s) and _ends(s * beyond[0] + beyond[1])):
                return s
        return math.nan

    def _below(self) -> FloatArray:
        """Return log t and log (weight P(sigma <= t) / t) on (0, 1), cut where the law has a kink (2, nodes)."""
        ends = np.array(sorted({0.0, 1.0, min(1.0, abs(self.a))}))
        near, _, share = crowded(3.2, 0.1)
        t = (ends[:-1, None] + np.diff(ends)[:, None] * near).ravel()
        weight = (np.diff(ends)[:, None] * share).ravel()
        within = np.array([-math.expm1(min(0.0, self.log_exceedance(x))) for x in t])
        return np.log([t, np.maximum(weight * within / t, 1e-300)])

    def _beyond(self, k: int) -> FloatArray:
        """Return log t and log (weight P(sigma > t) / t) on the k-th panel in y above t = 1 (2, nodes)."""
        width = 1 / math.sqrt(self.law.r) if self.upper else 1.0
        x, weight = np.polynomial.legendre.leggauss(_NODES + self.law.finer)
        y = math.sqrt((self.a + 1) / self.c) + width * (k + (1 + x) / 2)
        t = self.c * y * y - self.a
        log_p = np.array([self.log_exceedance(float(each)) for each in t])
        return np.stack([np.log(t), log_p + np.log(weight * width * self.c * y / t)])


def _ends(log_terms: FloatArray) -> bool:
    """Whether the last panel is negligible."""
    return bool(log_terms[-_NODES:].max() < log_terms.max() + math.log(_NEGLIGIBLE))


def _positive_root(below: FloatArray, beyond: FloatArray) -> float:
    """Return the s > 0 at which the integrals over t < 1 and t > 1 are equal; 0 or inf where there is none."""

    def excess(s: float) -> float:
        above, under = (
            float(np.logaddexp.reduce(s * log_t + log_p)) for log_t, log_p in (beyond, below)
        )
        return above - under

    high = 1.0
    while excess(high) < 0:
        high *= 2
        if high > LARGEST_ORDER:
            return math.inf
    return float(brentq(excess, 0.0, high, xtol=1e-14, rtol=1e-14)) if excess(0.0) < 0 else 0.0
