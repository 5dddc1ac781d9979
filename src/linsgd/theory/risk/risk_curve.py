"""The exact excess risk along the steps, under any schedule, in any dimension."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, PROBLEMS, accept
from linsgd.optimizers.schedule import Schedule, common_stretches
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result, Status
from linsgd.theory.recurrence.gradient_covariance import (
    MatrixNoise,
    ModeNoise,
    Noise,
    gradient_noise_law,
)
from linsgd.theory.recurrence.recurrence import Coefficients, Recurrence
from linsgd.theory.recurrence.steps import MatrixStep, State
from linsgd.theory.risk.contour import Step, nodes_at, settling_time, totals_at
from linsgd.theory.risk.homogenized import homogenized
from linsgd.theory.risk.measures import (
    Measure,
    Panels,
    compressed,
    joined,
    power_tail,
)
from linsgd.theory.risk.modes import Nodes, NoiseFactors, contracts
from linsgd.theory.risk.recursion import walked

RiskTheory: TypeAlias = Literal["exact", "homogenized"]

FINE, COARSE = 10, 8  # Gauss nodes a panel; the difference of the two curves is the error
CHUNK = 50_000  # steps whose hyperparameters are held at once
WORTH = 20_000  # steps of a constant stretch beyond which the contour is cheaper than walking
MOST_WALKED = 10**9
EXPLICIT = 100_000  # modes of an infinite power law that are summed one by one
IMMOBILE = 1e-13  # a mode that moves by less in the whole run is at rest
OVERFLOW = 1e300
EPS = float(np.finfo(float).eps)


class RiskStatus(Status):
    """Whether the risk stays bounded under the hyperparameters of every step."""

    OK = "ok"
    # some steps are beyond the edge of mean-square stability of constant hyperparameters
    UNSTABLE = "unstable"
    # fourth moments of the features or the variance of the labels are infinite
    INFINITE_VARIANCE = "infinite_variance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RiskCurve(Result):
    """The excess risk at several steps.

    Attributes
    ----------
    status : RiskStatus
        "unstable" where the hyperparameters of some step would let the second moment grow.
    unstable_from : int or None
        The first such step.
    steps : ndarray (K,)
        Numbers of steps done.
    excess_risk : ndarray (K,)
        E[R(w)] - R(w*), without the weight-decay term.
    error : ndarray (K,)
        Estimated relative error of each, from two resolutions of the spectrum and from rounding.
    lr : ndarray (K,)
        Learning rate of the step that follows.
    batch_size : ndarray (K,)
        Batch size of the step that follows.
    """

    status: RiskStatus
    unstable_from: int | None
    steps: IntArray
    excess_risk: FloatArray
    error: FloatArray
    lr: FloatArray
    batch_size: FloatArray


def risk_curve(
    problem: LinearRegression | PowerLaw,
    sgd: SGD,
    steps: ArrayLike,
    schedule: Schedule | None = None,
    batch_schedule: Schedule | None = None,
    theory: RiskTheory = "exact",
) -> RiskCurve:
    r"""Return the excess risk of one-pass SGD at given steps, from w = 0.

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
    theory : {"exact", "homogenized"}
        The discrete algorithm, or the stochastic differential equation of homogenised SGD, which
        covers plain SGD on Gaussian features under constant hyperparameters.

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
    moments : Mean and covariance at given steps, under constant hyperparameters.
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
    run = Run.of(sgd, schedule, batch_schedule, int(times.max()))
    run.check_batches()
    if domains.choice("theory", theory, ("exact", "homogenized")) == "homogenized":
        _check_homogenized(problem, sgd, schedule, batch_schedule)
    problem = finite_problem(problem)
    if isinstance(problem, LinearRegression):
        sgd.check(problem)
        noise = _sample_noise(problem, sgd)
        if isinstance(noise, MatrixNoise):
            return _data_curve(problem, run, times)
        if any(noise.infinite):
            return _infinite_curve(problem, noise, run, times)
    ordered, order = np.unique(times, return_inverse=True)
    fine, rough = NodeCurve(problem, run), NodeCurve(problem, run, COARSE)
    if theory == "homogenized":
        totals, coarse = fine.homogenized(ordered), rough.homogenized(ordered)
    else:
        totals, coarse = fine.at(ordered), rough.at(ordered)
    error = _relative(totals, coarse) + EPS * np.sqrt(ordered + 1.0)
    crossed = fine.unstable_from()
    return run.result(
        RiskStatus.OK if crossed is None else RiskStatus.UNSTABLE,
        crossed,
        times,
        totals[order] / 2,
        error[order],
    )


