"""A case: one optimizer on one problem, with its exact law and its observables along the modes.

The standard cases, which several claims share, are in `linsgd.claims.ensembles`.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.claims.experiment import SGDChains
from linsgd.claims.premises import measurement
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray, IntArray
from linsgd.judge.acceptance import Inapplicable
from linsgd.judge.claim import Simulation
from linsgd.judge.intervals import Premise
from linsgd.judge.observables import Observable, Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.moments import moments
from linsgd.theory.result import Moments

ROUNDING = 1e-14  # of the labels' mean square: the rounding of an exact variance
MODES = 10  # components of a claim along the eigenvectors of H: the largest modes


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One optimizer on one problem, with its exact law at the steps that are measured.

    Attributes
    ----------
    named : NamedProblem
        The problem and its name.
    sgd : SGD
        The optimizer.
    start : tuple of ndarray (d,), or None
        Initial (w, v).
    law : Moments
        Exact law at the steps that are measured.
    softest : float
        Modes are those whose curvature exceeds this fraction of the largest.
    """

    named: NamedProblem
    sgd: SGD
    start: tuple[FloatArray, FloatArray] | None
    law: Moments
    softest: float = 1e-9

    def __post_init__(self) -> None:
        if self.modes.size == 0:
            raise Inapplicable("the gradient has no noise along any eigenvector of the Hessian")

    @property
    def problem(self) -> LinearRegression:
        """The problem that is learned."""
        return self.named.problem

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that are measured."""
        return tuple(int(k) for k in np.asarray(self.law.steps))

    @property
    def modes(self) -> IntArray:
        """Indices of the largest eigenvalues of H (m,), at most ten.

        Left out are null directions, those below `softest`, and those without gradient noise or
        with no more than the rounding of the exact law.
        """
        h = self.problem.eigenvalues
        largest = np.sort(np.argsort(h)[::-1][:MODES])
        stiffness = np.where(h > 1e-9 * h.max(), h + self.sgd.weight_decay, 0.0)
        variance = self.law.position_variance[-1] * h
        live = (stiffness > self.softest * stiffness.max()) & (
            variance > max(1e-9 * variance.max(), self._rounding)
        )
        chosen: IntArray = largest[live[largest]]
        return chosen

    @property
    def _rounding(self) -> float:
        """Variance of predictions that may be the rounding of the exact law of a data set."""
        law = self.problem.features
        scale = float(np.mean(np.square(law.y))) if isinstance(law, FiniteData) else 0.0
        return ROUNDING * scale

    @property
    def curvature(self) -> FloatArray:
        """Eigenvalues of the regularised Hessian along the modes (m,)."""
        return self.problem.eigenvalues[self.modes] + self.sgd.weight_decay

    @property
    def position(self) -> FloatArray:
        """Directions (2 d, m) whose product with a state (w, v) is w along the modes."""
        return self.all_directions[0][:, self.modes]

    @property
    def velocity(self) -> FloatArray:
        """Directions (2 d, m) whose product with a state (w, v) is v along the modes."""
        return self.all_directions[1][:, self.modes]

    @property
    def all_directions(self) -> tuple[FloatArray, FloatArray]:
        """Directions (2 d, d) of w and of v along every coordinate's eigenvector, null ones too."""
        Q, d = self.problem.eigenvectors, self.problem.dimension
        axes, zeros = (np.eye(d) if Q is None else Q), np.zeros((d, d))
        return np.vstack([axes, zeros]), np.vstack([zeros, axes])

    def mean_state(self, at: int = -1) -> FloatArray:
        """Exact mean of the state (w, v) (2 d,) at the step of index `at`."""
        return np.concatenate([self.law.mean[at], self.law.velocity_mean[at]])

    def names(self, symbol: str) -> tuple[str, ...]:
        """Name a component for each mode by its eigenvalue."""
        return tuple(
            f"{symbol}, mode of eigenvalue {h:.4g}" for h in self.problem.eigenvalues[self.modes]
        )

    def squares(self, directions: FloatArray, at: int = -1) -> Quadratic:
        """Squared deviations from the exact mean along directions (2 d, m), at the step `at`."""
        return Quadratic(
            self.mean_state(at), directions, directions, np.eye(directions.shape[1]), at
        )

    def excess_loss(self, scale: float, at: int = -1) -> Quadratic:
        """Observe (L(w) - min L) / scale at the step `at`, L with its weight decay."""
        minimum = self.problem.solution(self.sgd.weight_decay)
        h = self.problem.eigenvalues + self.sgd.weight_decay
        w, _ = self.all_directions
        centre = np.concatenate([minimum, np.zeros_like(minimum)])
        return Quadratic(centre, w, w, h[:, None] / (2 * scale), at)

    def simulation(self, observable: Observable, premise: Premise | None = None) -> Simulation:
        """Measure an observable in this case's chains.

        Without a premise the observable must be linear or quadratic; what is known of it then
        follows from the exact law and from the rows, and chains are drawn in strata where single
        rows make it very skewed.
        """
        if premise is None:
            return measurement(self, observable)
        return Simulation(experiment=self.experiment, observable=observable, premise=premise)

    @property
    def experiment(self) -> SGDChains:
        """The ensemble of this case."""
        return SGDChains(problem=self.problem, sgd=self.sgd, steps=self.steps, start=self.start)

    @property
    def regime(self) -> str:
        """The optimizer, the steps, and why third moments of quadratic observables exist."""
        bounded = (
            "a finite data set, hence bounded iterates"
            if self.named.finite
            else "all moments of w_k finite"
        )
        return f"{_options(self.sgd)}; {_steps(self.steps)}; {bounded}"


def at_steps(
    named: NamedProblem,
    sgd: SGD,
    steps: list[int],
    start: tuple[FloatArray, FloatArray] | None = None,
) -> Case:
    """Make the case of an optimizer that is seen at given steps.

    Parameters
    ----------
    named : NamedProblem
        The problem.
    sgd : SGD
        The optimizer.
    steps : list of int
        Increasing steps at which the state is measured.
    start : tuple of ndarray (d,), optional
        Initial (w, v); a fresh optimizer at w = 0 by default.

    Returns
    -------
    Case
        With the exact law at each of the steps.

    Examples
    --------
    >>> from linsgd.claims.problems import gaussian
    >>> case = at_steps(gaussian(), SGD(lr=0.1), [1, 8])
    >>> case.law.position_variance.shape
    (2, 4)
    """
    return Case(named, sgd, start, moments(named.problem, sgd, steps, start))


def _options(sgd: SGD) -> str:
    """Say in words which optimizer it is; what is at its default is left out."""
    said = [f"lr {sgd.lr:g}", f"batch {sgd.batch_size}", f"momentum {sgd.momentum:g}"]
    said += [f"dampening {sgd.dampening:g}"] if sgd.dampening else []
    said += ["Nesterov"] if sgd.nesterov else []
    said += [f"weight decay {sgd.weight_decay:g}"] if sgd.weight_decay else []
    drawn = {"epoch": "reshuffled epochs", "fixed": "an order that repeats"}
    if sgd.sampling != "independent":
        said.append(drawn[sgd.sampling])
    elif not sgd.replacement:
        said.append("without replacement")
    return ", ".join(said)


def _steps(steps: tuple[int, ...]) -> str:
    *early, last = map(str, steps)
    if early:
        return f"after {', '.join(early)} and {last} steps"
    return f"after {last} step{'' if last == '1' else 's'}"
