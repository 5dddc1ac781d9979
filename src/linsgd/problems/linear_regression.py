"""Linear regression, the problem: L(w) = E(x'w - y)^2 / 2 + weight_decay |w|^2 / 2, H = E xx'.

The labels are y = x'w* + e with e independent of x, or those of a finite data set. Along the
eigenvectors of H the unregularised risk is R(w) = R(w*) + sum_i h_i (w - w*)_i^2 / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    feature_law,
    principal_axes,
)
from linsgd.problems.labels import NAMED, GaussianNoise, LabelNoise, NoiseName, label_noise
from linsgd.problems.least_squares import EPS, LeastSquares, least_squares

SHORT = 24  # numbers that a printed form repeats; a larger problem is described instead


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
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
    fit : LeastSquares or None
        For a data set its residuals, its rows along the eigenvectors, rank and condition number.

    Notes
    -----
    Problems are equal if they have equal features, labels and noise.

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
    fit: LeastSquares | None = field(default=None, repr=False)

    @classmethod
    def gaussian(
        cls,
        spectrum: ArrayLike,
        noise_std: float = 1.0,
        optimum: ArrayLike | None = None,
        noise: NoiseName | LabelNoise = "gaussian",
    ) -> LinearRegression:
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
    def isotropic(
        cls,
        dimension: int,
        variance: float = 1.0,
        noise_std: float = 1.0,
        optimum: ArrayLike | None = None,
    ) -> LinearRegression:
        """Make the problem with Gaussian features of covariance H = variance I.

        Parameters
        ----------
        dimension : int
            d, in [1, 10^8].
        variance : float
            Of each feature, in (0, 1e75].
        noise_std, optimum
            As in `gaussian`.

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
        >>> LinearRegression.isotropic(3, variance=0.5).eigenvalues
        array([0.5, 0.5, 0.5])
        """
        return cls.spiked([], dimension, variance, noise_std, optimum)

    @classmethod
    def spiked(
        cls,
        spikes: ArrayLike,
        dimension: int,
        variance: float = 1.0,
        noise_std: float = 1.0,
        optimum: ArrayLike | None = None,
    ) -> LinearRegression:
        """Make the problem with a few large eigenvalues over a flat bulk, Gaussian features.

        Parameters
        ----------
        spikes : array_like (s,)
            The first eigenvalues of H, in (0, 1e75].
        dimension : int
            d, in [max(s, 1), 10^8].
        variance : float
            The other d - s eigenvalues, in (0, 1e75].
        noise_std, optimum
            As in `gaussian`.

        Returns
        -------
        LinearRegression
            The problem.

        Raises
        ------
        ValueError
            If a value lies outside its domain.

        References
        ----------
        .. [1] I. Johnstone, "On the distribution of the largest eigenvalue in principal components
           analysis", Annals of Statistics 29 (2001), for the spiked covariance.

        Examples
        --------
        >>> LinearRegression.spiked([9.0], dimension=4).eigenvalues
        array([9., 1., 1., 1.])
        """
        top = np.asarray(spikes, dtype=np.float64)
        if top.size or top.ndim != 1:
            top = domains.array("spikes", spikes, (None,))
        domain = f"(0, {domains.LARGEST:g}]"
        for i, spike in enumerate(top):
            domains.real(f"spikes[{i}]", float(spike), domain)
        least = max(top.size, 1)
        dimension = domains.integer("dimension", dimension, f"[{least}, 100000000]")
        spectrum = np.full(dimension, domains.real("variance", variance, domain))
        spectrum[: top.size] = top
        return cls.gaussian(spectrum, noise_std=noise_std, optimum=optimum)

    @classmethod
    def from_features(
        cls,
        law: FeatureLaw,
        noise_std: float = 1.0,
        optimum: ArrayLike | None = None,
        noise: NoiseName | LabelNoise = "gaussian",
    ) -> LinearRegression:
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
        law = feature_law(law)
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
    def from_data(
        cls, X: ArrayLike, y: ArrayLike, feature_names: Sequence[str] | None = None
    ) -> LinearRegression:
        """Make the problem of a finite data set, as it is: no intercept, no scaling.

        Parameters
        ----------
        X : array_like (N, d)
            Features; rank deficiency and N < d are allowed.
        y : array_like (N,)
            Labels.
        feature_names : sequence of str, optional
            Names of the columns of X; by default those of a data frame.

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
        data = FiniteData(X, y, feature_names)  # type: ignore[arg-type]
        data.check_magnitudes()
        fit = least_squares(data.X, data.y)
        return cls(
            features=data,
            optimum=fit.optimum,
            noise_std=float(np.sqrt(np.mean(fit.residuals**2))),
            noise=None,
            eigenvalues=fit.eigenvalues,
            eigenvectors=fit.eigenvectors,
            fit=fit,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinearRegression):
            return NotImplemented
        return (
            bool(self.features == other.features)
            and np.array_equal(self.optimum, other.optimum)
            and (self.noise_std, self.noise) == (other.noise_std, other.noise)
        )

    def __hash__(self) -> int:
        return hash((self.dimension, self.noise_std, self.noise))

    def __repr__(self) -> str:
        law = self.features
        if isinstance(law, FiniteData):
            if law.X.size > SHORT:
                return f"<{self}>"
            return f"LinearRegression.from_data({law.X.tolist()}, {law.y.tolist()})"
        if isinstance(law, PrincipalAxesLaw) and law.covariance.size > SHORT:
            return f"<{self}>"
        if isinstance(law, GaussianFeatures):
            return f"LinearRegression.gaussian({law.covariance.tolist()}{self._options()})"
        return f"LinearRegression.from_features({law!r}{self._options()})"

    def _options(self) -> str:
        """Return the keyword arguments that are not at their defaults, as they are typed."""
        options = {} if self.noise_std == 1.0 else {"noise_std": repr(self.noise_std)}
        if self.optimum.any():
            options["optimum"] = repr(self.optimum.tolist())
        if self.noise is not None and not isinstance(self.noise, GaussianNoise):
            named = self.noise in NAMED.values()
            options["noise"] = repr(self.noise.name if named else self.noise)
        return "".join(f", {name}={text}" for name, text in options.items())

    def __str__(self) -> str:
        d, law = self.dimension, self.features
        features = f"{d} feature{'s' if d > 1 else ''}"
        if self.fit is None:
            name = getattr(law, "name", type(law).__name__)
            noise = "no" if self.noise is None else self.noise.name
            return (
                f"linear regression, {features} ({name}), rank {self.rank}, "
                f"{noise} label noise of scale {self.noise_std:.6g}"
            )
        return (
            f"linear regression on {len(self.fit.residuals)} rows, {features}, rank {self.rank}, "
            f"condition number {self.condition:.3g}, residual std {self.noise_std:.6g}"
        )

    @property
    def dimension(self) -> int:
        """The number of features d."""
        return self.eigenvalues.size

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of a data set's columns, where they were given."""
        return self.features.feature_names if isinstance(self.features, FiniteData) else None

    @property
    def rank(self) -> int:
        """The rank of H."""
        return int(np.count_nonzero(self.eigenvalues))

    @property
    def condition(self) -> float:
        """Condition number of the features.

        For a data set, the largest over the smallest singular value that is not rounding, of the
        columns brought to one scale by powers of two; for a law, the square root of the largest
        over the smallest positive eigenvalue of H.
        """
        if self.fit is not None:
            return self.fit.condition
        positive = self.eigenvalues[self.eigenvalues > 0]
        return float(np.sqrt(positive.max()) / np.sqrt(positive.min()))

    @property
    def error(self) -> float:
        """Bound on the relative rounding error of the eigenvalues and of what data determine."""
        if self.fit is not None:
            return self.fit.error
        return 0.0 if self.eigenvectors is None else self.dimension * EPS * self.condition**2

    @property
    def noise_variance(self) -> float:
        """Variance of the label noise, or inf; for a data set the mean squared residual."""
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
        """Return the minimum-norm minimiser (H + weight_decay I)^+ H w* of the regularised loss."""
        if weight_decay == 0.0 and self.fit is not None:
            return self.optimum
        h = self.eigenvalues
        lost = np.divide(weight_decay, h + weight_decay, out=np.ones_like(h), where=h > 0)
        return self.optimum - self.from_eigenbasis(lost * self.to_eigenbasis(self.optimum))
