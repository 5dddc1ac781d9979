r"""Tail exponents of optimizers other than SGD: the one table of which are covered.

Three mechanisms decide.

Bounded increments. Let every step be at most c long, and let the mean step point inward far out:
for a norm V, E[V(w') - V(w) | w] <= -a < 0 where V(w) > r. Then E exp(theta V) is finite in the
stationary law for small theta > 0 (Hajek 1982, theorem 2.3): the tail is light. For clipped and
normalised gradients V = |w - w*| and the mean step tends to -c E[u'H_b u/|H_b u|] along u, which is
negative for any features, labels and batch. For signs of one feature it is -lr; with Gaussian
features and V^2 = (w - w*)'H(w - w*) it is -lr sum_i (Hu)_i E sign((H_b u)_i)/|H^{1/2} u|, where
E sign((H_b u)_i) has the sign of (Hu)_i: the two factors of (H_b u)_i = mean x_i x'u are jointly
normal. For Lion, RMSprop, Adam and Muon the bound on a step is proved; the drift is that of signs
of gradients weighted by a state, and not proved here.

Multiplicative steps w' = A w + B, |B| light: SAM adds to SGD's step at most lr rho |H_b|, so that
its exponent is the root of SGD's h(alpha) = 1. In the limit schedule-free SGD steps as SGD with
(1 - momentum) lr about its average, if that converges, which takes alpha > 1.

The batch's least-squares solution. With its own curvature Newton's A = (1 - lr) I is not random and
B = lr times the least-squares error of the batch, a multivariate t law with batch - d + 1 degrees
of freedom: that is alpha, whatever the learning rate, H and noise. Tikhonov's damping bounds A by 1
and |B| by lr |e|/(2 sqrt(damping batch)): light. With H itself Newton is SGD on white features.
With a second batch's curvature and one feature, A = 1 - lr F with F of Fisher's law, and h(s) is a
beta integral that is finite for s < batch/2.

References
----------
.. [1] B. Hajek, "Hitting-time and occupation-time bounds implied by drift analysis with
   applications", Advances in Applied Probability 14 (1982).
.. [2] L. Hodgkinson and M. W. Mahoney, "Multiplicative noise and heavy tails in stochastic
   optimization" (2021), for the list of optimizers, by its abstract.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.optimizers.adaptive import Adagrad, Adam, NAdam, RMSprop
from linsgd.optimizers.decoupled import COEFFICIENTS, AdamW, Muon
from linsgd.optimizers.norm import ClippedSGD, NormalizedSGD
from linsgd.optimizers.schedule_free import ScheduleFreeSGD
from linsgd.optimizers.second_order import SAM, NaturalGradient, StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.optimizers.sign import Lion, SignSGD
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.tails.bounded_steps import label_exponent
from linsgd.theory.tails.result import (
    ANY_POSITIVE,
    INFINITE,
    NO_NUMBER,
    Interval,
    TailResult,
    TailStatus,
)
from linsgd.theory.tails.split_newton import split_exponent
from linsgd.theory.white_features import require_gaussian, whitened

OfSGD = Callable[[LinearRegression, SGD], TailResult]
OfOther = Callable[[LinearRegression, Any, OfSGD], TailResult]

_QUANTITY = "tail_exponent"


def _light(reason: str, guarantee: Guarantee = Guarantee.RIGOROUS) -> TailResult:
    return TailResult.of(
        _QUANTITY, INFINITE, "bounded_increments", TailStatus.LIGHT, reason, guarantee=guarantee
    )


def _unresolved(reason: str) -> TailResult:
    status, proved = TailStatus.UNRESOLVED, Guarantee.RIGOROUS
    return TailResult.of(_QUANTITY, ANY_POSITIVE, "bound", status, reason, guarantee=proved)


def _no_law(status: TailStatus, reason: str) -> TailResult:
    proved = Guarantee.RIGOROUS
    return TailResult.of(_QUANTITY, NO_NUMBER, "bound", status, reason, guarantee=proved)


def _gaussian(problem: LinearRegression) -> bool:
    """Return whether features are Gaussian and H is not singular."""
    return type(problem.features) is GaussianFeatures and problem.rank == problem.dimension


def _norm(problem: LinearRegression, sgd: ClippedSGD | NormalizedSGD, of: OfSGD) -> TailResult:
    length = sgd.lr * (sgd.max_norm if isinstance(sgd, ClippedSGD) else 1.0)
    return _light(f"no step is longer than {length:.6g}, and the mean step points to the optimum")


def _sign(problem: LinearRegression, sgd: SignSGD, of: OfSGD) -> TailResult:
    plain = sgd.weight_decay == 0 and _gaussian(problem)
    if problem.dimension == 1 or plain:
        return _light(f"coordinates move by {sgd.lr:.6g} a step, inward in the mean far out")
    return _unresolved(
        f"coordinates move by {sgd.lr:.6g} a step; that the mean step points inward is proved for "
        "one feature, and for Gaussian features of nonsingular H without weight decay"
    )


def _by_state(problem: LinearRegression, bound: float) -> TailResult:
    """Return the answer for steps that a state weighs, at most `bound` long in a coordinate."""
    known = f"coordinates move by at most {bound:.6g} a step"
    if not _gaussian(problem):
        return _unresolved(f"{known}; that the mean step points inward is not known here")
    condition = "light if the mean step points inward far out, which is shown for signs only"
    return _light(f"{known}; {condition}", Guarantee.NUMERICAL)


def _rmsprop(problem: LinearRegression, sgd: RMSprop, of: OfSGD) -> TailResult:
    if sgd.centered:
        return _unresolved("steps divided by a root of the variance have no bound")
    return _by_state(problem, sgd.lr / math.sqrt(1 - sgd.alpha) / (1 - sgd.momentum))


def largest_ratio(betas: tuple[float, float]) -> float:
    """Return the least upper bound of |mean|/root mean square of gradients with these decays.

    By Cauchy and Schwarz (1 - b1)/sqrt((1 - b2)(1 - b1^2/b2)); inf from b1^2 = b2 on.
    """
    first, second = betas
    if first == 0:
        return 1 / math.sqrt(1 - second)
    if first**2 >= second:
        return math.inf
    return (1 - first) / math.sqrt((1 - second) * (1 - first**2 / second))


_UNBOUNDED = "steps have no bound from betas[0]^2 = betas[1] on"


def _adam(problem: LinearRegression, sgd: Adam, of: OfSGD) -> TailResult:
    ratio = largest_ratio(sgd.betas)
    return _by_state(problem, sgd.lr * ratio) if ratio < math.inf else _unresolved(_UNBOUNDED)


def _nadam(problem: LinearRegression, sgd: NAdam, of: OfSGD) -> TailResult:
    first, second = sgd.betas
    fresh, ratio = (1 - first) / math.sqrt(1 - second), largest_ratio(sgd.betas)
    if ratio == math.inf:
        return _unresolved(_UNBOUNDED)
    return _by_state(problem, sgd.lr * (fresh + first * ratio))


def _decoupled(problem: LinearRegression, sgd: AdamW | Muon, bound: float) -> TailResult:
    """Return the answer for w' = kept w - a step of at most `bound` (in a coordinate)."""
    kept = abs(1 - sgd.lr * sgd.weight_decay)
    if kept > 1:
        reason = "the decay multiplies the weights by a factor below -1 a step: reduce lr"
        return _no_law(TailStatus.NO_STATIONARY_LAW, reason)
    if kept < 1:
        return _light(f"the decay keeps each weight within {bound / (1 - kept):.6g}")
    return _by_state(problem, bound)


