r"""The multiplicative part of one step, on which alone every exponent depends, whatever the labels.

With H = E xx' restricted to its range and along its eigenvectors, one step is W' = A W + B where

    A = a I - (step_size / b) sum_{i<=b} x_i x_i',      a = 1 - step_size decay,

and with momentum the corresponding matrix on phase space. Dampening only scales the step, to lr (1
- dampening). Null directions of H carry no noise and are left out. Of B it only matters whether it
is random at all: W has a fixed point if some point is left where it is by every batch.

A does not change if the features are divided by a number c and the learning rate multiplied, the
weight decay divided, by c^2. A setting is in the units in which the largest eigenvalue of H is in
[1, 4), with c a power of 2, so that no method has to deal with features of extreme size and the
change of units has no rounding error.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import (
    FeatureLaw,
    FiniteData,
    GaussianFeatures,
    PrincipalAxesLaw,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.problems.linear_regression import LinearRegression

_NO_RESIDUAL = 1e-12  # of the labels, a residual that is rounding
_REFINEMENTS = 4  # of the least-squares solution
_EQUAL = 8 * np.finfo(float).eps
_SMALLEST_SCALE = 2.0**-680  # weight_decay over the scale must not overflow


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A problem and an optimizer, reduced to the law of A, and whether W has a fixed point.

    Attributes
    ----------
    features : FeatureLaw
        The law of x / sqrt(scale) along the eigenvectors of H that span its range: exactly one of
        the laws that ship with linsgd, or an `AlongAxes`.
    spectrum : ndarray (d,)
        The positive eigenvalues of H, over scale.
    step_size : float
        lr (1 - dampening) scale.
    batch : int
        Vectors in a batch, b.
    decay : float
        weight_decay / scale.
    momentum, nesterov, replacement
        As in `SGD`.
    has_fixed_point : bool
        Whether a point exists that every batch leaves where it is.
    scale : float
        The power of 4 that sets the unit of H.
    """

    features: FeatureLaw
    spectrum: FloatArray
    step_size: float
    batch: int
    decay: float
    momentum: float
    nesterov: bool
    replacement: bool
    has_fixed_point: bool
    scale: float = 1.0

    @classmethod
    def of(cls, problem: LinearRegression, sgd: SGD) -> "Setting":
        """Reduce a problem and an optimizer; batches must be independent between steps."""
        sgd.check(problem)
        if sgd.sampling != "independent":
            expected = "'independent': a random recurrence needs independent batches"
            domains.refuse("sampling", sgd.sampling, expected)
        eigenvalues = problem.eigenvalues
        scale = _scale(float(eigenvalues.max()))
        setting = cls(
            features=_features(problem, scale),
            spectrum=eigenvalues[eigenvalues > 0] / scale,
            step_size=sgd.lr * sgd.gradient_weight * scale,
            batch=sgd.batch_size,
            decay=sgd.weight_decay / scale,
            momentum=sgd.momentum,
            nesterov=sgd.nesterov,
            replacement=bool(sgd.replacement),
            has_fixed_point=False,
            scale=scale,
        )
        return dataclasses.replace(setting, has_fixed_point=_has_fixed_point(setting, problem))

    def at(self, step_size: float) -> "Setting":
        """Return the setting at another step size."""
        return dataclasses.replace(self, step_size=step_size)

    @property
    def dimension(self) -> int:
        """The rank of H."""
        return self.spectrum.size

    @property
    def gaussian(self) -> bool:
        """Whether the features are Gaussian."""
        return isinstance(self.features, GaussianFeatures)

    @property
    def isotropic(self) -> bool:
        """Whether the positive eigenvalues of H are equal to rounding error."""
        rounding = 4 * np.finfo(float).eps * self.dimension * self.spectrum.max()
        return bool(np.ptp(self.spectrum) <= rounding)

    @property
    def full_batch(self) -> bool:
        """Whether every batch is the whole data set."""
        law = self.features
        return isinstance(law, FiniteData) and not self.replacement and self.batch == len(law.y)

    @property
    def constant(self) -> bool:
        """Whether A is the same for every batch.

        It is if the batch is the whole data set, and if all vectors are equal up to sign.
        """
        law = self.features
        if self.full_batch:
            return True
        if self.dimension > 1:
            return False
        if isinstance(law, FiniteData):
            size = np.abs(law.X)
            return bool(np.ptp(size) <= _EQUAL * size.max())
        return isinstance(law, RademacherFeatures)

    @property
    def shrinkage(self) -> float:
        """The factor a = 1 - step_size decay."""
        return 1.0 - self.step_size * self.decay


