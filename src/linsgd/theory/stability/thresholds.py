r"""Critical learning rates of the mean, the second moment and the law of SGD's iterates.

The mean diverges where the fastest mode does, the second moment as in
`linsgd.theory.stability.mean_square`. The law itself ceases to exist where the Lyapunov exponent of
the products of step matrices turns positive (`linsgd.theory.stability.almost_sure`). A second
moment implies a law, so that this almost sure threshold is at least that of the second moment; it
takes milliseconds to minutes and is computed when asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from linsgd import domains
from linsgd.optimizers.accept import accept
from linsgd.optimizers.second_order import StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Deferred, Result, Status, summary
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.stability.mean_square import mean_square_threshold, mean_threshold
from linsgd.theory.white_features import require_gaussian, whitened


class StabilityStatus(Status):
    """Whether an upper bound of the almost sure threshold is known."""

    OK = "ok"
    BRACKETED = "bracketed"  # it is known from below only


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Threshold(Result):
    """An interval that holds a critical learning rate.

    Attributes
    ----------
    lower, upper : float
        Its ends.
    confidence : float or None
        Of an interval that was sampled; None where the bounds are computed.
    """

    lower: float
    upper: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Stability(Result):
    """Where the recursion is stable, for the optimizer's momentum, decay and batch and any lr.

    Attributes
    ----------
    lr : float
        The optimizer's own.
    mean, mean_square : bool
        Whether the mean and the second moment of w converge at the optimizer's own lr.
    lr_mean, lr_mean_square : float
        The smallest positive lr at which the mean, the second moment diverge; inf where that is
        beyond the largest float.
    error : float
        Estimated relative error of these two thresholds, from rounding and from the condition of
        the spectrum.
    almost_sure_threshold : Deferred
        The value of `lr_almost_sure`, computed when first asked for.
    """

    lr: float
    mean: bool
    mean_square: bool
    lr_mean: float
    lr_mean_square: float
    error: float
    almost_sure_threshold: Deferred[Threshold] = field(repr=False)

    @property
    def lr_almost_sure(self) -> Threshold:
        """Bounds on the lr at which the law ceases to exist, computed when first asked for.

        1e-12 apart relatively for isotropic Gaussian features without momentum. By a transfer
        operator and its error, 1e-8 to a few per cent apart, for isotropic Gaussian features with
        momentum, for two or three uneven ones without and for one feature of any law, in seconds,
        or minutes for three. Else, to 200 features, a confidence interval from sampled products
        with a fixed seed, about one to ten per cent wide, in seconds to a minute; its `confidence`
        says so. From the mean-square threshold to infinity where none of these applies.
        """
        return self.almost_sure_threshold()

    @property
    def almost_sure(self) -> bool | None:
        """Whether the law of w converges at the optimizer's own lr; None where that is not known.

        Immediate below the mean-square threshold; else it follows from `lr_almost_sure`, which may
        sample, at its confidence.
        """
        if self.lr < self.lr_mean_square:
            return True
        threshold = self.lr_almost_sure
        return True if self.lr < threshold.lower else False if self.lr > threshold.upper else None

    @property
    def status(self) -> StabilityStatus:
        """Whether `lr_almost_sure`, which this computes, has an upper bound."""
        unbounded = math.isinf(self.lr_almost_sure.upper)
        return StabilityStatus.BRACKETED if unbounded else StabilityStatus.OK

    def rows(self) -> list[tuple[str, str]]:
        """Return (label, text) pairs for the printed form; nothing is computed for it."""
        known = self.almost_sure_threshold.computed
        bounds = f"at least {self.lr_mean_square:.6g}; bounds when asked for"
        text = summary(self.lr_almost_sure) if known else bounds
        return [*Result.rows(self), ("lr_almost_sure", text)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data, with the bounds of `lr_almost_sure` that are known by now."""
        known = Threshold(lower=self.lr_mean_square, upper=math.inf)
        if self.almost_sure_threshold.computed:
            known = self.lr_almost_sure
        return Result.to_dict(replace(self, almost_sure_threshold=Deferred.of(known)))


