r"""The bounds of Hodgkinson and Mahoney (2021) on the tail exponent, from the norms of one step.

|A u| lies between sigma_min(A) |u| and sigma_max(A) |u|, so that with independent steps

    E sigma_max(A)^l = 1  and  E sigma_min(A)^u = 1    imply    l <= alpha <= u.

For isotropic Gaussian features A = a I - (lr/b) X'X has the eigenvalues a - c y^2, where y are the
singular values of a (b, d) normal matrix, and a itself if b < d. Hence P(sigma_max > t) and
P(sigma_min > t) are the probabilities that some y lies outside, that none lies inside, [sqrt((a -
t)/c), sqrt((a + t)/c)]: those of `wishart`, and for both

    (E sigma^s - 1) / s = int_1^inf t^{s-1} P(sigma > t) dt - int_0^1 t^{s-1} P(sigma <= t) dt,

which at s = 0 is E log sigma. A bound is vacuous where it is 0 <= alpha or alpha <= inf.
Without weight decay and with b < d both are: A keeps the vectors orthogonal to the batch, sigma_min
<= 1 <= sigma_max. With momentum both are: the step takes (w, previous w) to (.., w), of
norm at least |w|, and shortens the pairs whose step it undoes.
"""

from __future__ import annotations

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
from linsgd.theory.tails.one_feature.tanh_sinh import tanh_sinh
from linsgd.theory.tails.one_step.wishart import WhiteWishart
from linsgd.theory.tails.setting import Setting

LARGEST_RANK = 50  # of the random part of A
LARGEST_ORDER = 1e5
_PANELS, _NODES = 400, 10  # of the integral beyond 1
_NEGLIGIBLE = 1e-16
_FARTHEST = 690.0  # -log P that a step stretches, near the end of a double's range
_FINER = 4  # nodes of a panel that the second calculation has more
_BELOW_RULE = (3.2, 0.1)  # tanh-sinh rule below 1, where the law has kinks of low order


class BoundStatus(Status):
    """Whether a one-step bound is informative."""

    OK = "ok"
    VACUOUS = "vacuous"  # 0 below or inf above
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
        Why it is vacuous or unresolved, and what would change that.
    """

    value: float
    error: float
    status: BoundStatus
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OneStepBounds(Result):
    """Bounds lower.value <= alpha <= upper.value on the tail exponent."""

    lower: OneStepBound
    upper: OneStepBound

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: (label, text) pairs."""
        shown = []
        for name, side in (("lower", self.lower), ("upper", self.upper)):
            reason = f": {side.reason}" if side.reason else ""
            shown.append((name, f"{rounded(side.value, side.error)} {side.status}{reason}"))
        return shown


def one_step_bounds(problem: LinearRegression, sgd: SGD) -> OneStepBounds:
    r"""Return the bounds on the tail exponent at which E sigma_max(A)^s and E sigma_min(A)^s are 1.

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

    See Also
    --------
    tail_exponent : The exponent itself.

    Notes
    -----
    With A the matrix of one step, the l with E sigma_max(A)^l = 1 and the u with E sigma_min(A)^u =
    1 satisfy l <= alpha <= u: sigma_min(A) |w| <= |A w| <= sigma_max(A) |w| at every step.

    References
    ----------
    .. [1] L. Hodgkinson and M. W. Mahoney, "Multiplicative noise and heavy tails in stochastic
       optimization", ICML 2021.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 1.0])
    >>> linsgd.one_step_bounds(problem, linsgd.SGD(lr=0.7, batch_size=1))
    OneStepBounds
      lower  0 vacuous: batch 1 < 2 features: A multiplies vectors orthogonal to the batch by 1
      upper  inf vacuous: batch 1 < 2 features: A multiplies vectors orthogonal to the batch by 1
    >>> round(linsgd.one_step_bounds(problem, linsgd.SGD(lr=0.7, batch_size=4)).lower.value, 6)
    3.960733
    """
    accept(problem, sgd)
    setting = Setting.of(problem, sgd)
    return OneStepBounds(lower=_bound(setting, upper=False), upper=_bound(setting, upper=True))


