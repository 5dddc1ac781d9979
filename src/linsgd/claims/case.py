r"""A case: one optimizer on one problem, its exact law at the steps looked at, and observables along the modes.

Learning rates are a stated fraction of the mean-square threshold of `linsgd.stability`, rounded to
three digits, so that a case exists for any data set. Where a claim speaks of a stationary law the
chains run until every exact position variance is within 1e-4 of it (at most 1024 steps), and the
prediction is the exact law at that step all the same.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from linsgd.claims.experiment import SGDChains
from linsgd.claims.subjects import Subject
from linsgd.domains import FloatArray, IntArray
from linsgd.judge.acceptance import Inapplicable
from linsgd.judge.claim import Simulation
from linsgd.judge.intervals import Tail
from linsgd.judge.observables import Observable, Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.moments import Moments, moments, stationary_moments
from linsgd.theory.stability.thresholds import stability

MODES = 10  # components of a claim along the eigenvectors of H: the largest modes
SETTLED = 1e-4
LONGEST = 1024  # steps


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One optimizer on one problem, with its exact law at the steps that are measured.

    Attributes
    ----------
    subject : Subject
        The problem and its name.
    sgd : SGD
        The optimizer.
    start : tuple of ndarray (d,), or None
        Initial (w, v).
    law : Moments
        Exact law at `law.steps`.
    softest : float
        Modes are those whose curvature is at least this fraction of the largest.
    """

    subject: Subject
    sgd: SGD
    start: tuple[FloatArray, FloatArray] | None
    law: Moments
    softest: float = 1e-9

    def __post_init__(self) -> None:
        if self.modes.size == 0:
            raise Inapplicable(
                f"the gradient of {self.subject.name} is without noise along every eigenvector"
            )

    @property
    def problem(self) -> LinearRegression:
        """What is learned."""
        return self.subject.problem

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that are measured."""
        return tuple(int(k) for k in np.asarray(self.law.steps))

    @property
    def modes(self) -> IntArray:
        """Indices of the largest eigenvalues of H, at most ten; no null, too soft or noiseless directions."""
        h = self.problem.eigenvalues
        largest = np.sort(np.argsort(h)[::-1][:MODES])
        stiffness = np.where(h > 1e-9 * h.max(), h + self.sgd.weight_decay, 0.0)
        variance = self.law.position_variance[-1] * h
        live = (stiffness > self.softest * stiffness.max()) & (variance > 1e-9 * variance.max())
        chosen: IntArray = largest[live[largest]]
        return chosen

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

    def centre(self, at: int = -1) -> FloatArray:
        """Predicted mean of the state (2 d,) at a step."""
        return np.concatenate([self.law.mean[at], self.law.velocity_mean[at]])

    def names(self, symbol: str) -> tuple[str, ...]:
        """Name a component for each mode by its eigenvalue."""
        return tuple(
            f"{symbol}, mode of eigenvalue {h:.4g}" for h in self.problem.eigenvalues[self.modes]
        )

    def squares(self, directions: FloatArray, at: int = -1) -> Quadratic:
        """Squared deviations from the predicted mean along directions (2 d, m)."""
        return Quadratic(self.centre(at), directions, directions, np.eye(directions.shape[1]), at)

    def simulation(self, observable: Observable, tail: Tail = Tail.THIRD_MOMENT) -> Simulation:
        """Measure an observable in this case's ensemble."""
        return Simulation(experiment=self.experiment, observable=observable, tail=tail)

    @property
    def experiment(self) -> SGDChains:
        """The ensemble of this case."""
        return SGDChains(problem=self.problem, sgd=self.sgd, steps=self.steps, start=self.start)

    @property
    def regime(self) -> str:
        """The optimizer, the step, and why third moments of quadratic observables exist."""
        options = [
            f"lr {self.sgd.lr:g}",
            f"batch {self.sgd.batch_size}",
            f"momentum {self.sgd.momentum:g}",
        ]
        options += [f"dampening {self.sgd.dampening:g}"] if self.sgd.dampening else []
        options += ["Nesterov"] if self.sgd.nesterov else []
        options += [f"weight decay {self.sgd.weight_decay:g}"] if self.sgd.weight_decay else []
        options += (
            [] if self.sgd.replacement or self.sgd.sampling == "epoch" else ["without replacement"]
        )
        options += ["reshuffled epochs"] if self.sgd.sampling == "epoch" else []
        *early, last = map(str, self.steps)
        steps = (
            f"after {', '.join(early)} and {last} steps"
            if early
            else f"after {last} step{'s' * (last != '1')}"
        )
        bounded = (
            "a finite data set, hence bounded iterates"
            if self.subject.finite
            else "all moments of w_k finite"
        )
        return f"{', '.join(options)}; {steps}; {bounded}"