def stability(problem: LinearRegression, sgd: SGD | StochasticNewton) -> Stability:
    r"""Return the critical learning rates of SGD on a problem, for independent batches.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD or StochasticNewton
        The optimizer; its momentum, decay and batches are kept while lr varies. Newton's thresholds
        are exact for Gaussian features, without damping and decay; 0 where a moment does not exist
        at any lr.

    Returns
    -------
    Stability
        Thresholds, and which of them the optimizer's own lr respects. Nothing is sampled before
        `lr_almost_sure` is asked for.

    Raises
    ------
    ValueError
        If the batches cannot be drawn from the problem, or are those of reshuffled epochs.

    See Also
    --------
    moment_threshold : The learning rate at which a higher moment ceases to exist.
    lyapunov_exponent : Its sign decides whether the law exists.

    Notes
    -----
    The mean of a mode of curvature :math:`\kappa = h + \lambda` is stable for

    .. math:: \eta (1 - \tau) \kappa < 2 (1 + \beta),

    with :math:`\tau` the dampening, and with Nesterov for
    :math:`\eta \kappa < 2 (1 + \beta)/(1 + 2 \beta)`. For isotropic Gaussian features without
    momentum the second moment is stable for :math:`\eta h < 2 b / (b + d + 1)`.

    References
    ----------
    .. [1] P. Diaconis, D. Freedman, "Iterated random functions", SIAM Review 41 (1999), for the
       stationary law and the Lyapunov exponent.

    Examples
    --------
    With Gaussian features in d dimensions and batch b, lr must stay below 2 b/(b + d + 1):

    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0] * 5)
    >>> round(linsgd.stability(problem, linsgd.SGD(lr=0.1, batch_size=4)).lr_mean_square, 12)
    0.8
    """
    accept(problem, sgd, (SGD, StochasticNewton))
    if isinstance(sgd, StochasticNewton):
        return _of_newton(problem, sgd)
    if sgd.sampling != "independent":
        domains.refuse(
            "sampling",
            sgd.sampling,
            "'independent': no exact threshold is known for reshuffled epochs",
        )
    recurrence = Recurrence.of(problem, sgd)
    lr_mean = mean_threshold(recurrence)
    lr_mean_square, error = mean_square_threshold(recurrence)
    return Stability(
        lr=sgd.lr,
        mean=sgd.lr < lr_mean,
        mean_square=sgd.lr < lr_mean_square,
        lr_mean=lr_mean,
        lr_mean_square=lr_mean_square,
        error=error,
        almost_sure_threshold=Deferred(_almost_sure, problem, sgd, lr_mean_square),
    )


def _of_newton(problem: LinearRegression, sgd: StochasticNewton) -> Stability:
    """Return the thresholds of Newton's method: those of white features, or 2."""
    sgd.check(problem)
    require_gaussian(problem)
    if sgd.damping + sgd.weight_decay > 0 or sgd.curvature == "split":
        given = f"curvature = {sgd.curvature!r}, damping = {sgd.damping:g}"
        accepted = "curvature 'batch' or 'exact' without damping and without weight decay"
        domains.refuse("sgd", given, accepted)
    if sgd.curvature == "exact":
        return stability(whitened(problem), SGD(sgd.lr, sgd.batch_size))
    freedom = sgd.batch_size - problem.dimension + 1  # of the batch's solution, a t law
    lr_mean = 2.0 if freedom > 1 else 0.0
    lr_mean_square = 2.0 if freedom > 2 and math.isfinite(problem.noise_variance) else 0.0
    return Stability(
        lr=sgd.lr,
        mean=sgd.lr < lr_mean,
        mean_square=sgd.lr < lr_mean_square,
        lr_mean=lr_mean,
        lr_mean_square=lr_mean_square,
        error=0.0,
        almost_sure_threshold=Deferred.of(Threshold(lower=2.0, upper=2.0)),
    )


def _almost_sure(problem: LinearRegression, sgd: SGD, lr_mean_square: float) -> Threshold:
    """Return bounds on the lr at which the law ceases to exist, by the solvers of the tails."""
    from linsgd.theory.stability.almost_sure import almost_sure_threshold

    found = almost_sure_threshold(problem, replace(sgd, lr=1.0), seed=0)
    lower = max(found.lower, lr_mean_square)
    return Threshold(lower=lower, upper=found.upper, confidence=found.confidence)
