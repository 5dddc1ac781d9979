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
        return C if C.ndim == 2 else np.diagonal(C, axis1=1, axis2=2).copy()

    @property
    def second_moments(self) -> FloatArray:
        """E x^2, E x v and E v^2 of each mode (3, d), with x = w - center."""
        x, v = self.mean
        second: FloatArray = self.modes + np.stack([x**2, x * v, v**2])
        return second

    @property
    def matrices(self) -> FloatArray:
        """The covariances of all pairs of modes (3, d, d)."""
        C = self.covariance
        return C if C.ndim == 3 else diagonal_matrices(C)


def diagonal_matrices(values: FloatArray) -> FloatArray:
    """Return matrices (..., d, d) of these diagonals (..., d), which may be infinite."""
    matrices = np.zeros((*values.shape, values.shape[-1]))
    i = np.arange(values.shape[-1])
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

    def along(w: FloatArray, v: FloatArray) -> FloatArray:
        pair = np.stack([w - center, v])
        return pair if eigenvectors is None else pair @ eigenvectors

    if start is None:
        return InitialState(along(np.zeros(d), np.zeros(d)), np.zeros((3, d)), fresh=True)
    if isinstance(start, str):
        domains.choice("start", start, ("stationary",))
        return stationary()
    if isinstance(start, Moments):
        covariance = _covariance(start, d, eigenvectors, velocity=velocity)
        v = start.velocity_mean if velocity else np.zeros(d)
        return InitialState(along(start.mean, v), covariance, law=start)
    point: Any = start
    if not isinstance(point, tuple | list | np.ndarray) or len(point) != 2:
        domains.refuse("start", start, FORMS)
    w, v = (domains.array(f"start[{i}]", part, (d,)) for i, part in enumerate(point))
    return InitialState(along(w, v), np.zeros((3, d)))


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
        covariance = law.eigenbasis_blocks()
        change = (np.eye(d) if Q is None else Q.T) @ (np.eye(d) if P is None else P)
        covariance = change @ covariance @ change.T
    if not velocity:
        covariance = np.stack([covariance[0], *np.zeros((2, *covariance[0].shape))])
    if not (np.isfinite(covariance).all() and np.isfinite(law.mean).all()):
        given = f"law of status {law.status.value!r}"
        domains.refuse("start", given, "laws with finite mean and variance")
    return covariance