def _adamw(problem: LinearRegression, sgd: AdamW, of: OfSGD) -> TailResult:
    ratio = largest_ratio(sgd.betas)
    if ratio == math.inf:
        return _unresolved(_UNBOUNDED)
    return _decoupled(problem, sgd, sgd.lr * ratio)


def _muon(problem: LinearRegression, sgd: Muon, of: OfSGD) -> TailResult:
    rows, columns = sgd.shape
    largest = 1.0 if sgd.orthogonal == "svd" else _largest_singular_value(sgd.ns_steps)
    return _decoupled(problem, sgd, sgd.lr * math.sqrt(max(1, rows / columns)) * largest)


def _largest_singular_value(steps: int) -> float:
    """Return the largest value of the iterated polynomial on [0, 1], on a fine grid."""
    a, b, c = COEFFICIENTS
    x = np.linspace(0.0, 1.0, 100_001)
    for _ in range(steps):
        x = a * x + b * x**3 + c * x**5
    return 1.001 * float(np.abs(x).max())


def _lion(problem: LinearRegression, sgd: Lion, of: OfSGD) -> TailResult:
    return _by_state(problem, sgd.lr)


def _adagrad(problem: LinearRegression, sgd: Adagrad, of: OfSGD) -> TailResult:
    if sgd.lr_decay > 0:
        reason = "the step sizes have a finite sum: the iterates come to rest where the start says"
        return _no_law(TailStatus.NO_STATIONARY_LAW, reason)
    return _no_law(TailStatus.DEGENERATE, "the step sizes tend to 0: the law shrinks to a point")