def finite_problem(problem: LinearRegression | PowerLaw) -> LinearRegression | PowerLaw:
    """Return a power law of finite dimension as the linear regression that it is."""
    if isinstance(problem, PowerLaw) and problem.dimension is not None:
        return problem.problem()
    return problem


def covered_noise(problem: LinearRegression | PowerLaw, sgd: SGD) -> None:
    """Refuse features that are not along principal axes, and infinite moments."""
    if isinstance(problem, PowerLaw):
        return
    sgd.check(problem)
    noise = _sample_noise(problem, sgd)
    if isinstance(noise, MatrixNoise) or any(noise.infinite):
        domain = "features along principal axes with finite fourth moments, and PowerLaw"
        domains.refuse("problem", problem, domain)


def _sample_noise(problem: LinearRegression, sgd: SGD) -> Noise:
    """Return the gradient noise of one sample."""
    return gradient_noise_law(problem, replace(sgd, batch_size=1))


def _check_homogenized(
    problem: LinearRegression | PowerLaw,
    sgd: SGD,
    schedule: Schedule | None,
    batch_schedule: Schedule | None,
) -> None:
    """Refuse what homogenised SGD does not describe."""
    for name, value in (("momentum", sgd.momentum), ("weight_decay", sgd.weight_decay)):
        if value != 0:
            domains.refuse(name, value, "0 for theory = 'homogenized'")
    for name, schedule_given in (("schedule", schedule), ("batch_schedule", batch_schedule)):
        if schedule_given is not None:
            domains.refuse(name, schedule_given, "None for theory = 'homogenized'")
    if isinstance(problem, LinearRegression) and type(problem.features) is not GaussianFeatures:
        domains.refuse("problem", problem, "Gaussian features for theory = 'homogenized'")


