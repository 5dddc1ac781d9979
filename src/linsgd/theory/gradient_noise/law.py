"""`gradient_noise`: the law of the minibatch gradient at given weights, as one object."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import PROBLEMS
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result
from linsgd.theory.gradient_noise import normal_distance
from linsgd.theory.gradient_noise.finite_data import FiniteRows
from linsgd.theory.gradient_noise.gaussian_design import GaussianDesign
from linsgd.theory.gradient_noise.moment_design import CUMULANTS, MomentDesign

Sampling = Literal["replacement", "without_replacement", "poisson"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NormalDistance(Result):
    """How far the law of the gradient along a direction is from the normal law of equal variance.

    Attributes
    ----------
    kolmogorov : float
        sup |F - Phi|, to 1e-10; nan where only moments of the law are known.
    edgeworth : float
        The same by the two-term expansion, whose error is of order b^-3/2.
    berry_esseen : float
        The bound 0.469 E|P|^3/sqrt(b); nan where the third absolute moment is not known.
    """

    kolmogorov: float
    edgeworth: float
    berry_esseen: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradientNoise:
    """The law of a minibatch gradient at fixed weights.

    Attributes
    ----------
    mean : ndarray (d,)
        The full gradient, without weight decay.
    covariance : ndarray (d, d)
        Of the minibatch gradient.
    batch_size : int
        b.
    sampling : str
        "replacement", "without_replacement" or "poisson".
    guarantee : Guarantee
        "numerical": every number is a closed form up to rounding, of relative order 1e-12.
    """

    mean: FloatArray
    covariance: FloatArray
    batch_size: int
    sampling: str
    guarantee: Guarantee = Guarantee.NUMERICAL
    _problem: LinearRegression = field(repr=False)
    _law: GaussianDesign | MomentDesign | FiniteRows = field(repr=False)

    def skewness(self, u: ArrayLike) -> float:
        """Return the skewness of u'g; nan where u'g does not vary.

        Parameters
        ----------
        u : array_like (d,)
            A direction in the problem's coordinates; its length does not matter.
        """
        second, third, _ = self._moments(u)
        return third / second**1.5 if second > 0 else math.nan

    def excess_kurtosis(self, u: ArrayLike) -> float:
        """Return the excess kurtosis of u'g, as `skewness` takes u."""
        second, _, fourth = self._moments(u)
        return fourth / second**2 - 3 if 0 < second < math.inf else math.nan

    def cumulant(self, u: ArrayLike, order: int) -> float:
        """Return a cumulant of u'g of any order from 1 (Gaussian features and normal labels)."""
        law, direction = self._exact("cumulant"), self._direction(u)
        order = domains.integer("order", order, "[1, 100]")
        products, factor = law.along(direction)
        return products.cumulant(order) * factor**order

    def cf(self, t: ArrayLike) -> complex:
        """Return E exp(i t'g) at t (d,) (Gaussian features and normal labels)."""
        return self._exact("cf").cf(self._direction(t, "t"))

    def log_mgf(self, u: ArrayLike, q: ArrayLike) -> FloatArray:
        """Return log E exp(q (u'g - E u'g)) at q (n,) (Gaussian features and normal labels).

        It is inf beyond the exponential rates of the tails; `linsgd.levy.exit_exponent` takes it.
        """
        law, direction = self._exact("log_mgf"), self._direction(u)
        return law.log_mgf(direction, domains.array("q", q, (None,)))

    def cdf(self, u: ArrayLike, x: ArrayLike) -> FloatArray:
        """Return P(u'g <= x) at x (n,), to 1e-10 (Gaussian features and normal labels)."""
        products, factor = self._exact("cdf").along(self._direction(u))
        if factor == 0:
            domains.refuse("u", u, "directions along which the gradient varies")
        return products.cdf(domains.array("x", x, (None,)) / factor)

    def pdf(self, u: ArrayLike, x: ArrayLike) -> FloatArray:
        """Return the density of u'g at x (n,) (Gaussian features and normal labels)."""
        products, factor = self._exact("pdf").along(self._direction(u))
        if factor == 0:
            domains.refuse("u", u, "directions along which the gradient varies")
        scaled = domains.array("x", x, (None,)) / factor
        found: FloatArray = np.exp(products.log_density(scaled)) / factor
        return found

    def mardia_kurtosis(self) -> float:
        """Return E (g'C^{-1}g)^2 = d (d + 2)(1 + 2/b) at the optimum, for normal labels."""
        self._at_optimum("mardia_kurtosis")
        return normal_distance.mardia_kurtosis(self._rank(), self.batch_size)

    def total_variation(self) -> float:
        """Return the total variation from the normal law at the optimum; it depends on d/b."""
        self._at_optimum("total_variation")
        return normal_distance.total_variation(self._rank(), self.batch_size)

    def normal_distance(self, u: ArrayLike) -> NormalDistance:
        """Return the distances of the law of u'g from the normal law of equal mean and variance."""
        edgeworth = normal_distance.edgeworth(self.skewness(u), self.excess_kurtosis(u))
        exact, bound = math.nan, math.nan
        if isinstance(self._law, GaussianDesign) and self._law.exact:
            products, _ = self._law.along(self._direction(u))
            exact = products.kolmogorov()
            third = normal_distance.third_absolute_moment(products.rho)
            bound = normal_distance.berry_esseen(third, self.batch_size)
        elif isinstance(self._law, FiniteRows) and self.sampling == "replacement":
            c = (self._law.gradients - self._law.mean()) @ self._direction(u)
            third = float(np.mean(np.abs(c) ** 3) / np.mean(c**2) ** 1.5)
            bound = normal_distance.berry_esseen(third, self.batch_size)
        return NormalDistance(kolmogorov=exact, edgeworth=edgeworth, berry_esseen=bound)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n independent minibatch gradients (n, d) in the problem's coordinates."""
        n = domains.integer("n", n, "[1, inf)")
        return self._problem.from_eigenbasis(self._law.sample(n, rng))

    def _moments(self, u: ArrayLike) -> tuple[float, float, float]:
        """Return the second to fourth central moments of u'g."""
        direction, b = self._direction(u), self.batch_size
        if isinstance(self._law, FiniteRows):
            return self._law.moments(direction)
        second, third, fourth = self._law.moments(direction)
        if math.isinf(fourth):
            return second / b, third / b**2, math.inf
        return second / b, third / b**2, (fourth + 3 * (b - 1) * second**2) / b**3

    def _direction(self, u: ArrayLike, name: str = "u") -> FloatArray:
        """Return u (d,) along the eigenvectors of H."""
        vector = domains.array(name, u, (self._problem.dimension,))
        if name == "u" and not vector.any():
            domains.refuse("u", "all zeros", "a direction")
        return self._problem.to_eigenbasis(vector)

    def _exact(self, quantity: str) -> GaussianDesign:
        """Return the law where it is known whole."""
        if not isinstance(self._law, GaussianDesign) or not self._law.exact:
            domains.refuse(
                "problem",
                type(self._problem.features).__name__,
                f"Gaussian features with normal labels, for which {quantity} is known; "
                "skewness and excess_kurtosis are known for every law here",
            )
        return self._law

    def _at_optimum(self, quantity: str) -> None:
        """Refuse weights other than the optimum."""
        if self._exact(quantity).mean().any():
            domains.refuse("w", "other than the optimum", f"the optimum, where {quantity} is known")

    def _rank(self) -> int:
        return int(np.count_nonzero(self._problem.eigenvalues))


