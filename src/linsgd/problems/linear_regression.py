"""What is learned: linear regression L(w) = E(x'w - y)^2 / 2 + weight_decay |w|^2 / 2 with H = E xx'.

The labels are y = x'w* + e with e independent of x, or those of a finite data set. Along the
eigenvectors of H the unregularised risk is R(w) = R(w*) + sum_i h_i (w - w*)_i^2 / 2.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.features import (
    FeatureLaw,
    FiniteData,
    GaussianFeatures,
    PrincipalAxesLaw,
    principal_axes,
)
from linsgd.problems.labels import LabelNoise, label_noise


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LinearRegression:
    """A linear regression problem; made by `gaussian`, `from_features` or `from_data`.

    Attributes
    ----------
    features : FeatureLaw
        The law of x; a `FiniteData` for a data set.
    optimum : ndarray (d,)
        The minimiser w* of the unregularised risk; for a data set the minimum-norm least-squares
        solution.
    noise_std : float
        Standard deviation of the label noise (its scale where the variance is infinite); for a data
        set the root mean squared residual.
    noise : LabelNoise or None
        The standardised law of the label noise; None for a data set, whose residuals depend on x.
    eigenvalues : ndarray (d,)
        Of H: in the given order for a spectrum, ascending for a matrix or a data set. Null ones are
        exactly 0.
    eigenvectors : ndarray (d, d) or None
        As columns; None where the coordinates are the eigenvectors.

    Examples
    --------
    >>> problem = LinearRegression.gaussian([1.0, 0.5], noise_std=0.1)
    >>> problem.dimension, problem.noise_variance
    (2, 0.010000000000000002)
    """

    features: FeatureLaw
    optimum: FloatArray
    noise_std: float
    noise: LabelNoise | None
    eigenvalues: FloatArray = field(repr=False)
    eigenvectors: FloatArray | None = field(repr=False)

    @classmethod
    def gaussian(
        cls,
        spectrum: ArrayLike,
        noise_std: float = 1.0,
        optimum: ArrayLike | None = None,
        noise: str | LabelNoise = "gaussian",
    ) -> "LinearRegression":
        """Make the problem with Gaussian features x ~ N(0, H).

        Parameters
        ----------
        spectrum : array_like (d,) or (d, d)
            Eigenvalues of H along the coordinates, or H itself; semidefinite is allowed.
        noise_std : float
            Standard deviation of the label noise, in [0, 1e75].
        optimum : array_like (d,), optional
            w*; zeros by default.
        noise : str or LabelNoise
            "gaussian", "rademacher", "laplace" or a law such as ``StudentNoise(dof=3)``.

        Returns
        -------
        LinearRegression
            The problem.

        Raises
        ------
        ValueError
            If a value lies outside its domain.

        Examples
        --------
        >>> LinearRegression.gaussian([[2.0, 1.0], [1.0, 2.0]]).eigenvalues
        array([1., 3.])
        """
        return cls.from_features(
            GaussianFeatures(domains.covariance("spectrum", spectrum)),
            noise_std=noise_std,
            optimum=optimum,
            noise=noise,
        )

    @classmethod
    def from_features(
        cls,
        law: FeatureLaw,
        noise_std: float = 1.0,
        optimum: ArrayLike | None = None,
        noise: str | LabelNoise = "gaussian",
    ) -> "LinearRegression":
        """Make the problem with features from `law` and labels y = x'w* + e.

        Parameters
        ----------
        law : FeatureLaw
            ``GaussianFeatures``, ``RademacherFeatures``, ``UniformFeatures``, ``StudentFeatures``,
            or any object with `dimension`, `second_moment`, `fourth_moment` and `sample`.
        noise_std, optimum, noise
            As in `gaussian`.

        Returns
        -------
        LinearRegression
            The problem.

        Raises
        ------
        ValueError
            If a value lies outside its domain or the law misses a method.
        """
        if isinstance(law, type) or not isinstance(law, FeatureLaw):
            domains.refuse(
                "law", law, "an object with dimension, second_moment, fourth_moment and sample"
            )
        if isinstance(law, FiniteData):
            domains.refuse(
                "law", "FiniteData", "laws of features alone; use from_data for data with labels"
            )
        axes = law if isinstance(law, PrincipalAxesLaw) else None
        eigenvalues, eigenvectors = (
            (axes.eigenvalues, axes.eigenvectors)
            if axes
            else principal_axes(domains.covariance("law.second_moment()", law.second_moment()))
        )
        d = law.dimension
        return cls(
            features=law,
            optimum=domains.array("optimum", np.zeros(d) if optimum is None else optimum, (d,)),
            noise_std=domains.real("noise_std", noise_std, f"[0, {domains.LARGEST:g}]"),
            noise=label_noise(noise),
            eigenvalues=eigenvalues,
            eigenvectors=eigenvectors,
        )

    @classmethod
    def from_data(cls, X: ArrayLike, y: ArrayLike) -> "LinearRegression":
        """Make the problem of a finite data set, as it is: no intercept, no scaling.

        Parameters
        ----------
        X : array_like (N, d)
            Features; rank deficiency and N < d are allowed.
        y : array_like (N,)
            Labels.

        Returns
        -------
        LinearRegression
            The problem, each row with probability 1/N.

        Raises
        ------
        ValueError
            If a number is not finite, the shapes disagree or X is all zeros.

        Examples
        --------
        >>> LinearRegression.from_data([[1.0], [2.0]], [1.0, 2.0]).optimum
        array([1.])
        """
        data = FiniteData(X, y)  # type: ignore[arg-type]
        eigenvalues, eigenvectors = principal_axes(data.second_moment())
        rotated = np.eye(data.dimension) if eigenvectors is None else eigenvectors
        optimum = rotated @ (
            _inverse(eigenvalues) * (rotated.T @ (data.X.T @ data.y / len(data.y)))
        )
        residual = data.y - data.X @ optimum
        optimum.flags.writeable = False
        return cls(
            features=data,
            optimum=optimum,
            noise_std=float(np.sqrt(np.mean(residual**2))),
            noise=None,
            eigenvalues=eigenvalues,
            eigenvectors=eigenvectors,
        )

    @property
    def dimension(self) -> int:
        """The number of features d."""
        return self.eigenvalues.size

    @property
    def noise_variance(self) -> float:
        """Variance of the label noise (inf where it is); for a data set the mean squared residual."""
        if self.noise_std == 0.0:
            return 0.0
        return self.noise_std**2 * (1.0 if self.noise is None else self.noise.variance)

    def covariance(self) -> FloatArray:
        """Return H = E xx' (d, d)."""
        domains.matrix_size("covariance()", self.dimension)
        Q = np.eye(self.dimension) if self.eigenvectors is None else self.eigenvectors
        return (Q * self.eigenvalues) @ Q.T

    def to_eigenbasis(self, w: FloatArray) -> FloatArray:
        """Rotate vectors (..., d) from the problem's coordinates to the eigenvectors of H."""
        return w if self.eigenvectors is None else w @ self.eigenvectors

    def from_eigenbasis(self, w: FloatArray) -> FloatArray:
        """Rotate vectors (..., d) from the eigenvectors of H to the problem's coordinates."""
        return w if self.eigenvectors is None else w @ self.eigenvectors.T

    def solution(self, weight_decay: float = 0.0) -> FloatArray:
        """Return the minimum-norm minimiser (H + weight_decay I)^+ H w* of the regularised loss (d,)."""
        h = self.eigenvalues
        shrunk = h * _inverse(h + weight_decay) * self.to_eigenbasis(self.optimum)
        return self.from_eigenbasis(shrunk)


def _inverse(h: FloatArray) -> FloatArray:
    """Pseudoinverse of a non-negative spectrum."""
    return np.divide(1.0, h, out=np.zeros_like(h), where=h > 0)
