r"""A power-law spectrum, finite or infinite: h_j = j^-exponent, w*_j = j^-source."""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    r"""Gaussian features with eigenvalues j^-exponent and optimum j^-source, j = 1, 2, ...

    Parameters
    ----------
    exponent : float
        Of the eigenvalues; above 1/2 where the number of features is infinite.
    source : float
        Of the coefficients of w*. The risk at w = 0 is finite if exponent + 2 source > 1, or the
        dimension is.
    dimension : int, optional
        Number of features; None for infinitely many.
    noise_std : float
        Standard deviation of the label noise, in [0, 1e75].

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    risk_curve : The exact risk along the steps.

    References
    ----------
    .. [1] E. Paquette, C. Paquette, L. Xiao, J. Pennington, "4+3 Phases of Compute-Optimal Neural
       Scaling Laws" (2024), arXiv 2405.15074, whose 2 alpha is the exponent and whose beta is the
       source.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.PowerLaw(exponent=1.5, source=1.0, dimension=3).eigenvalues()
    array([1.        , 0.35355339, 0.19245009])
    """

    exponent: float
    source: float
    dimension: int | None = None
    noise_std: float = 0.0

    def __post_init__(self) -> None:
        values = {
            "exponent": domains.real("exponent", self.exponent, "[0, 100]"),
            "source": domains.real("source", self.source, "[-100, 100]"),
            "noise_std": domains.real("noise_std", self.noise_std, f"[0, {domains.LARGEST:g}]"),
        }
        if self.dimension is not None:
            values["dimension"] = domains.integer("dimension", self.dimension, "[1, 100000000]")
        elif not self.exponent > 0.5:
            domain = "(0.5, 100] with infinitely many features, where the noise must stay finite"
            domains.refuse("exponent", self.exponent, domain)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def finite_risk(self) -> bool:
        """Whether the risk at w = 0 is finite."""
        return self.dimension is not None or self.exponent + 2 * self.source > 1

    def eigenvalues(self) -> FloatArray:
        """Return h (d,) of finitely many features."""
        return self._index() ** -self.exponent

    def optimum(self) -> FloatArray:
        """Return w* (d,) of finitely many features."""
        return self._index() ** -self.source

    def problem(self) -> LinearRegression:
        """Return the linear regression with these features; only for a finite dimension."""
        return LinearRegression.gaussian(
            self.eigenvalues(), noise_std=self.noise_std, optimum=self.optimum()
        )

    def _index(self) -> FloatArray:
        if self.dimension is None:
            domains.refuse("dimension", None, "a number, for arrays over the features")
        return np.arange(1.0, self.dimension + 1)


def random_features(law: PowerLaw, features: int, rng: np.random.Generator) -> LinearRegression:
    r"""Return the regression on random features W'x of a power law, W_ij ~ N(0, 1/features).

    The best predictor on the features leaves a misfit, which for Gaussian x is independent of
    them: it is label noise here.

    Parameters
    ----------
    law : PowerLaw
        Of finite dimension v.
    features : int
        d, from 1 to v.
    rng : numpy.random.Generator
        Draws W.

    Returns
    -------
    LinearRegression
        With H = W'DW, w* = H^-1 W'D b and noise variance b'D b - w*'H w* + noise_std^2, for
        D = diag(j^-exponent) and b = j^-source.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> law = linsgd.PowerLaw(exponent=1.2, source=0.8, dimension=40)
    >>> linsgd.random_features(law, 10, np.random.default_rng(1)).dimension
    10
    """
    h, b = law.eigenvalues(), law.optimum()
    features = domains.integer("features", features, f"[1, {h.size}]")
    W = rng.normal(size=(h.size, features)) / np.sqrt(features)
    # Q R = D^(1/2) W, so that H = R'R without squaring the condition number
    Q, R = np.linalg.qr(np.sqrt(h)[:, None] * W)
    target = np.sqrt(h) * b
    explained = Q.T @ target
    misfit = target - Q @ explained
    noise_std = float(np.sqrt(misfit @ misfit + law.noise_std**2))
    return LinearRegression.gaussian(
        R.T @ R, noise_std=noise_std, optimum=np.linalg.solve(R, explained)
    )