@dataclass(frozen=True, slots=True)
class Run:
    """The optimizer and its schedules over a number of steps."""

    sgd: SGD
    schedules: list[Schedule]
    steps: int

    @classmethod
    def of(cls, sgd: SGD, schedule: Schedule | None, batch: Schedule | None, steps: int) -> Run:
        """Check the schedules, None for a constant one."""
        given = {"schedule": schedule, "batch_schedule": batch}
        for name, value in given.items():
            if value is not None and not isinstance(value, Schedule):
                domains.refuse_type(name, value, "a Schedule")
        return cls(sgd, [each or Schedule.constant() for each in given.values()], steps)

    def stretches(self) -> Iterator[tuple[int, int, bool]]:
        """Yield stretches of steps.

        Yields
        ------
        tuple
            Start, stop and whether the hyperparameters are constant.
        """
        if self.steps == 0:
            return
        begun = self.first_is_undampened
        for start, stop, factors in common_stretches(self.schedules, self.steps):
            constant = None not in factors
            if begun and start == 0:
                yield 0, 1, constant
                start = 1
            if start < stop:
                yield start, stop, constant

    @property
    def first_is_undampened(self) -> bool:
        """Whether the first step differs: a fresh optimizer's buffer is the whole gradient."""
        return self.sgd.gradient_weight != 1

    def lr(self, steps: IntArray) -> FloatArray:
        """Return the learning rates (K,) of the steps."""
        return self.sgd.lr * self.schedules[0].factors(steps)

    def batch_size(self, steps: IntArray) -> FloatArray:
        """Return the batch sizes (K,) of the steps."""
        return self.sgd.batch_size * self.schedules[1].factors(steps)

    def looks(self) -> IntArray:
        """Return steps that meet every constant stretch, and many of those that vary."""
        looked = [
            np.unique(np.linspace(start, stop - 1, 1 if constant else 10_000).astype(np.int64))
            for start, stop, constant in self.stretches()
        ]
        return np.concatenate(looked) if looked else np.zeros(1, dtype=np.int64)

    def check_batches(self) -> None:
        """Refuse batch sizes that are not whole."""
        steps = self.looks()
        sizes = self.batch_size(steps)
        wrong = (np.abs(sizes - np.rint(sizes)) > 1e-9 * sizes) | (sizes < 1)
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            domains.refuse(f"batch size at step {steps[i]}", float(sizes[i]), "1, 2, 3, ...")

    def result(
        self,
        status: RiskStatus,
        unstable_from: int | None,
        times: IntArray,
        risk: FloatArray,
        error: FloatArray,
    ) -> RiskCurve:
        """Return the curve at the times (K,)."""
        following = np.minimum(times, max(self.steps - 1, 0))
        return RiskCurve(
            status=status,
            unstable_from=unstable_from,
            steps=times,
            excess_risk=risk,
            error=error,
            lr=self.lr(following),
            batch_size=self.batch_size(following),
        )


