r"""Mean and covariance of SGD's phase space (w, v), and the risks they imply: the result, and who computes it.

theory="exact" is the discrete algorithm with its true, state-dependent noise; "langevin" and
"diffusion" are the stochastic differential equations of the literature, evaluated on their own
terms. With mu the minimiser of the regularised loss L and h = rho + weight_decay,

    excess_loss = E[L(w)] - min L    = (1/2) sum_i h_i (Var w_i + (E w_i - mu_i)^2),
    excess_risk = E[R(w)] - R(w*)    = (1/2) sum_i rho_i (Var w_i + (E w_i - w*_i)^2).
"""

import importlib
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias, Union, cast

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status
from linsgd.theory.recurrence.pairs import Pairs

THEORIES = ("exact", "langevin", "diffusion")
Start: TypeAlias = Union[str, tuple[ArrayLike, ArrayLike], "Moments", None]


class MomentsStatus(Status):
    """Whether the recursion has a stationary mean and second moment; at finite steps the numbers hold all the same."""

    OK = "ok"
    NULL_SPACE = "null_space"  # H is singular and there is no decay: the law on range(H), null directions at rest
    INFINITE_VARIANCE = (
        "infinite_variance"  # the mean converges, the second moment does not exist or diverges
    )
    UNSTABLE = "unstable"  # the mean diverges
    EXACT_LAW_MISSING = "exact_law_missing"  # an approximation is finite where the exact law is not


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Moments(Result):
    """First and second moments of (w, v); for several steps each shape has len(steps) first.

    Attributes
    ----------
    status : MomentsStatus
        Whether the stationary moments exist.
    steps : ndarray (K,) or None
        Times in steps (phases within an epoch for reshuffled epochs), None for the stationary law.
    order : str
        "exact", or the order in lr of the first neglected terms.
    error : float
        Estimated relative error of the numbers as evaluations of their formula.
    mean, velocity_mean : ndarray (d,)
        E w and E v in the problem's coordinates. Where the variance is infinite these are limits of
        E w_k.
    position_variance, velocity_variance, position_velocity_covariance : ndarray (d,)
        Along the eigenvectors of H, in the order of ``problem.eigenvalues``.
    excess_loss, excess_risk : ndarray ()
        Above the minimum of the regularised loss, and above the risk of w*.
    """

    status: MomentsStatus
    steps: IntArray | None
    order: str
    error: float
    mean: FloatArray
    velocity_mean: FloatArray
    position_variance: FloatArray
    velocity_variance: FloatArray
    position_velocity_covariance: FloatArray
    excess_loss: FloatArray
    excess_risk: FloatArray
    eigenvectors: FloatArray | None = field(default=None, repr=False)
    blocks: FloatArray | None = field(default=None, repr=False)
    pairs: Pairs | None = field(default=None, repr=False)

    def position_covariance(self) -> FloatArray:
        """Return Cov(w, w) (d, d) in the problem's coordinates."""
        return self._matrix(0)

    def velocity_covariance(self) -> FloatArray:
        """Return Cov(v, v) (d, d) in the problem's coordinates."""
        return self._matrix(2)

    def cross_covariance(self) -> FloatArray:
        """Return Cov(w, v) (d, d) in the problem's coordinates: entry (i, j) is Cov(w_i, v_j)."""
        return self._matrix(1)

    def eigenbasis_blocks(self) -> FloatArray:
        """Return Cov(w, w), Cov(w, v), Cov(v, v) along the eigenvectors of H, shape (3, d, d)."""
        domains.matrix_size("a (d, d) covariance", self.position_variance.shape[-1])
        if self.blocks is not None:
            return self.blocks
        modes = np.stack(
            [self.position_variance, self.position_velocity_covariance, self.velocity_variance],
            axis=-2,
        )
        own = np.eye(modes.shape[-1], dtype=bool)
        between = 0.0 if self.pairs is None else self.pairs.blocks()
        lost = np.isinf(self.position_variance)[..., None, :, None]
        return np.where(
            own, modes[..., None], np.where(lost | np.swapaxes(lost, -1, -2), np.nan, between)
        )

    def at(self, index: int) -> "Moments":
        """Return the law at one of the steps, to start from."""
        if self.steps is None:
            domains.refuse("index", index, "nothing: this law has no steps to choose from")
        single = {name: getattr(self, name)[index] for name in _STACKED}
        blocks = None if self.blocks is None else self.blocks[index]
        pairs = None if self.pairs is None else self.pairs.at(index)
        return replace(self, steps=None, blocks=blocks, pairs=pairs, **single)

    def _matrix(self, block: int) -> FloatArray:
        C: FloatArray = self.eigenbasis_blocks()[..., block, :, :]
        with np.errstate(invalid="ignore"):
            return C if self.eigenvectors is None else self.eigenvectors @ C @ self.eigenvectors.T