def stable_sgd(problem: LinearRegression, fraction: float, **options: float) -> SGD:
    """Make an SGD whose lr is a fraction of its mean-square threshold, to three digits."""
    trial = SGD(lr=1.0, **options)  # type: ignore[arg-type]
    lr = float(f"{fraction * stability(problem, trial).lr_mean_square:.3g}")
    return SGD(lr=lr, **options)  # type: ignore[arg-type]


def decay(problem: LinearRegression) -> float:
    """Return a tenth of the mean eigenvalue, to two digits: a weight decay that bounds the relaxation time."""
    return float(f"{0.1 * problem.eigenvalues.mean():.2g}")


def batch(subject: Subject, size: int = 4) -> int:
    """Return the batch size, but no more than half the data."""
    return max(1, min(size, subject.rows // 2)) if subject.finite else size


def settled(subject: Subject, sgd: SGD) -> Case:
    """Start at the regularised solution and run until every position variance has settled."""
    problem = subject.problem
    start = (problem.solution(sgd.weight_decay), np.zeros(problem.dimension))
    grid = [2**j for j in range(4, LONGEST.bit_length())]
    path, limit = (
        moments(problem, sgd, grid, start).position_variance,
        stationary_moments(problem, sgd).position_variance,
    )
    close = np.all(np.abs(path - limit) <= SETTLED * limit, axis=1)
    return at_steps(subject, sgd, [grid[int(close.argmax())] if close.any() else LONGEST], start)


def at_steps(
    subject: Subject, sgd: SGD, steps: list[int], start: tuple[FloatArray, FloatArray] | None = None
) -> Case:
    """Make the case of given steps."""
    return Case(subject, sgd, start, moments(subject.problem, sgd, steps, start))


@lru_cache(maxsize=4)
def heavy_ball(subject: Subject) -> Case:
    """Momentum 0.9, batch 4, weight decay, lr at a quarter of the mean-square threshold."""
    return settled(subject, _quarter(subject, momentum=0.9))


@lru_cache(maxsize=4)
def dampened(subject: Subject) -> Case:
    """Momentum 0.8 with dampening 0.5, else as `heavy_ball`."""
    return settled(subject, _quarter(subject, momentum=0.8, dampening=0.5))


@lru_cache(maxsize=4)
def nesterov(subject: Subject) -> Case:
    """Nesterov's momentum 0.9, seen at two successive steps, else as `heavy_ball`."""
    case = settled(subject, _quarter(subject, momentum=0.9, nesterov=True))
    last = case.steps[-1]
    return at_steps(subject, case.sgd, [last - 1, last], case.start)


@lru_cache(maxsize=4)
def single(subject: Subject) -> Case:
    """Batch 1 without momentum, else as `heavy_ball`."""
    problem = subject.problem
    return settled(subject, stable_sgd(problem, 0.25, batch_size=1, weight_decay=decay(problem)))


@lru_cache(maxsize=4)
def large_batch(subject: Subject) -> Case:
    """Momentum 0.5, batch 32, weight decay, lr at half of the mean-square threshold, stiff modes only.

    Position and velocity correlate there enough to be measured: along modes of at least a tenth of
    the largest curvature.
    """
    problem = subject.problem
    sgd = stable_sgd(
        problem, 0.5, batch_size=batch(subject, 32), weight_decay=decay(problem), momentum=0.5
    )
    return replace(settled(subject, sgd), softest=0.1)


@lru_cache(maxsize=4)
def epochs(subject: Subject) -> Case:
    """Sixteen reshuffled epochs of four batches, seen at their end, lr so small that an epoch moves the mean little.

    Its `law` is that of the same optimizer with independent batches drawn without replacement.
    """
    problem, batches = subject.problem, 4
    options = {
        "batch_size": max(1, subject.rows // batches),
        "momentum": 0.5,
        "weight_decay": decay(problem),
    }
    lr = float(f"{0.25 / (batches * (problem.eigenvalues.max() + options['weight_decay'])):.3g}")
    start = (problem.solution(options["weight_decay"]), np.zeros(problem.dimension))
    twin = at_steps(subject, SGD(lr=lr, replacement=False, **options), [16 * batches], start)  # type: ignore[arg-type]
    return replace(twin, sgd=replace(twin.sgd, sampling="epoch"))


def _quarter(subject: Subject, **options: float) -> SGD:
    problem = subject.problem
    return stable_sgd(
        problem, 0.25, batch_size=batch(subject), weight_decay=decay(problem), **options
    )