class NodeCurve:
    """T along a run, on n nodes a panel."""

    def __init__(self, problem: LinearRegression | PowerLaw, run: Run, n: int = FINE) -> None:
        self.run = run
        looks = run.looks()
        self.looks, self.rates, self.batches = looks, run.lr(looks), run.batch_size(looks)
        panels = _panels(run.sgd, float(self.rates.max()))
        if isinstance(problem, LinearRegression):
            measures, constant = _problem_measures(problem, run.sgd.weight_decay, panels, n)
            noise = _sample_noise(problem, run.sgd)
            assert isinstance(noise, ModeNoise)
            self.noise = NoiseFactors(noise.own, noise.common, noise.label)
        else:
            travel = float(self.rates.max()) * max(run.steps, 1) / (1 - run.sgd.momentum)
            measures, constant = _infinite_measures(problem, run, panels, n, IMMOBILE / travel)
            self.noise = NoiseFactors(1.0, 1.0, problem.noise_std**2)
        self.nodes = Nodes.of(measures, run.sgd.weight_decay, constant)

    def at(self, times: IntArray) -> FloatArray:
        """Return T at the increasing times (K,)."""
        found = np.full(times.shape, np.inf)
        nodes = self.nodes
        for start, stop, constant in self.run.stretches():
            inside = (times >= start) & (times < stop)
            nodes = self._pass(nodes, start, stop, constant, times[inside], found, inside)
            if not nodes.total < OVERFLOW:
                return found
        found[times == self.run.steps] = nodes.total
        return found

    def homogenized(self, times: IntArray) -> FloatArray:
        """Return T of homogenised SGD at the times (K,)."""
        noise = self.noise.of_batch(self.run.sgd.batch_size)
        return homogenized(self.nodes, self.run.sgd.lr, noise, times)

    def _pass(
        self,
        nodes: Nodes,
        start: int,
        stop: int,
        constant: bool,
        times: IntArray,
        found: FloatArray,
        inside: NDArray[np.bool_],
    ) -> Nodes:
        """Fill in T at the times within a stretch; return the nodes at its end."""
        totals = np.full(times.shape, np.inf)
        walk_to = stop
        if constant and stop - start > WORTH:
            walk_to = self._far_from(nodes, start, stop)
        begun, first = nodes, start
        while first < walk_to and nodes.total < OVERFLOW:
            last = min(first + CHUNK, walk_to)
            path, nodes = walked(nodes, self._hyperparameters(np.arange(first, last)))
            here = (times >= first) & (times < last)
            totals[here] = path[times[here] - first]
            first = last
        if walk_to < stop:
            step = self._step(start)
            far = times >= walk_to
            totals[far] = totals_at(begun, step, times[far] - start)
            nodes = nodes_at(begun, step, float(stop - start))
        found[inside] = totals
        return nodes

    def _far_from(self, nodes: Nodes, start: int, stop: int) -> int:
        """Return the step from which a constant stretch is passed by the contour, or `stop`."""
        step = self._step(start)
        coefficients = Coefficients.of(self.run.sgd).at(float(self.run.lr(np.array([start]))[0]))
        if coefficients.lr == 0 or not contracts(nodes, coefficients, step.noise):
            if stop - start > MOST_WALKED:
                return start + MOST_WALKED
            return stop
        settled = start + max(WORTH // 10, int(min(settling_time(nodes, step), 1e15)) + 1)
        return min(settled, stop)

    def _step(self, at: int) -> Step:
        c_w, c_v, q, m, own, common, label = self._hyperparameters(np.array([at]))[0]
        return Step(c_w, c_v, q, m, NoiseFactors(own, common, label))

    def _hyperparameters(self, steps: IntArray) -> FloatArray:
        """Return c_w, c_v, A_wv, A_vv, own, common and label of each step (K, 7)."""
        unit = Coefficients.of(self.run.sgd).at(1.0)
        lr, b = self.run.lr(steps), self.run.batch_size(steps)
        c = np.tile(unit.noise_vector(), (len(steps), 1))
        if self.run.first_is_undampened:
            c[steps == 0] = unit.undampened().noise_vector()
        coupling = unit.mode_change(np.zeros(1))[0, 0, 1]
        momentum = np.full(len(steps), unit.momentum)
        noise = np.divide.outer(np.array(self.noise), b)
        return np.column_stack([lr * c[:, 0], c[:, 1], lr * coupling, momentum, *noise])

    def unstable_from(self) -> int | None:
        """Return the first step whose hyperparameters, kept for ever, let second moments grow."""
        sizes = np.unique(self.batches)
        critical = np.array([self.critical_lr(float(b)) for b in sizes])
        beyond = self.rates >= critical[np.searchsorted(sizes, self.batches)]
        return int(self.looks[beyond.argmax()]) if beyond.any() else None

    def critical_lr(self, batch_size: float | None = None) -> float:
        """Return the learning rate at the edge of mean-square stability, by bisection."""
        coefficients = Coefficients.of(self.run.sgd)
        noise = self.noise.of_batch(batch_size or self.run.sgd.batch_size)
        top = float(self.nodes.kappa.max())
        low, high = 0.0, coefficients.at(1.0).largest_stable_curvature() / top
        for _ in range(60):
            middle = (low + high) / 2
            if contracts(self.nodes, coefficients.at(middle), noise):
                low = middle
            else:
                high = middle
        return high


def _panels(sgd: SGD, lr: float) -> Panels:
    if lr == 0:
        return Panels(np.inf, np.inf)
    edge = Coefficients.of(sgd).at(lr).largest_stable_curvature()
    oscillation = (1 - sgd.momentum) / np.sqrt(lr) if sgd.momentum > 0 else np.inf
    return Panels(edge, oscillation)


def _problem_measures(
    problem: LinearRegression, weight_decay: float, panels: Panels, n: int
) -> tuple[dict[str, Measure], float]:
    """Return the measures of `modes` for a fresh optimizer at w = 0, and the constant part of T."""
    moving = problem.eigenvalues > 0
    h = problem.eigenvalues[moving]
    optimum = problem.to_eigenbasis(problem.optimum)[moving]
    order = np.argsort(h, kind="stable")
    h, optimum = h[order], optimum[order]
    s = -weight_decay * optimum / (h + weight_decay)  # mu - w*
    theta = -optimum - s  # 0 - mu
    weights = {"start": h * theta**2, "feed": h**2}
    if weight_decay > 0:
        weights |= {"shift": h**3 * s**2, "drift": 2 * h * s * theta}
    measures = {name: compressed(h, w, panels, n) for name, w in weights.items()}
    return measures, float(h @ s**2)


def _infinite_measures(
    law: PowerLaw, run: Run, panels: Panels, n: int, slowest: float
) -> tuple[dict[str, Measure], float]:
    """Return the measures of `modes` for an infinite power law, started at w = 0."""
    if run.sgd.weight_decay > 0:
        domains.refuse("weight_decay", run.sgd.weight_decay, "0 with infinitely many features")
    j = np.arange(EXPLICIT, 0.0, -1.0)
    h = j**-law.exponent
    exponents = {"start": law.exponent + 2 * law.source, "feed": 2 * law.exponent}
    measures = {
        name: joined(
            [
                compressed(h, j**-weight, panels, n),
                power_tail(EXPLICIT, law.exponent, weight, slowest),
            ]
        )
        for name, weight in exponents.items()
    }
    return measures, 0.0


def _relative(fine: FloatArray, coarse: FloatArray) -> FloatArray:
    """Return the relative difference of two curves, 0 where they are equal."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(fine - coarse)
    return np.divide(difference, fine, out=np.zeros_like(fine), where=(fine > 0) & (fine != coarse))


def _infinite_curve(
    problem: LinearRegression, noise: ModeNoise, run: Run, times: IntArray
) -> RiskCurve:
    """Return the curve of infinite variance: finite at step 0 only."""
    start = float(problem.eigenvalues @ problem.to_eigenbasis(problem.optimum) ** 2) / 2
    stays = not any((noise.infinite.labels, noise.infinite.features and start > 0))
    risk = np.where((times == 0) | stays, start, np.inf)
    if stays:  # at w*, without label noise of infinite variance, the first step is finite
        risk = np.where(times <= 1, risk, np.inf)
    return run.result(RiskStatus.INFINITE_VARIANCE, None, times, risk, np.zeros(times.size))


def _data_curve(problem: LinearRegression, run: Run, times: IntArray) -> RiskCurve:
    """Return the curve where modes are correlated, walked over all pairs of modes."""
    recurrence = Recurrence.of(problem, run.sgd)
    coefficients, h = recurrence.coefficients, problem.eigenvalues
    d = problem.dimension
    delta = -problem.to_eigenbasis(problem.optimum)
    state = State(np.array([delta, np.zeros(d)]), np.zeros((3, d, d)))
    noises: dict[int, MatrixNoise] = {}
    found = np.empty(times.shape)
    for k in range(run.steps + 1):
        second = np.diagonal(state.covariance[0]) + state.mean[0] ** 2
        found[times == k] = h @ second
        if k == run.steps:
            break
        at = np.array([k])
        b = int(np.rint(run.batch_size(at)[0]))
        if b not in noises:
            noises[b] = _row_noise(problem, run.sgd, b)
        now = coefficients.at(float(run.lr(at)[0]))
        if k == 0:
            now = now.undampened()
        step = MatrixStep.make(now, recurrence.curvature, recurrence.decayed_optimum)
        state = step(noises[b], state)
    error = np.asarray(EPS * (times + 16.0) + problem.error)
    return run.result(RiskStatus.OK, None, times, found / 2, error)


def _row_noise(problem: LinearRegression, sgd: SGD, batch_size: int) -> MatrixNoise:
    """Return the noise of a batch size where modes are correlated."""
    noise = gradient_noise_law(problem, replace(sgd, batch_size=batch_size))
    assert isinstance(noise, MatrixNoise)
    return noise