_STACKED = (
    "mean",
    "velocity_mean",
    "position_variance",
    "velocity_variance",
    "position_velocity_covariance",
    "excess_loss",
    "excess_risk",
)


def law(
    problem: LinearRegression,
    sgd: SGD,
    *,
    status: MomentsStatus,
    mean: FloatArray,
    covariance: FloatArray,
    steps: IntArray | None = None,
    order: str = "exact",
    error: float = 0.0,
    blocks: FloatArray | None = None,
    pairs: Pairs | None = None,
) -> Moments:
    """Make the result from moments along the eigenvectors of H, and the risks they imply.

    Parameters
    ----------
    problem, sgd
        What is learned and how.
    status, steps, order, error, blocks, pairs
        As in `Moments`.
    mean : ndarray (..., 2, d)
        E(w - w*) and E v along the eigenvectors.
    covariance : ndarray (..., 3, d)
        Var w, Cov(w, v) and Var v of each mode.

    Returns
    -------
    Moments
        The result.
    """
    rho, decay = problem.eigenvalues, sgd.weight_decay
    distance = mean[..., 0, :]
    shift = problem.to_eigenbasis(problem.solution(decay) - problem.optimum)
    variance = covariance[..., 0, :]
    with np.errstate(over="ignore"):
        about = [
            np.where(np.isinf(variance), np.inf, variance + x**2)
            for x in (distance - shift, distance)
        ]
    return Moments(
        status=status,
        steps=steps,
        order=order,
        error=error,
        mean=problem.optimum + problem.from_eigenbasis(distance),
        velocity_mean=problem.from_eigenbasis(mean[..., 1, :]),
        position_variance=variance,
        velocity_variance=covariance[..., 2, :],
        position_velocity_covariance=covariance[..., 1, :],
        excess_loss=np.asarray(_half(rho + decay, about[0])),
        excess_risk=np.asarray(_half(rho, about[1])),
        eigenvectors=problem.eigenvectors,
        blocks=blocks,
        pairs=pairs,
    )


def _half(weight: FloatArray, square: FloatArray) -> FloatArray:
    """Return sum(weight square)/2 over modes; a mode of no weight counts nothing even if its square is infinite."""
    half: FloatArray = (
        np.sum(np.multiply(weight, square, where=weight > 0, out=np.zeros(square.shape)), axis=-1)
        / 2
    )
    return half


def stationary_moments(problem: LinearRegression, sgd: SGD, theory: str = "exact") -> Moments:
    """Mean and covariance of (w, v) in the stationary law.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer. For ``sampling="epoch"`` the law at each phase of the epoch, to leading order
        in lr.
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm itself, or the literature's stochastic differential equations.

    Returns
    -------
    Moments
        Its status says whether the moments exist.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> problem = LinearRegression.gaussian([1.0, 0.5])
    >>> law = stationary_moments(problem, SGD(lr=0.1, batch_size=4))
    >>> law.position_variance
    array([0.01360246, 0.01316367])
    """
    accept(problem, sgd)
    return _theory(theory).stationary(problem, sgd)


def moments(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = None,
    theory: str = "exact",
) -> Moments:
    """Mean and covariance of (w, v) at given steps.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer.
    steps : array_like (K,)
        Times in steps, in any order, each in [0, 2**62].
    start : None, "stationary", (w, v) or Moments
        A fresh optimizer at w = 0; the stationary law; a point, arrays (d,); or one law.
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm itself, or the literature's stochastic differential equations.

    Returns
    -------
    Moments
        Shapes have K first. Its status says whether stationary moments exist; at finite steps the
        numbers hold anyway.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> problem = LinearRegression.gaussian([1.0], optimum=[1.0], noise_std=0.1)
    >>> moments(problem, SGD(lr=0.5, batch_size=8), [0, 1, 2]).mean
    array([[0.  ],
           [0.5 ],
           [0.75]])
    """
    accept(problem, sgd)
    return _theory(theory).moments(problem, sgd, domains.step_list("steps", steps), start)


class Theory(Protocol):
    """What a module named in `THEORIES` offers."""

    def stationary(self, problem: LinearRegression, sgd: SGD) -> Moments:
        """Return the stationary law."""

    def moments(
        self, problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start
    ) -> Moments:
        """Return the law at each of the steps."""


def _theory(name: str) -> Theory:
    """Import a theory when it is asked for; each builds on this module's result."""
    modules = {
        "exact": "discrete.exact",
        "langevin": "langevin",
        "diffusion": "diffusion.ornstein_uhlenbeck",
    }
    chosen = modules[domains.choice("theory", name, THEORIES)]
    module: Any = importlib.import_module(f"linsgd.theory.{chosen}")
    return cast(Theory, module)
