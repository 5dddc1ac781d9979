r"""The multiplicative part of one step: what decides every exponent, whatever the labels.

With H = E xx' restricted to its range and along its eigenvectors, one step is W' = A W + B where

    A = a I - (lr / b) sum_{i<=b} x_i x_i',      a = 1 - lr weight_decay,

and with momentum the corresponding matrix on phase space. Dampening only scales the step: lr (1 -
dampening). Null directions of H carry no noise and are left out. Of B it only matters whether it is
random at all: W rests at a point where one exists that every batch leaves where it is.
"""

import dataclasses
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
)
from linsgd.problems.linear_regression import LinearRegression

_RESTING = 1e-12  # of the labels, a residual that is rounding
_REFINEMENTS = 4  # of the least-squares solution
_EQUAL = 8 * np.finfo(float).eps


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A problem and an optimizer, reduced to what the products of A depend on, and whether B moves W."""

    features: FeatureLaw
    spectrum: FloatArray
    lr: float
    batch: int
    decay: float
    momentum: float
    nesterov: bool
    replacement: bool
    steady: bool

    @classmethod
    def of(cls, problem: LinearRegression, sgd: SGD) -> "Setting":
        """Reduce a problem and an optimizer; batches must be independent between steps."""
        sgd.check(problem)
        if sgd.sampling != "independent":
            domains.refuse(
                "sampling",
                sgd.sampling,
                "'independent': a random recurrence needs independent batches",
            )
        setting = cls(
            features=_features(problem),
            spectrum=problem.eigenvalues[problem.eigenvalues > 0],
            lr=sgd.lr * sgd.gradient_weight,
            batch=sgd.batch_size,
            decay=sgd.weight_decay,
            momentum=sgd.momentum,
            nesterov=sgd.nesterov,
            replacement=bool(sgd.replacement),
            steady=False,
        )
        return dataclasses.replace(setting, steady=_rests(setting, problem))

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
        return bool(
            np.ptp(self.spectrum) <= 4 * np.finfo(float).eps * self.dimension * self.spectrum.max()
        )

    @property
    def full_batch(self) -> bool:
        """Whether every batch is the whole data set."""
        return (
            isinstance(self.features, FiniteData)
            and not self.replacement
            and self.batch == len(self.features.y)
        )

    @property
    def constant(self) -> bool:
        """Whether A is the same for every batch: of all the data, or of vectors equal up to sign."""
        if not isinstance(self.features, FiniteData) or self.dimension > 1:
            return self.full_batch or (
                isinstance(self.features, RademacherFeatures) and self.dimension == 1
            )
        size = np.abs(self.features.X)
        return self.full_batch or bool(np.ptp(size) <= _EQUAL * size.max())

    @property
    def shrinkage(self) -> float:
        """The factor a = 1 - lr weight_decay."""
        return 1.0 - self.lr * self.decay


@dataclass(frozen=True, slots=True, eq=False)
class AlongAxes:
    """A law of the user's own seen along the eigenvectors (features, d) that span the range of H."""

    law: FeatureLaw
    axes: FloatArray
    spectrum: FloatArray

    @property
    def dimension(self) -> int:
        """The rank of H."""
        return self.spectrum.size

    def second_moment(self) -> FloatArray:
        """Return the positive eigenvalues of H."""
        return self.spectrum

    def fourth_moment(self, M: FloatArray) -> FloatArray:
        """Return E[x x'M x x'] (d, d)."""
        moment: FloatArray = (
            self.axes.T @ self.law.fourth_moment(self.axes @ M @ self.axes.T) @ self.axes
        )
        return moment

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw feature vectors (n, d)."""
        return self.law.sample(n, rng) @ self.axes


def _features(problem: LinearRegression) -> FeatureLaw:
    if problem.fit is None:
        return along_axes(problem.features, problem.eigenvalues, problem.eigenvectors)
    assert isinstance(problem.features, FiniteData)
    return FiniteData(problem.fit.rows[:, problem.eigenvalues > 0], problem.features.y)


def along_axes(
    law: FeatureLaw, eigenvalues: FloatArray, eigenvectors: FloatArray | None
) -> FeatureLaw:
    """Return the law along the eigenvectors of its H that span the range of H."""
    there = eigenvalues > 0
    if isinstance(law, PrincipalAxesLaw):
        return dataclasses.replace(law, covariance=eigenvalues[there])
    if eigenvectors is None and there.all():
        return law
    axes = (np.eye(there.size) if eigenvectors is None else eigenvectors)[:, there]
    if isinstance(law, FiniteData):
        return FiniteData(law.X @ axes, law.y)
    return AlongAxes(law, axes, eigenvalues[there])


def _rests(setting: Setting, problem: LinearRegression) -> bool:
    """Whether a point exists that every batch leaves where it is."""
    if problem.fit is not None and setting.decay == 0:
        return setting.full_batch or not problem.fit.residuals.any()
    if isinstance(setting.features, FiniteData):
        return setting.full_batch or interpolates(setting.features, setting.spectrum, setting.decay)
    pulled_away = setting.decay > 0 and bool(problem.solution().any())
    return problem.noise_std == 0 and (setting.constant or not pulled_away)


def interpolates(data: FiniteData, spectrum: FloatArray, decay: float) -> bool:
    """Whether the gradients of all rows, along the eigenvectors of H, vanish at the solution to rounding."""
    X, y = data.X, data.y
    w = np.zeros(spectrum.size)
    for _ in range(_REFINEMENTS):
        w += (X.T @ (y - X @ w) / len(y) - decay * w) / (spectrum + decay)
    gradients = X * (y - X @ w)[:, None] - decay * w
    scale = np.linalg.norm(X, axis=1) * np.abs(y).max() + decay * np.linalg.norm(w)
    return bool((np.linalg.norm(gradients, axis=1) <= _RESTING * scale).all())
