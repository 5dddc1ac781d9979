"""The exact excess risk along the steps, under any schedule, in any dimension."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, PROBLEMS, accept
from linsgd.optimizers.averages import ExponentialAverage, IterateAverage, TailAverage
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise
from linsgd.theory.risk.correlated_modes import correlated_curve, infinite_curve
from linsgd.theory.risk.coverage import check_homogenized, sample_noise
from linsgd.theory.risk.node_curve import COARSE, FINE, NodeCurve
from linsgd.theory.risk.result import RiskCurve, RiskStatus
from linsgd.theory.risk.run import Run, Schedules
from linsgd.theory.risk.spectrum import Start, finite_problem

RiskTheory: TypeAlias = Literal["exact", "homogenized", "gradient_flow"]

LONGEST_AVERAGE = 10**8  # steps
LONGEST_WALK = 10**6  # steps of homogenised SGD under a schedule
EPS = float(np.finfo(float).eps)


def risk_curve(
    problem: LinearRegression | PowerLaw,
    sgd: SGD,
    steps: ArrayLike,
    schedule: Schedule | None = None,
    batch_schedule: Schedule | None = None,
    theory: RiskTheory = "exact",
    momentum_schedule: Schedule | None = None,
    average: IterateAverage | None = None,
    start: tuple[ArrayLike, ArrayLike] | None = None,
) -> RiskCurve:
    r"""Return the excess risk of one-pass SGD at given steps, or that of an average of iterates.

    Parameters
    ----------
    problem : LinearRegression or PowerLaw
        Features along principal axes in any dimension, or an infinite power law. A finite data set
        (sampled with replacement) or a law of one's own is walked over all pairs of modes, which
        costs O(d^3) a step.
    sgd : SGD
        Learning rate and batch size are those at a factor of 1; independent batches.
    steps : array_like (K,)
        Numbers of steps, in any order.
    schedule, batch_schedule : Schedule, optional
        Factors of the learning rate and of the batch size; constant by default. Batch sizes must be
        whole numbers.
    theory : {"exact", "homogenized", "gradient_flow"}
        The discrete algorithm; the stochastic differential equation of homogenised SGD; or gradient
        flow with the labels' noise alone. The last two cover plain SGD on Gaussian features; under
        schedules, whose steps are then pieces of constant rates, to 10^6 steps.
    momentum_schedule : Schedule, optional
        Factors of the momentum, which must stay in (0, 1).
    average : TailAverage or ExponentialAverage, optional
        Of the iterates, whose risk is returned in place of that of the last iterate. Features along
        principal axes; steps from the average's first iterate on.
    start : tuple (w, v) of array_like (d,), optional
        Where the optimizer goes on from, v = -buf. By default it starts fresh at w = 0, first step
        undampened.

    Returns
    -------
    RiskCurve
        The excess risk and its relative error at the steps.

    Raises
    ------
    ValueError
        If a value lies outside its domain, a schedule is shorter than the steps, or a batch size is
        not whole.

    See Also
    --------
    moments : Mean and covariance at given steps.
    Schedule : How the learning rate and the batch size change.

    Notes
    -----
    With :math:`T_k = 2 \cdot` excess risk the second moment of each mode obeys, for Gaussian
    features without momentum and decay,

    .. math:: m_i' = ((1 - \eta_k h_i)^2 + \eta_k^2 h_i^2 / b_k)\, m_i
        + \frac{\eta_k^2}{b_k} h_i (T_k + \sigma^2), \qquad T_k = \sum_i h_i m_i ,

    so that modes meet in T alone. The spectrum enters through a few measures, each replaced by
    Gauss rules on panels: some hundred nodes serve any dimension, as all one-step factors are
    smooth in h. Long stretches of constant hyperparameters are passed by a contour integral, at
    any number of steps.

    "homogenized" replaces :math:`(1 - \eta h)^2` by :math:`e^{-2 \eta h}` and drops the own noise
    :math:`\eta^2 h^2 m/b` of a mode: relative errors of order :math:`\eta h` at the steps where
    mode h is forgotten. The `error` is that of solving its equation.

    References
    ----------
    .. [1] C. Paquette et al., "Homogenization of SGD in high-dimensions" (2022), arXiv 2205.07069,
       for the Volterra equation that this recursion turns into in a limit.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.3, source=0.8)
    >>> curve = linsgd.risk_curve(law, linsgd.SGD(lr=0.5, batch_size=4), [0, 10, 100])
    >>> [f"{risk:.4g}" for risk in curve.excess_risk]
    ['0.6116', '0.01885', '0.0008658']
    """
    accept(problem, sgd, OPTIMIZERS, (*PROBLEMS, PowerLaw))
    times = domains.step_list("steps", steps)
    if sgd.sampling != "independent":
        domains.refuse("sampling", sgd.sampling, "'independent': the risk of fresh samples")
    schedules = Schedules(schedule, batch_schedule, momentum_schedule)
    begin = _start(problem, start)
    run = Run.of(sgd, schedules, int(times.max()), fresh=begin is None)
    if domains.choice("theory", theory, get_args(RiskTheory)) != "exact":
        check_homogenized(problem, sgd, schedules, theory)
        if not run.is_constant and run.steps > LONGEST_WALK:
            domain = f"[0, {LONGEST_WALK}] under a schedule for theory = {theory!r}"
            domains.refuse("steps", run.steps, domain)
    if average is not None:
        _check_average(average, times, theory)
    problem = finite_problem(problem)
    if isinstance(problem, LinearRegression):
        sgd.check(problem)
        noise = sample_noise(problem, sgd)
        if isinstance(noise, MatrixNoise):
            _no_average(average)
            totals = correlated_curve(problem, run, times, begin)
            error = np.asarray(EPS * (times + 16.0) + problem.error)
            return _result(run, times, totals / 2, error)
        if any(noise.infinite):
            _no_average(average)
            risk = infinite_curve(problem, noise, times, begin)
            status = RiskStatus.INFINITE_VARIANCE
            return _result(run, times, risk, np.zeros(times.size), status)
    elif not problem.finite_risk:
        risk = np.full(times.size, np.inf)
        return _result(run, times, risk, np.zeros(times.size), RiskStatus.INFINITE_RISK)
    ordered, order = np.unique(times, return_inverse=True)
    fine, rough = (NodeCurve(problem, run, n, begin) for n in (FINE, COARSE))
    totals, coarse = (_totals(curve, theory, average, ordered) for curve in (fine, rough))
    error = _relative(totals, coarse) + EPS * np.sqrt(ordered + 1.0)
    crossed = _crossed(fine, theory)
    status = RiskStatus.OK if crossed is None else RiskStatus.UNSTABLE
    return _result(run, times, totals[order] / 2, error[order], status, crossed)


def _start(
    problem: LinearRegression | PowerLaw, start: tuple[ArrayLike, ArrayLike] | None
) -> Start | None:
    """Return the start (w, v) as arrays, or None for a fresh optimizer."""
    if start is None:
        return None
    if problem.dimension is None:
        domains.refuse("start", start, "None with infinitely many features")
    given: tuple[ArrayLike, ...] = start
    domains.exact_type("start", given, (tuple,))
    if len(given) != 2:
        domains.refuse("start", given, "None or a tuple (w, v)")
    w, v = (
        domains.array(f"start[{i}]", part, (problem.dimension,)) for i, part in enumerate(given)
    )
    return w, v


def _check_average(average: object, times: IntArray, theory: str) -> None:
    """Refuse what is no average, and steps before it begins."""
    domains.exact_type("average", average, (TailAverage, ExponentialAverage))
    assert isinstance(average, TailAverage | ExponentialAverage)
    if theory != "exact":
        domains.refuse("theory", theory, "'exact' for an average of the iterates")
    domain = f"[{average.first}, {average.first + LONGEST_AVERAGE}]"
    for step in (int(times.min()), int(times.max())):
        domains.integer("steps", step, domain)


def _no_average(average: IterateAverage | None) -> None:
    """Refuse an average where modes are correlated or variances infinite."""
    if average is not None:
        domain = "None unless features lie along principal axes, with finite fourth moments"
        domains.refuse("average", average, domain)


def _totals(
    curve: NodeCurve, theory: RiskTheory, average: IterateAverage | None, times: IntArray
) -> FloatArray:
    """Return twice the risk (K,) at increasing times."""
    if theory != "exact":
        return curve.homogenized(times, feedback=theory == "homogenized")
    return curve.at(times) if average is None else curve.averaged(average, times)


def _crossed(curve: NodeCurve, theory: RiskTheory) -> int | None:
    """Return the first step beyond the edge of stability in the theory's own terms."""
    if theory == "exact":
        return curve.unstable_from()
    return curve.homogenized_unstable_from() if theory == "homogenized" else None


def _relative(fine: FloatArray, coarse: FloatArray) -> FloatArray:
    """Return the relative difference of two curves, 0 where they are equal."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(fine - coarse)
    differs = (fine > 0) & (fine != coarse)
    return np.divide(difference, fine, out=np.zeros_like(fine), where=differs)


def _result(
    run: Run,
    times: IntArray,
    risk: FloatArray,
    error: FloatArray,
    status: RiskStatus = RiskStatus.OK,
    unstable_from: int | None = None,
) -> RiskCurve:
    """Return the curve at the times (K,)."""
    following = np.minimum(times, max(run.steps - 1, 0))
    return RiskCurve(
        status=status,
        unstable_from=unstable_from,
        steps=times,
        excess_risk=risk,
        error=error,
        lr=run.lr(following),
        batch_size=run.batch_size(following),
    )
