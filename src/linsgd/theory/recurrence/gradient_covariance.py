r"""The covariance N of the minibatch gradient noise, as a linear function of where the weights are.

At w the gradient of one sample is x (x'delta - e) with delta = w - w* and e the residual at w*.
Averaged over the weights, with D = E delta delta' and H the second moment of x, a batch of size b
has noise covariance

    N(D, E delta) = (s/b) (E[x x'D x x'] + E[e^2 x x'] - 2 E[e (x'E delta) x x'] - H D H),

s = 1 with replacement and s = (N - b)/(N - 1) for a simple random sample of N rows. The cubic term
exists for finite data only, whose residuals depend on x. For features along principal axes
(`linsgd.problems.features`: constants c and k), with rho the eigenvalues of H and T = sum_i rho_i
D_ii,

    b N_ij = (2c - 1) rho_i rho_j D_ij          (i != j),
    b N_ii = (2c + k - 1) rho_i^2 D_ii + c rho_i T + noise_std^2 rho_i.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FeatureLaw, FiniteData, PrincipalAxesLaw
from linsgd.problems.least_squares import LeastSquares
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False)
class ModeNoise:
    """Noise of features along principal axes: modes couple through one number, T.

    Attributes
    ----------
    eigenvalues : ndarray (d,)
        rho.
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
        rho = self.eigenvalues
        return rho * (self.own * rho * D + self.common * (D @ rho)[..., None] + self.label)

    @property
    def heavy(self) -> tuple[bool, bool]:
        """Whether the features' fourth moment, the labels' variance are infinite."""
        return not np.isfinite(self.common), not np.isfinite(self.label)

    def finite_part(self) -> "ModeNoise":
        """Return the noise without what is infinite."""
        features, labels = self.heavy
        own, pair, common = (0.0, 0.0, 0.0) if features else (self.own, self.pair, self.common)
        return ModeNoise(self.eigenvalues, own, pair, common, 0.0 if labels else self.label)


@dataclass(frozen=True, slots=True, eq=False)
class MatrixNoise:
    """Noise of a finite data set or a user's feature law, in the eigenbasis of H.

    Attributes
    ----------
    eigenvalues : ndarray (d,)
        rho.
    fourth_moment : callable
        M -> E[x x'M x x'].
    scale : float
        s/b.
    label : ndarray (d, d)
        E[e^2 x x'].
    rows, residual : ndarray (N, d) and (N,), or None
        x and e of each row of a data set.
    """

    eigenvalues: FloatArray
    fourth_moment: Callable[[FloatArray], FloatArray]
    scale: float
    label: FloatArray
    rows: FloatArray | None = None
    residual: FloatArray | None = None

    def homogeneous(self, M: FloatArray) -> FloatArray:
        """Return N_1(M) = (s/b) (E[x x'M x x'] - H M H) for a symmetric M (d, d)."""
        rho = self.eigenvalues
        moment: FloatArray = self.scale * (self.fourth_moment(M) - rho[:, None] * M * rho)
        return moment

    def __call__(self, D: FloatArray, mean: FloatArray) -> FloatArray:
        """Return N (d, d) for D (d, d) and the mean of delta (d,)."""
        N = self.homogeneous(D) + self.scale * self.label
        if self.rows is not None and self.residual is not None:
            weights = -2 * self.scale / len(self.rows) * self.residual * (self.rows @ mean)
            N += (self.rows.T * weights) @ self.rows
        return N

    @property
    def heavy(self) -> tuple[bool, bool]:
        """Whether the features' fourth moment, the labels' variance are infinite."""
        with np.errstate(invalid="ignore"):
            features = not np.isfinite(self.homogeneous(np.diag(self.eigenvalues))).all()
        return features, not np.isfinite(self.label).all()

    def finite_part(self) -> "MatrixNoise":
        """Return the noise without what is infinite."""
        features, labels = self.heavy
        moment = np.zeros_like if features else self.fourth_moment
        return replace(
            self, fourth_moment=moment, label=np.zeros_like(self.label) if labels else self.label
        )


def first_infinite(noise: ModeNoise | MatrixNoise, second: FloatArray) -> float:
    """Return the first step with infinite variance, from second moments of w - w* along the modes (d,); inf if none."""
    features, labels = noise.heavy
    if labels or (features and np.any(noise.eigenvalues * second > 0)):
        return 1
    return 2 if features and np.any(noise.label) else np.inf


def gradient_noise_law(problem: LinearRegression, sgd: SGD) -> ModeNoise | MatrixNoise:
    """Return the map from where the weights are to the covariance of the gradient noise."""
    sgd.check(problem)
    law, b, rho = problem.features, sgd.batch_size, problem.eigenvalues
    if isinstance(law, PrincipalAxesLaw):
        c, k = law.radial, law.excess
        return ModeNoise(
            rho, (2 * c + k - 1) / b, (2 * c - 1) / b, c / b, problem.noise_variance / b
        )
    if problem.fit is not None:
        return _data_noise(problem.fit, sgd)
    Q = np.eye(problem.dimension) if problem.eigenvectors is None else problem.eigenvectors
    label = np.diag(np.multiply(rho, problem.noise_variance, out=np.zeros_like(rho), where=rho > 0))
    return MatrixNoise(rho, partial(_rotated_moment, law, Q), 1 / b, label)


def _rotated_moment(law: FeatureLaw, Q: FloatArray, M: FloatArray) -> FloatArray:
    moment: FloatArray = Q.T @ law.fourth_moment(Q @ M @ Q.T) @ Q
    return moment


def _data_noise(fit: LeastSquares, sgd: SGD) -> MatrixNoise:
    x, residual = fit.rows, fit.residuals
    n, b = len(x), sgd.batch_size
    scale = 1 / b if sgd.replacement else (n - b) / (b * max(n - 1, 1))
    label = (x.T * residual**2) @ x / n
    moment = FiniteData(x, residual).fourth_moment
    return MatrixNoise(fit.eigenvalues, moment, scale, label, x, residual)