def _bound(setting: Setting, *, upper: bool) -> OneStepBound:
    """Return one side: 0 or inf, unresolved, or the root with its error from finer panels."""
    if reason := _vacuous(setting, upper=upper):
        return _trivial(reason, upper=upper)
    if needs := quadrature.covers(setting):
        return _unresolved(f"computed for {needs} only; tail_exponent has other methods")
    if min(setting.batch, setting.dimension) > LARGEST_RANK:
        return _unresolved(f"computed for batches or dimensions up to {LARGEST_RANK} only")
    law = SingularValueLaw.of(setting, upper=upper)
    if law.improbability() > _FARTHEST:
        return _unresolved("that a step stretches is too improbable to be computed: increase lr")
    value = law.root()
    finer = SingularValueLaw.of(setting, upper=upper, finer=_FINER).root()
    if math.isnan(finer):
        return _unresolved(
            f"beyond order {LARGEST_ORDER:g}, or probabilities are below a double's range: "
            "increase lr"
        )
    if finer == 0:
        return _trivial(f"E log sigma_{'min' if upper else 'max'}(A) >= 0", upper=upper)
    error = 2 * abs(value - finer) + 1e-13 * finer
    return OneStepBound(value=finer, error=error, status=BoundStatus.OK)


def _vacuous(setting: Setting, *, upper: bool) -> str:
    """Return why a bound is vacuous whatever the law of the features, or ''."""
    a = setting.shrinkage
    b = setting.batch
    d = setting.dimension
    if setting.momentum:
        return (
            "with momentum every step keeps the length of some pair (w, previous w), and shortens "
            "another"
        )
    if a <= -1:
        return f"1 - lr weight_decay = {a:.6g}: every step stretches every vector"
    if b < d and (upper or abs(a) >= 1):
        kept = f"A multiplies vectors orthogonal to the batch by {a:.6g}"
        return f"batch {b} < {d} features: {kept}"
    return ""


def _trivial(reason: str, *, upper: bool) -> OneStepBound:
    value = math.inf if upper else 0.0
    return OneStepBound(value=value, error=0.0, status=BoundStatus.VACUOUS, reason=reason)


def _unresolved(reason: str) -> OneStepBound:
    status = BoundStatus.UNRESOLVED
    return OneStepBound(value=math.nan, error=math.inf, status=status, reason=reason)


