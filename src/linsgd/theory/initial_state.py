"""The `start` argument: a fresh optimizer, a point of phase space, moments, or a stationary law."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.result import Moments, Start

FORMS = "None, 'stationary', a pair (w, v) of arrays (d,), or a result of moments"


@dataclass(frozen=True, slots=True, eq=False)
class InitialState:
    """First and second moments at step 0, along the eigenvectors of H.

    Attributes
    ----------
    mean : ndarray (2, d)
        E(w - center) and E v.
    covariance : ndarray (3, d) or (3, d, d)
        Cov(w, w), Cov(w, v), Cov(v, v): of each mode where modes are uncorrelated, else of all
        pairs of modes.
    fresh : bool
        Whether this is a fresh optimizer, whose first step is undampened.
    law : Moments or None
        The law it was read from.
    """

    mean: FloatArray
    covariance: FloatArray
    fresh: bool = False
    law: Moments | None = None

    @property
    def modes(self) -> FloatArray:
        """The covariances of each mode (3, d)."""
        C = self.covariance
        if C.ndim == 2:
            return C
        return np.diagonal(C, axis1=1, axis2=2).copy()

    @property
    def second_moments(self) -> FloatArray:
        """E x^2, E x v and E v^2 of each mode (3, d), with x = w - center."""
        x, v = self.mean
        products = np.stack([x**2, x * v, v**2])
        second: FloatArray = self.modes + products
        return second

    @property
    def matrices(self) -> FloatArray:
        """The covariances of all pairs of modes (3, d, d)."""
        C = self.covariance
        return C if C.ndim == 3 else diagonal_matrices(C)


def diagonal_matrices(values: FloatArray) -> FloatArray:
    """Return matrices (..., d, d) of these diagonals (..., d), which may be infinite."""
    d = values.shape[-1]
    matrices = np.zeros((*values.shape, d))
    i = np.arange(d)
    matrices[..., i, i] = values
    return matrices


def initial_state(
    start: Start,
    center: FloatArray,
    eigenvectors: FloatArray | None,
    stationary: Callable[[], "InitialState"],
    *,
    velocity: bool = True,
) -> InitialState:
    """Read the `start` argument of the public calls.

    Parameters
    ----------
    start : None, "stationary", (w, v) or Moments
        A fresh optimizer at w = 0; the stationary law; a point, a tuple, list or array of two
        arrays (d,); or one law.
    center : ndarray (d,)
        The point from which positions are measured, in the problem's coordinates.
    eigenvectors : ndarray (d, d) or None
        Of H, as columns.
    stationary : callable
        Returns the state of the stationary law; called only for "stationary".
    velocity : bool
        Whether a law must have moments of the velocity; without them they are taken as 0.

    Returns
    -------
    InitialState
        Its moments at step 0.

    Raises
    ------
    ValueError
        If `start` is none of these, or a law without finite mean and variance.
    """
    d = center.size

    def along_eigenvectors(w: FloatArray, v: FloatArray) -> FloatArray:
        mean = np.stack([w - center, v])
        return mean if eigenvectors is None else mean @ eigenvectors

    at_a_point = np.zeros((3, d))  # the covariance
    if start is None:
        rest = along_eigenvectors(np.zeros(d), np.zeros(d))
        return InitialState(rest, at_a_point, fresh=True)
    if isinstance(start, str):
        domains.choice("start", start, ("stationary",))
        return stationary()
    if isinstance(start, Moments):
        covariance = _covariance(start, d, eigenvectors, velocity=velocity)
        v = start.velocity_mean if velocity else np.zeros(d)
        return InitialState(along_eigenvectors(start.mean, v), covariance, law=start)
    point: Any = start
    if not isinstance(point, tuple | list | np.ndarray) or len(point) != 2:
        domains.refuse("start", start, FORMS)
    w = domains.array("start[0]", point[0], (d,))
    v = domains.array("start[1]", point[1], (d,))
    return InitialState(along_eigenvectors(w, v), at_a_point)


def _covariance(
    law: Moments, d: int, eigenvectors: FloatArray | None, *, velocity: bool
) -> FloatArray:
    """Return the covariance of one law along the eigenvectors, (3, d) or (3, d, d); refuse inf."""
    if law.mean.shape != (d,):
        given = f"law with mean of shape {law.mean.shape}"
        domains.refuse(
            "start", given, f"one law with mean of shape ({d},); choose a step by .at(index)"
        )
    Q, P = eigenvectors, law.eigenvectors
    if Q is P or (Q is not None and P is not None and np.array_equal(Q, P)):
        correlated = law.blocks is not None or law.pairs is not None
        covariance = law.eigenbasis_blocks() if correlated else law.mode_covariances()
    else:  # a law of another problem, whose H has other eigenvectors
        to_eigenbasis = np.eye(d) if Q is None else Q.T
        from_eigenbasis = np.eye(d) if P is None else P
        change = to_eigenbasis @ from_eigenbasis
        covariance = change @ law.eigenbasis_blocks() @ change.T
    if not velocity:
        positions = covariance[0]
        none = np.zeros_like(positions)
        covariance = np.stack([positions, none, none])
    finite = np.isfinite(covariance).all() and np.isfinite(law.mean).all()
    if not finite:
        given = f"law of status {law.status.value!r}"
        domains.refuse("start", given, "laws with finite mean and variance")
    return covariance