def _natural(problem: LinearRegression, sgd: NaturalGradient, of: OfSGD) -> TailResult:
    if sgd.weight_decay > 0:
        return _unresolved("a decay divided by the Fisher matrix has no known law")
    longest = sgd.lr / (2 * math.sqrt(sgd.damping))
    reason = f"no step is longer than {longest:.6g}, but the mean step vanishes far out"
    return _unresolved(reason)


def _sam(problem: LinearRegression, sgd: SAM, of: OfSGD) -> TailResult:
    plain = of(problem, SGD(sgd.lr, sgd.batch_size, weight_decay=sgd.weight_decay))
    if plain.status is TailStatus.DEGENERATE and sgd.rho > 0:
        return _unresolved("without label noise the ascent alone keeps the weights in motion")
    reason = plain.reason or "that of SGD: the ascent adds at most lr rho |H_b| to a step"
    return dataclasses.replace(plain, reason=reason, guarantee=_weaker(plain.guarantee))


def _schedule_free(problem: LinearRegression, sgd: ScheduleFreeSGD, of: OfSGD) -> TailResult:
    if sgd.weight_decay > 0:
        domains.refuse("weight_decay", sgd.weight_decay, "0 for the limit of ScheduleFreeSGD")
    lr = (1 - sgd.momentum) * sgd.lr
    plain = of(problem, SGD(lr, sgd.batch_size))
    if plain.status is TailStatus.POWER_LAW and not plain.lower > 1:
        return _unresolved("the average converges only if the exponent is above 1")
    reason = plain.reason or f"in the limit that of SGD at lr = {lr:.6g}"
    return dataclasses.replace(plain, reason=reason, guarantee=_weaker(plain.guarantee))


def _weaker(guarantee: Guarantee) -> Guarantee:
    """Return the guarantee of a reduction to SGD that is no proof."""
    return Guarantee.NUMERICAL if guarantee is Guarantee.RIGOROUS else guarantee


def _newton(problem: LinearRegression, sgd: StochasticNewton, of: OfSGD) -> TailResult:
    sgd.check(problem)
    if sgd.curvature == "batch":
        damped = sgd.damping + sgd.weight_decay > 0
        return _tikhonov(problem, sgd) if damped else _batch_newton(problem, sgd)
    if sgd.damping + sgd.weight_decay > 0:
        given = f"{sgd.damping} with weight_decay = {sgd.weight_decay}"
        domains.refuse("damping", given, f"0 without decay where curvature = {sgd.curvature!r}")
    require_gaussian(problem)
    if sgd.curvature == "exact":
        return of(whitened(problem), SGD(sgd.lr, sgd.batch_size))
    return split_exponent(problem, sgd)


def _batch_newton(problem: LinearRegression, sgd: StochasticNewton) -> TailResult:
    require_gaussian(problem)
    if sgd.lr >= 2:
        reason = "errors grow by the factor lr - 1 a step: reduce lr below 2"
        return _no_law(TailStatus.NO_STATIONARY_LAW, reason)
    if problem.noise_std == 0:
        return _no_law(TailStatus.DEGENERATE, "every batch has the optimum as its solution")
    freedom = float(sgd.batch_size - problem.dimension + 1)
    alpha = Interval.exactly(min(freedom, label_exponent(problem)))
    reason = "that of the batch's least-squares solution, batch - d + 1, or of the labels"
    status, proved = TailStatus.POWER_LAW, Guarantee.RIGOROUS
    lyapunov = math.log(abs(1 - sgd.lr)) if sgd.lr != 1 else -math.inf
    return TailResult.of(
        _QUANTITY, alpha, "newton", status, reason, guarantee=proved, lyapunov=lyapunov
    )


def _tikhonov(problem: LinearRegression, sgd: StochasticNewton) -> TailResult:
    if sgd.lr >= 2:
        return _unresolved("steps may overshoot from lr = 2 on")
    labels = label_exponent(problem)
    if labels < math.inf:
        reason, proved = "the labels' own tail exponent", Guarantee.RIGOROUS
        bounds, status = Interval.exactly(labels), TailStatus.POWER_LAW
        return TailResult.of(_QUANTITY, bounds, "newton", status, reason, guarantee=proved)
    return _light("damping keeps |A| at most 1 and the additive term as light as the labels")


EXPONENTS: Mapping[type, OfOther] = {
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
    Adam: _adam,
    AdamW: _adamw,
    NAdam: _nadam,
    SignSGD: _sign,
    Lion: _lion,
    ClippedSGD: _norm,
    NormalizedSGD: _norm,
    Muon: _muon,
    ScheduleFreeSGD: _schedule_free,
    SAM: _sam,
    StochasticNewton: _newton,
    NaturalGradient: _natural,
}