@dataclass(frozen=True, slots=True)
class SingularValueLaw:
    """The law of sigma_max(A), or of sigma_min(A) for the upper bound.

    Attributes
    ----------
    law : WhiteWishart
        Of y, the singular values of the white batch.
    a, c : float
        Shrinkage, and lr variance / b: A has the eigenvalues a - c y^2.
    least : float
        A lower bound of sigma_max: |a| for b < d, else 0.
    upper : bool
        Whether it is that of sigma_min.
    """

    law: WhiteWishart
    a: float
    c: float
    least: float
    upper: bool

    @classmethod
    def of(cls, setting: Setting, *, upper: bool, finer: int = 0) -> SingularValueLaw:
        """Return the law for a setting of isotropic Gaussian features."""
        b = setting.batch
        d = setting.dimension
        a = setting.shrinkage
        c = setting.step_size * float(setting.spectrum.mean()) / b
        law = WhiteWishart(min(b, d), max(b, d), finer)
        return cls(law, a, c, abs(a) if b < d else 0.0, upper)

    def improbability(self) -> float:
        """Return about -log P that A stretches: that the longest column, a chi of n, is so long."""
        squared = (self.a + 1) / self.c
        n = self.law.n
        if squared <= n:
            return 0.0
        return (squared - n - n * math.log(squared / n)) / 2

    def log_exceedance(self, t: float) -> float:
        """Return log P(sigma > t).

        sigma_max <= t if every y is in [inner, outer] = [sqrt((a - t)/c), sqrt((a + t)/c)], and
        sigma_min > t if every y is outside.
        """
        if t < self.least:
            return 0.0
        low, high = self.law.window()
        inner = math.sqrt(max(self.a - t, 0.0) / self.c)
        outer = math.sqrt(max(self.a + t, 0.0) / self.c)
        inner = min(max(low, inner), high)
        outer = max(low, outer)
        high = max(high, self.law.beyond(outer))
        outside = [(low, inner), (outer, high)]
        if self.upper:
            everywhere = self.law.log_all_in([(low, high)])
            return self.law.log_all_in(outside) - everywhere
        if inner >= outer:
            return 0.0
        probability = self.law.some_in(outside, [(inner, outer)])
        return math.log(probability) if probability > 0 else -math.inf

    def root(self) -> float:
        """Return where E sigma^s = 1: 0 where E log sigma >= 0, nan where it is out of reach."""
        below = self._below()
        beyond = np.empty((2, 0))
        for k in range(_PANELS):
            panel = self._beyond(k)
            if not np.isfinite(panel).all():
                # a probability has fallen to 0 before the rest of the integral is negligible
                return math.nan
            beyond = np.append(beyond, panel, axis=1)
            s = _positive_root(below, beyond)
            if s == 0:
                return s
            log_t, log_term = beyond
            if math.isfinite(s) and _last_negligible(s * log_t + log_term):
                return s
        return math.nan

    def _below(self) -> FloatArray:
        """Return log t and log (weight P(sigma <= t) / t) on (0, 1), cut at kinks (2, nodes)."""
        kink = min(1.0, abs(self.a))
        ends = np.array(sorted({0.0, 1.0, kink}))
        rule = tanh_sinh(*_BELOW_RULE)
        width = np.diff(ends)[:, None]
        t = (ends[:-1, None] + width * rule.x).ravel()
        weight = (width * rule.weight).ravel()
        within = np.array([-math.expm1(min(0.0, self.log_exceedance(x))) for x in t])
        term = np.maximum(weight * within / t, 1e-300)
        return np.log([t, term])

    def _beyond(self, k: int) -> FloatArray:
        """Return log t and log (weight P(sigma > t) / t) on the k-th panel above 1 (2, nodes).

        Panels are in y, t = c y^2 - a.
        """
        width = 1 / math.sqrt(self.law.r) if self.upper else 1.0
        x, weight = np.polynomial.legendre.leggauss(_NODES + self.law.finer)
        first = math.sqrt((self.a + 1) / self.c)  # t = 1
        y = first + width * (k + (1 + x) / 2)
        t = self.c * y * y - self.a
        log_p = np.array([self.log_exceedance(float(each)) for each in t])
        # dt / t = 2 c y dy / t, and the weights are for an interval of length 2
        log_measure = np.log(weight * width * self.c * y / t)
        return np.stack([np.log(t), log_p + log_measure])


def _last_negligible(log_terms: FloatArray) -> bool:
    """Return whether the last panel is negligible."""
    return bool(log_terms[-_NODES:].max() < log_terms.max() + math.log(_NEGLIGIBLE))


def _positive_root(below: FloatArray, beyond: FloatArray) -> float:
    """Return the s > 0 at which the integrals over t < 1 and t > 1 are equal.

    Each is given by log t and the log terms (2, nodes). 0 where that over t < 1 is the smaller one
    for every s > 0, inf where it is the larger one.
    """

    def log_integral(s: float, nodes: FloatArray) -> float:
        log_t, log_term = nodes
        return float(np.logaddexp.reduce(s * log_t + log_term))

    def excess(s: float) -> float:
        return log_integral(s, beyond) - log_integral(s, below)

    high = 1.0
    while excess(high) < 0:
        high *= 2
        if high > LARGEST_ORDER:
            return math.inf
    if excess(0.0) >= 0:
        return 0.0
    return float(brentq(excess, 0.0, high, xtol=1e-14, rtol=1e-14))
