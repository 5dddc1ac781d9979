r"""The result of every theory: mean and covariance of SGD's phase space (w, v), and the risks.

With mu the minimiser of the regularised loss L, h the eigenvalues of H and
kappa = h + weight_decay,

    excess_loss = E[L(w)] - min L  = (1/2) sum_i kappa_i (Var w_i + (E w_i - mu_i)^2),
    excess_risk = E[R(w)] - R(w*)  = (1/2) sum_i h_i (Var w_i + (E w_i - w*_i)^2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import KUNIN_2024, ZIYIN_2022
from linsgd.result import Result, Status
from linsgd.theory.recurrence.pairs import PairCovariances

LARGEST_WRITTEN = 100  # d up to which `Moments.to_dict` writes covariances between modes


class MomentsStatus(Status):
    """Whether the stationary mean and second moment exist; at finite steps all numbers hold.

    The last two are of approximations.
    """

    OK = "ok"
    # H is singular and there is no decay: the law on range(H), null directions at rest
    NULL_SPACE = "null_space"
    # the mean converges, the second moment diverges or does not exist
    INFINITE_VARIANCE = "infinite_variance"
    # the mean diverges
    UNSTABLE = "unstable"
    # an approximation is finite where the exact law is not
    EXACT_LAW_MISSING = "exact_law_missing"
    # an approximation whose error is as large as its number, along one eigenvector at least
    ERROR_TOO_LARGE = "error_too_large"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Moments(Result):
    """First and second moments of (w, v); for several steps each shape has len(steps) first.

    Attributes
    ----------
    status : MomentsStatus
        Whether the stationary moments exist.
    steps : ndarray (K,), int or None
        Times in steps (phases within an epoch for the stationary law of epochs); a number where one
        step was asked for; None for the stationary law of independent batches.
    order : str
        "exact", or the order in lr of the first neglected terms.
    error : float
        Estimated relative error of the numbers as evaluations of their formula, from rounding and
        from the condition of the spectrum. For epochs of many rows, of the variances, relative to
        their largest within an epoch, with the terms that `order` names.
    mean, velocity_mean : ndarray (d,)
        E w and E v in the problem's coordinates. Where the variance is infinite these are limits of
        E w_k.
    position_variance, velocity_variance, position_velocity_covariance : ndarray (d,)
        Along the eigenvectors of H, in the order of ``problem.eigenvalues``.
    excess_loss, excess_risk : float, or ndarray (K,)
        Above the minimum of the regularised loss, and above the risk of w*.
    """

    references = (ZIYIN_2022, KUNIN_2024)
    status: MomentsStatus
    steps: IntArray | int | None
    order: str
    error: float
    mean: FloatArray
    velocity_mean: FloatArray
    position_variance: FloatArray
    velocity_variance: FloatArray
    position_velocity_covariance: FloatArray
    excess_loss: FloatArray  # a float for one law; annotated as what several steps give
    excess_risk: FloatArray
    eigenvectors: FloatArray | None = field(default=None, repr=False)
    blocks: FloatArray | None = field(default=None, repr=False)
    pairs: PairCovariances | None = field(default=None, repr=False)

    def position_covariance(self) -> FloatArray:
        """Return Cov(w, w) (d, d) in the problem's coordinates."""
        return self._matrix(0)

    def velocity_covariance(self) -> FloatArray:
        """Return Cov(v, v) (d, d) in the problem's coordinates."""
        return self._matrix(2)

    def cross_covariance(self) -> FloatArray:
        """Return Cov(w, v) (d, d) in the problem's coordinates: entry (i, j) is Cov(w_i, v_j)."""
        return self._matrix(1)

    def mode_covariances(self) -> FloatArray:
        """Return Var w, Cov(w, v) and Var v of each mode (3, d)."""
        return np.stack(
            [self.position_variance, self.position_velocity_covariance, self.velocity_variance],
            axis=-2,
        )

    def eigenbasis_blocks(self) -> FloatArray:
        """Return Cov(w, w), Cov(w, v), Cov(v, v) along the eigenvectors of H, shape (3, d, d)."""
        domains.matrix_size("a (d, d) covariance", self.position_variance.shape[-1])
        if self.blocks is not None:
            return self.blocks
        modes = self.mode_covariances()
        own = np.eye(modes.shape[-1], dtype=bool)
        between = 0.0 if self.pairs is None else self.pairs.blocks()
        # covariances with a mode of infinite variance are undefined
        infinite = np.isinf(self.position_variance)[..., None, :, None]
        undefined = infinite | np.swapaxes(infinite, -1, -2)
        off_diagonal = np.where(undefined, np.nan, between)
        return np.where(own, modes[..., None], off_diagonal)

    def at(self, index: int) -> Moments:
        """Return the law at one of the steps, to start from."""
        if not isinstance(self.steps, np.ndarray):
            domains.refuse("index", index, "nothing: this law has no steps to choose from")
        single = {name: getattr(self, name)[index] for name in _STACKED}
        blocks = None if self.blocks is None else self.blocks[index]
        pairs = None if self.pairs is None else self.pairs.at(index)
        return replace(self, steps=int(self.steps[index]), blocks=blocks, pairs=pairs, **single)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; covariances between modes are written up to d = 100."""
        small = self.position_variance.shape[-1] <= LARGEST_WRITTEN
        computed = self.pairs is not None and small
        blocks = self.eigenbasis_blocks() if computed else self.blocks
        return Result.to_dict(replace(self, blocks=blocks, pairs=None))

    def _matrix(self, block: int) -> FloatArray:
        C: FloatArray = self.eigenbasis_blocks()[..., block, :, :]
        return rotated_covariance(C, self.eigenvectors)


# one law to start from: a fresh optimizer at w = 0; the stationary law; a point; moments
Start: TypeAlias = (
    Literal["stationary"] | tuple[ArrayLike, ArrayLike] | list[ArrayLike] | Moments | None
)


def rotated_covariance(C: FloatArray, Q: FloatArray | None) -> FloatArray:
    """Return Q C Q' (..., d, d), C itself where Q is None.

    Where C has entries that are not finite, a variance to which they contribute is inf and a
    covariance nan.
    """
    if Q is None:
        return C
    finite = np.isfinite(C)
    if finite.all():
        return Q @ C @ Q.T
    # the entries of Q C Q' to which an entry of C that is not finite contributes
    used = (Q != 0).astype(np.float64)
    not_finite = (~finite).astype(np.float64)
    touched = used @ not_finite @ used.T > 0
    unknown = np.where(np.eye(len(Q), dtype=bool), np.inf, np.nan)
    known = Q @ np.where(finite, C, 0.0) @ Q.T
    return np.where(touched, unknown, known)


_STACKED = (
    "mean",
    "velocity_mean",
    "position_variance",
    "velocity_variance",
    "position_velocity_covariance",
    "excess_loss",
    "excess_risk",
)


def moments_from_eigenbasis(
    problem: LinearRegression,
    sgd: SGD,
    *,
    status: MomentsStatus,
    mean: FloatArray,
    covariance: FloatArray,
    steps: IntArray | None = None,
    order: str = "exact",
    error: float = 0.0,
    pairs: PairCovariances | None = None,
) -> Moments:
    """Make the result from moments along the eigenvectors of H, and the risks they imply.

    Parameters
    ----------
    problem, sgd
        The problem and the optimizer.
    status, steps, order, error, pairs
        As in `Moments`.
    mean : ndarray (..., 2, d)
        E(w - w*) and E v along the eigenvectors.
    covariance : ndarray (..., 3, d) or (..., 3, d, d)
        Var w, Cov(w, v) and Var v of each mode or of all pairs of modes.

    Returns
    -------
    Moments
        The result.
    """
    h, decay = problem.eigenvalues, sgd.weight_decay
    blocks = covariance if covariance.ndim > mean.ndim else None
    own = covariance if blocks is None else np.diagonal(blocks, axis1=-2, axis2=-1).copy()
    distance, velocity = mean[..., 0, :], mean[..., 1, :]
    variance = own[..., 0, :]
    shift = problem.to_eigenbasis(problem.solution(decay) - problem.optimum)
    return Moments(
        status=status,
        steps=steps,
        order=order,
        error=error,
        mean=problem.optimum + problem.from_eigenbasis(distance),
        velocity_mean=problem.from_eigenbasis(velocity),
        position_variance=variance,
        velocity_variance=own[..., 2, :],
        position_velocity_covariance=own[..., 1, :],
        excess_loss=_quadratic_form(h + decay, variance, distance - shift),
        excess_risk=_quadratic_form(h, variance, distance),
        eigenvectors=problem.eigenvectors,
        blocks=blocks,
        pairs=pairs,
    )


def _quadratic_form(weight: FloatArray, variance: FloatArray, mean: FloatArray) -> FloatArray:
    """Return sum_i weight_i (variance_i + mean_i^2) / 2; a mode of weight 0 adds 0, not inf 0."""
    with np.errstate(over="ignore"):
        second = np.where(np.isinf(variance), np.inf, variance + mean**2)
    terms = np.zeros(second.shape)
    np.multiply(weight, second, where=weight > 0, out=terms)
    half: FloatArray = np.asarray(terms.sum(axis=-1)) / 2
    return half
