"""Where the iterates start: a fresh optimizer, a point of phase space, or a law."""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.stationary import stationary
from linsgd.theory.moments import Moments, Start


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """First and second moments at step 0, along the eigenvectors of H.

    Attributes
    ----------
    mean : ndarray (2, d)
        E(w - w*) and E v.
    covariance : ndarray (3, d) or (3, d, d)
        Cov(w, w), Cov(w, v), Cov(v, v): of each mode where modes are uncorrelated, else of each
        pair.
    fresh : bool
        Whether the first step is undampened.
    """

    mean: FloatArray
    covariance: FloatArray
    fresh: bool = False

    @property
    def modes(self) -> FloatArray:
        """The covariances of each mode (3, d)."""
        C = self.covariance
        return C if C.ndim == 2 else np.diagonal(C, axis1=1, axis2=2)

    @property
    def matrices(self) -> FloatArray:
        """The covariances of each pair (3, d, d)."""
        C = self.covariance
        return C if C.ndim == 3 else C[:, :, None] * np.eye(C.shape[1])


def origin(problem: LinearRegression, sgd: SGD, start: Start) -> Origin:
    """Read the `start` argument of the public calls."""
    d = problem.dimension
    if start is None:
        mean = np.stack([-problem.to_eigenbasis(problem.optimum), np.zeros(d)])
        return Origin(mean, np.zeros((3, d)), fresh=True)
    if isinstance(start, str):
        domains.choice("start", start, ("stationary",))
        return _from_law(problem, stationary(problem, sgd))
    if isinstance(start, Moments):
        return _from_law(problem, start)
    try:
        w, v = start
    except (TypeError, ValueError):
        domains.refuse(
            "start",
            start,
            "None, 'stationary', a pair (w, v) of arrays (d,), or a result of moments",
        )
    w, v = domains.array("start[0]", w, (d,)), domains.array("start[1]", v, (d,))
    mean = np.stack([problem.to_eigenbasis(w - problem.optimum), problem.to_eigenbasis(v)])
    return Origin(mean, np.zeros((3, d)))


def _from_law(problem: LinearRegression, start: Moments) -> Origin:
    if start.mean.shape != (problem.dimension,):
        at = f"law with mean of shape {start.mean.shape}"
        domains.refuse(
            "start",
            at,
            f"one law with mean of shape ({problem.dimension},); choose a step by .at(index)",
        )
    modes = np.stack(
        [start.position_variance, start.position_velocity_covariance, start.velocity_variance]
    )
    if not (np.isfinite(modes).all() and np.isfinite(start.mean).all()):
        domains.refuse(
            "start", f"law of status {start.status.value!r}", "laws with finite mean and variance"
        )
    mean = np.stack(
        [
            problem.to_eigenbasis(start.mean - problem.optimum),
            problem.to_eigenbasis(start.velocity_mean),
        ]
    )
    correlated = start.blocks is not None or start.pairs is not None
    return Origin(mean, start.eigenbasis_blocks() if correlated else modes)