def _scale(largest: float) -> float:
    """Return the power of 4 by which `largest` is in [1, 4), or the smallest scale."""
    _, exponent = math.frexp(largest)  # largest is in [2^(exponent - 1), 2^exponent)
    return max(math.ldexp(1.0, (exponent - 1) // 2 * 2), _SMALLEST_SCALE)


@dataclass(frozen=True, slots=True, eq=False)
class AlongAxes:
    """Any other law, seen along the eigenvectors (features, d) that span the range of H.

    `principal` holds the constants (c, k) of the fourth moment of a law along principal axes.
    """

    law: FeatureLaw
    axes: FloatArray
    spectrum: FloatArray
    scale: float
    principal: tuple[float, float] | None = None

    @property
    def dimension(self) -> int:
        """The rank of H."""
        return self.spectrum.size

    def second_moment(self) -> FloatArray:
        """Return the positive eigenvalues of H."""
        return self.spectrum

    def fourth_moment(self, M: FloatArray) -> FloatArray:
        """Return E[x x'M x x'] (d, d)."""
        whole = self.law.fourth_moment(self.axes @ M @ self.axes.T)
        moment: FloatArray = self.axes.T @ whole @ self.axes / self.scale**2
        return moment

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw feature vectors (n, d)."""
        return self.law.sample(n, rng) @ self.axes / math.sqrt(self.scale)


def _features(problem: LinearRegression, scale: float) -> FeatureLaw:
    """Return the law along the eigenvectors; a data set's rows as its solution holds them."""
    if problem.fit is None:
        return along_axes(problem.features, problem.eigenvalues, problem.eigenvectors, scale)
    assert isinstance(problem.features, FiniteData)
    spanning = problem.eigenvalues > 0
    rows = problem.fit.rows[:, spanning]
    return FiniteData(rows / math.sqrt(scale), problem.features.y)


def along_axes(
    law: FeatureLaw,
    eigenvalues: FloatArray,
    eigenvectors: FloatArray | None,
    scale: float = 1.0,
) -> FeatureLaw:
    """Return the law of x / sqrt(scale) along the eigenvectors of H that span its range.

    Parameters
    ----------
    law : FeatureLaw
        The law of x, in p coordinates.
    eigenvalues : ndarray (p,)
        Of H.
    eigenvectors : ndarray (p, p) or None
        Columns, or None for the coordinates.
    scale : float
        A power of 4.

    Returns
    -------
    FeatureLaw
        In as many dimensions as eigenvalues are positive.
    """
    seen = _SEEN_ALONG_AXES.get(type(law), _other)
    return seen(law, eigenvalues, eigenvectors, scale)


Seen = Callable[[FeatureLaw, FloatArray, FloatArray | None, float], FeatureLaw]


def _principal_axes(
    law: FeatureLaw, eigenvalues: FloatArray, eigenvectors: FloatArray | None, scale: float
) -> FeatureLaw:
    assert isinstance(law, PrincipalAxesLaw)
    return dataclasses.replace(law, covariance=eigenvalues[eigenvalues > 0] / scale)


def _data(
    law: FeatureLaw, eigenvalues: FloatArray, eigenvectors: FloatArray | None, scale: float
) -> FeatureLaw:
    assert isinstance(law, FiniteData)
    rows = law.X @ _axes(eigenvalues, eigenvectors)
    return FiniteData(rows / math.sqrt(scale), law.y)


def _other(
    law: FeatureLaw, eigenvalues: FloatArray, eigenvectors: FloatArray | None, scale: float
) -> FeatureLaw:
    return AlongAxes(
        law=law,
        axes=_axes(eigenvalues, eigenvectors),
        spectrum=eigenvalues[eigenvalues > 0] / scale,
        scale=scale,
        principal=(law.radial, law.excess) if isinstance(law, PrincipalAxesLaw) else None,
    )


def _axes(eigenvalues: FloatArray, eigenvectors: FloatArray | None) -> FloatArray:
    """Return the eigenvectors (p, d) of the positive eigenvalues (p,)."""
    axes = np.eye(eigenvalues.size) if eigenvectors is None else eigenvectors
    spanning: FloatArray = axes[:, eigenvalues > 0]
    return spanning


# The laws whose formulas the methods use, by exact type: a subclass may have another law.
_SEEN_ALONG_AXES: dict[type, Seen] = {
    FiniteData: _data,
    GaussianFeatures: _principal_axes,
    RademacherFeatures: _principal_axes,
    StudentFeatures: _principal_axes,
    UniformFeatures: _principal_axes,
}


def _has_fixed_point(setting: Setting, problem: LinearRegression) -> bool:
    """Return whether a point exists that every batch leaves where it is."""
    if problem.fit is not None and setting.decay == 0:
        interpolated = not problem.fit.residuals.any()
        return setting.full_batch or interpolated
    if isinstance(setting.features, FiniteData):
        return setting.full_batch or interpolates(setting.features, setting.spectrum, setting.decay)
    pulled_away = setting.decay > 0 and bool(problem.solution().any())
    return problem.noise_std == 0 and (setting.constant or not pulled_away)


def interpolates(data: FiniteData, spectrum: FloatArray, decay: float) -> bool:
    """Return whether the gradients of all rows vanish at the solution, to rounding.

    Parameters
    ----------
    data : FiniteData
        Rows (n, d) along the eigenvectors of H, and labels (n,).
    spectrum : ndarray (d,)
        Positive eigenvalues of H.
    decay : float
        Weight decay.
    """
    X, y = data.X, data.y
    # the ridge solution, by iterative refinement
    w = np.zeros(spectrum.size)
    for _ in range(_REFINEMENTS):
        residuals = y - X @ w
        gradient = X.T @ residuals / len(y) - decay * w
        w += gradient / (spectrum + decay)
    residuals = y - X @ w
    gradients = X * residuals[:, None] - decay * w
    sizes = np.linalg.norm(gradients, axis=1)
    # the size of the terms that cancel in each
    scale = np.linalg.norm(X, axis=1) * np.abs(y).max() + decay * np.linalg.norm(w)
    return bool((sizes <= _NO_RESIDUAL * scale).all())
