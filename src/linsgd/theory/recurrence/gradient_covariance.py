r"""Covariance N of the minibatch gradient noise, a linear function of the moments of the weights.

At w the gradient of one sample is x (x'delta - e), with delta = w - w* and e the residual at w*.
With H the second moment of x and D = E delta delta' over the weights, a batch of b samples has the
noise covariance

    N(D, E delta) = (s/b) (E[x x'D x x'] + E[e^2 x x'] - 2 E[e (x'E delta) x x'] - H D H),

where s = 1 with replacement and s = (M - b)/(M - 1) for a simple random sample of M rows. The cubic
term occurs for finite data only, whose residuals depend on x. For features along principal axes
(`linsgd.problems.features`, with its constants c and k), with h_i the eigenvalues of H and
T = sum_i h_i D_ii,

    b N_ij = (2c - 1) h_i h_j D_ij          (i != j),
    b N_ii = (2c + k - 1) h_i^2 D_ii + c h_i T + noise_std^2 h_i.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FeatureLaw, PrincipalAxesLaw
from linsgd.problems.least_squares import LeastSquares
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.row_moments import RowMoments, row_moments


class InfiniteMoments(NamedTuple):
    """Which moments that enter N are infinite: the features' fourth, the labels' second."""

    features: bool
    labels: bool


@dataclass(frozen=True, slots=True, eq=False)
class ModeNoise:
    """Noise covariance for features along principal axes: modes couple through T alone.

    Attributes
    ----------
    eigenvalues : ndarray (d,)
        h.
    own, pair, common, label : float
        (2c + k - 1)/b, (2c - 1)/b, c/b and noise_std^2/b.
    """

    eigenvalues: FloatArray
    own: float
    pair: float
    common: float
    label: float

    def diagonal(self, D: FloatArray) -> FloatArray:
        """Return the diagonal of N (..., d) for the diagonal of D (..., d)."""
        h = self.eigenvalues
        T = D @ h
        own = self.own * h * D
        feedback = self.common * T[..., None]
        return h * (own + feedback + self.label)

    def __call__(self, D: FloatArray, mean: FloatArray) -> FloatArray:
        """Return N (d, d) for D (d, d); the mean of delta (d,) does not enter."""
        h = self.eigenvalues
        N: FloatArray = self.pair * np.multiply.outer(h, h) * D
        np.fill_diagonal(N, self.diagonal(np.diagonal(D)))
        return N

    @property
    def infinite(self) -> InfiniteMoments:
        """The moments that are infinite."""
        features = not np.isfinite(self.common)
        labels = not np.isfinite(self.label)
        return InfiniteMoments(features, labels)

    def finite_part(self) -> "ModeNoise":
        """Return the noise with the terms of infinite moments removed."""
        features, labels = self.infinite
        noise = replace(self, own=0.0, pair=0.0, common=0.0) if features else self
        return replace(noise, label=0.0) if labels else noise

    def in_units(self, unit: float) -> "ModeNoise":
        """Return the noise of the features divided by sqrt(unit): eigenvalues h/unit."""
        return replace(self, eigenvalues=self.eigenvalues / unit)


@dataclass(frozen=True, slots=True, eq=False)
class MatrixNoise:
    """Noise covariance of a finite data set or a user's feature law, along the eigenvectors of H.

    Attributes
    ----------
    eigenvalues : ndarray (d,)
        h.
    fourth_moment : callable
        M -> E[x x'M x x'], both (d, d).
    scale : float
        s/b.
    label : ndarray (d, d)
        E[e^2 x x'].
    data : RowMoments or None
        The rows of a data set with their residuals.
    """

    eigenvalues: FloatArray
    fourth_moment: Callable[[FloatArray], FloatArray]
    scale: float
    label: FloatArray
    data: RowMoments | None = None

    def homogeneous(self, M: FloatArray) -> FloatArray:
        """Return N_1(M) = (s/b) (E[x x'M x x'] - H M H) for a symmetric M (d, d)."""
        h = self.eigenvalues
        mean_product = h[:, None] * M * h  # H M H
        moment: FloatArray = self.scale * (self.fourth_moment(M) - mean_product)
        return moment

    def __call__(self, D: FloatArray, mean: FloatArray) -> FloatArray:
        """Return N (d, d) for D (d, d) and the mean of delta (d,)."""
        if self.data is None:
            return self.homogeneous(D) + self.scale * self.label
        h = self.eigenvalues
        squared = self.data.squared_residual(D, mean)
        N: FloatArray = self.scale * (squared - h[:, None] * D * h)
        return N

    @property
    def infinite(self) -> InfiniteMoments:
        """The moments that are infinite."""
        h = self.eigenvalues
        with np.errstate(invalid="ignore"):
            # at a matrix of order one, so that no sixth power of the features is formed
            fourth = self.homogeneous(np.diag(h / h.max()))
        features = not np.isfinite(fourth).all()
        labels = not np.isfinite(self.label).all()
        return InfiniteMoments(bool(features), bool(labels))

    def finite_part(self) -> "MatrixNoise":
        """Return the noise with the terms of infinite moments removed."""
        features, labels = self.infinite
        if not (features or labels):
            return self
        moment = np.zeros_like if features else self.fourth_moment
        label = np.zeros_like(self.label) if labels else self.label
        return replace(self, fourth_moment=moment, label=label)

    def in_units(self, unit: float) -> "MatrixNoise":
        """Return the homogeneous noise of the features divided by sqrt(unit); no label noise."""
        moment: Callable[[FloatArray], FloatArray]
        if self.data is None:
            moment = partial(_scaled_moment, self.fourth_moment, unit)
        else:
            moment = self.data.in_units(unit).fourth
        no_label_noise = np.zeros_like(self.label)
        return MatrixNoise(self.eigenvalues / unit, moment, self.scale, no_label_noise)


Noise = ModeNoise | MatrixNoise


def first_infinite(noise: Noise, second: FloatArray) -> float:
    """Return the first step at which the variance is infinite, or inf if there is none.

    `second` (d,) holds the second moments of w - w* along the modes at step 0.
    """
    features, labels = noise.infinite
    off_optimum = np.any(noise.eigenvalues * second > 0)
    if labels or (features and off_optimum):
        return 1
    # the label noise of the first step takes the weights off the optimum
    if features and np.any(noise.label):
        return 2
    return np.inf


def gradient_noise_law(problem: LinearRegression, sgd: SGD) -> Noise:
    """Return the map from the moments of the weights to the covariance of the gradient noise."""
    sgd.check(problem)
    law = problem.features
    b = sgd.batch_size
    h = problem.eigenvalues
    if isinstance(law, PrincipalAxesLaw):
        c, k = law.radial, law.excess
        return ModeNoise(
            h,
            own=(2 * c + k - 1) / b,
            pair=(2 * c - 1) / b,
            common=c / b,
            label=problem.noise_variance / b,
        )
    if problem.fit is not None:
        return _data_noise(problem.fit, sgd)
    Q = problem.eigenvectors
    if Q is None:
        Q = np.eye(problem.dimension)
    fourth_moment = partial(_rotated_moment, law, Q)
    return MatrixNoise(h, fourth_moment, 1 / b, np.diag(label_noise(problem)))


def label_noise(problem: LinearRegression) -> FloatArray:
    """Return E[e^2 x x'] of labels independent of x along the eigenvectors (d,): noise_std^2 h."""
    h = problem.eigenvalues
    return np.multiply(h, problem.noise_variance, out=np.zeros_like(h), where=h > 0)


def _rotated_moment(law: FeatureLaw, Q: FloatArray, M: FloatArray) -> FloatArray:
    """Return E[x x'M x x'] for x and M along the columns of Q."""
    in_coordinates = law.fourth_moment(Q @ M @ Q.T)
    moment: FloatArray = Q.T @ in_coordinates @ Q
    return moment


def _scaled_moment(
    moment: Callable[[FloatArray], FloatArray], unit: float, M: FloatArray
) -> FloatArray:
    """Return E[x x'M x x'] of the features divided by sqrt(unit)."""
    return moment(M) / unit / unit


def _data_noise(fit: LeastSquares, sgd: SGD) -> MatrixNoise:
    """Return the noise of batches of rows, with the factor s/b of the way they are drawn."""
    x, residual = fit.rows, fit.residuals
    n, b = len(x), sgd.batch_size
    scale = 1 / b
    if not sgd.replacement:  # times the finite-population correction (n - b) / (n - 1)
        scale = (n - b) / (b * max(n - 1, 1))
    label = (x.T * residual**2) @ x / n
    data = row_moments(fit)
    return MatrixNoise(fit.eigenvalues, data.fourth, scale, label, data)