def gradient_noise(
    problem: LinearRegression,
    w: ArrayLike,
    batch_size: int,
    replacement: bool = True,
    sampling: Sampling | None = None,
) -> GradientNoise:
    r"""Return the law of the minibatch gradient at weights w.

    Parameters
    ----------
    problem : LinearRegression
        With features of a law that ships and labels of any law, or of a finite data set. Other
        than Gaussian features give the moments up to the fourth, exactly; those that Student
        features do not have are inf, and a skewness then nan.
    w : array_like (d,)
        Weights in the problem's coordinates.
    batch_size : int
        b, at least 1; at most N for rows drawn without replacement.
    replacement : bool
        For a finite data set: False draws b different rows.
    sampling : {"replacement", "without_replacement", "poisson"}, optional
        Instead of `replacement`; "poisson" keeps each row with probability b/N and divides by b.

    Returns
    -------
    GradientNoise
        Mean, covariance, skewness, kurtosis, and for Gaussian features and labels the whole law.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the feature law is another one.

    Notes
    -----
    With :math:`\delta = w - w^*` and :math:`v = \sigma^2 + \delta' H \delta` the covariance for
    Gaussian features is :math:`(v H + H\delta\delta'H)/b`, twice the loss times H plus the outer
    product of the full gradient, over b. Every moment is finite for every b: at fixed weights the
    noise has no power-law tail unless the labels have one.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
    >>> noise = linsgd.gradient_noise(problem, [0.0, 0.0], batch_size=12)
    >>> print(f"{noise.excess_kurtosis([1.0, 0.0]):.6f}")
    0.500000
    >>> print(f"{noise.normal_distance([1.0, 0.0]).kolmogorov:.5f}")
    0.01146
    """
    domains.exact_type("problem", problem, PROBLEMS)
    point = problem.to_eigenbasis(domains.array("w", w, (problem.dimension,)))
    b = domains.integer("batch_size", batch_size, "[1, inf)")
    chosen = _sampling(problem, b, replacement, sampling)
    delta = point - problem.to_eigenbasis(problem.optimum)
    law: GaussianDesign | MomentDesign | FiniteRows
    if type(problem.features) is GaussianFeatures:
        law = GaussianDesign(problem, b, delta)
    elif type(problem.features) is FiniteData:
        data = problem.features
        residual = data.X @ problem.from_eigenbasis(point) - data.y
        law = FiniteRows(problem.to_eigenbasis(data.X) * residual[:, None], b, chosen)
    elif type(problem.features) in CUMULANTS:
        law = MomentDesign(problem, b, delta)
    else:
        accepted = "problems with features of a law that ships, or a finite data set"
        domains.refuse("problem", type(problem.features).__name__, accepted)
    domains.matrix_size("covariance", problem.dimension)
    Q = np.eye(problem.dimension) if problem.eigenvectors is None else problem.eigenvectors
    return GradientNoise(
        mean=problem.from_eigenbasis(law.mean()),
        covariance=Q @ law.covariance() @ Q.T,
        batch_size=b,
        sampling=chosen,
        _problem=problem,
        _law=law,
    )


def _sampling(
    problem: LinearRegression, b: int, replacement: bool, sampling: Sampling | None
) -> str:
    """Return how rows are drawn, from the two arguments that say it."""
    finite = type(problem.features) is FiniteData
    usual = "replacement" if domains.boolean("replacement", replacement) else "without_replacement"
    options = ("replacement", "without_replacement", "poisson")
    chosen = usual if sampling is None else domains.choice("sampling", sampling, options)
    if chosen != "replacement" and not finite:
        domains.refuse(
            "sampling", chosen, "'replacement', as only finite data can be drawn otherwise"
        )
    if finite and chosen != "replacement":
        rows = len(problem.features.y)  # type: ignore[attr-defined]
        domains.integer("batch_size", b, f"[1, {rows}]")
    return chosen
