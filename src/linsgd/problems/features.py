r"""Feature laws: the second moment H = E xx', the map M -> E[x x'M x x'], and a sampler of x.

The laws that ship along principal axes are x = Q diag(l)^{1/2} z with H = Q diag(l) Q' and z a
white vector whose law is invariant under sign changes and permutations of its coordinates. For
symmetric M their fourth moment is

    E[z z'M z z'] = c (2 M + tr(M) I) + k diag(M),

with (c, k) = (1, 0) for Gaussian features, (1, -2) for Rademacher, (1, -6/5) for uniform, and
((dof-2)/(dof-4), 0) for the elliptical Student-t law. It is what makes their exact moments cost
O(d).
"""

from dataclasses import dataclass, field, fields
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray

SMALLEST = 1 / domains.LARGEST  # a smaller feature has no fourth power in double precision


@runtime_checkable
class FeatureLaw(Protocol):
    """What `LinearRegression.from_features` asks of a law of x in R^d, E x not necessarily zero."""

    @property
    def dimension(self) -> int:
        """The number of features d."""

    def second_moment(self) -> FloatArray:
        """H = E xx' as a spectrum (d,) along the coordinates, or as a matrix (d, d)."""

    def fourth_moment(self, M: FloatArray) -> FloatArray:
        """E[x x'M x x'] (d, d) for a symmetric M (d, d)."""

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent feature vectors (n, d)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PrincipalAxesLaw:
    """A law along the principal axes of its covariance; use one of its four kinds.

    Parameters
    ----------
    covariance : array_like (d,) or (d, d)
        Eigenvalues along the coordinates, or a symmetric positive semidefinite matrix.
    """

    name: ClassVar[str]
    covariance: FloatArray
    eigenvalues: FloatArray = field(init=False, repr=False)
    eigenvectors: FloatArray | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        covariance = domains.covariance("covariance", self.covariance)
        eigenvalues, eigenvectors = principal_axes(covariance)
        object.__setattr__(self, "covariance", covariance)
        object.__setattr__(self, "eigenvalues", eigenvalues)
        object.__setattr__(self, "eigenvectors", eigenvectors)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in self._given()
        )

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.covariance.shape, float(self.covariance.sum())))

    def __repr__(self) -> str:
        options = (f"{name}={getattr(self, name)!r}" for name in self._given()[1:])
        return f"{type(self).__name__}({', '.join([repr(self.covariance.tolist()), *options])})"

    def _given(self) -> list[str]:
        """Return the names of the constructor's arguments."""
        return [given.name for given in fields(self) if given.init]

    @property
    def dimension(self) -> int:
        """The number of features d."""
        return self.eigenvalues.size

    @property
    def radial(self) -> float:
        """The constant c of the fourth moment; inf where that is."""
        return 1.0

    @property
    def excess(self) -> float:
        """The constant k of the fourth moment: the excess kurtosis of a coordinate."""
        return 0.0

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        raise NotImplementedError

    def second_moment(self) -> FloatArray:
        """H as it was given: a spectrum (d,) or a matrix (d, d)."""
        return self.covariance

    def fourth_moment(self, M: FloatArray) -> FloatArray:
        """E[x x'M x x'] (d, d) for a symmetric M (d, d); inf without a fourth moment."""
        if np.isinf(self.radial):
            return np.full((self.dimension, self.dimension), np.inf)
        Q = np.eye(self.dimension) if self.eigenvectors is None else self.eigenvectors
        root = Q * np.sqrt(self.eigenvalues)
        N = root.T @ M @ root
        white = self.radial * (2 * N + np.trace(N) * np.eye(len(N))) + self.excess * np.diag(
            np.diag(N)
        )
        moment: FloatArray = root @ white @ root.T
        return moment

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent feature vectors (n, d)."""
        x = self.white((n, self.dimension), rng) * np.sqrt(self.eigenvalues)
        return x if self.eigenvectors is None else x @ self.eigenvectors.T


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GaussianFeatures(PrincipalAxesLaw):
    """Gaussian features x ~ N(0, H).

    Examples
    --------
    >>> GaussianFeatures([1.0, 0.5]).fourth_moment(np.eye(2))
    array([[3.5 , 0.  ],
           [0.  , 1.25]])
    """

    name: ClassVar[str] = "gaussian"

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        return rng.standard_normal(shape)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RademacherFeatures(PrincipalAxesLaw):
    """Features with independent signs along the principal axes."""

    name: ClassVar[str] = "rademacher"

    @property
    def excess(self) -> float:
        """-2: a sign has fourth moment 1."""
        return -2.0

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        return rng.choice(np.array([-1.0, 1.0]), shape)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UniformFeatures(PrincipalAxesLaw):
    """Features uniform on [-sqrt(3 l), sqrt(3 l)], independent along the principal axes."""

    name: ClassVar[str] = "uniform"

    @property
    def excess(self) -> float:
        """-6/5: the excess kurtosis of a uniform variable."""
        return -1.2

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        return rng.uniform(-np.sqrt(3), np.sqrt(3), shape)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StudentFeatures(PrincipalAxesLaw):
    """Elliptical Student-t features of covariance H: a Gaussian vector over a random scale.

    Parameters
    ----------
    covariance : array_like (d,) or (d, d)
        Eigenvalues along the coordinates, or a symmetric positive semidefinite matrix.
    dof : float
        Degrees of freedom, in (2, inf). The fourth moment is infinite for dof <= 4.
    """

    name: ClassVar[str] = "student"
    dof: float = field(kw_only=True)

    def __post_init__(self) -> None:
        PrincipalAxesLaw.__post_init__(self)
        object.__setattr__(self, "dof", domains.real("dof", self.dof, "(2, inf)"))

    @property
    def radial(self) -> float:
        """(dof-2)/(dof-4), or inf."""
        return (self.dof - 2) / (self.dof - 4) if self.dof > 4 else np.inf

    def white(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draw white vectors z; the last axis of `shape` is d."""
        scale = np.sqrt((self.dof - 2) / rng.chisquare(self.dof, (*shape[:-1], 1)))
        return rng.standard_normal(shape) * scale


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FiniteData:
    """N rows with their labels, drawn uniformly; as they are: no intercept, no scaling.

    Parameters
    ----------
    X : array_like (N, d)
        Features; rank deficiency and N < d are allowed.
    y : array_like (N,)
        Labels.
    feature_names : sequence of str, optional
        Names of the columns; by default those of a data frame.
    """

    name: ClassVar[str] = "data"
    X: FloatArray
    y: FloatArray
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        X = domains.array("X", self.X, (None, None))
        object.__setattr__(self, "feature_names", self._names(X.shape[1]))
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "y", domains.array("y", self.y, (len(X),)))
        if not (X * X).any():
            domains.refuse("X", "all zeros", "at least one feature above 1e-150 in magnitude")

    def _names(self, d: int) -> tuple[str, ...] | None:
        """Return the names that are given, or those of the columns of a data frame."""
        names = self.feature_names
        if names is None:
            names = tuple(getattr(self.X, "columns", ()))
            return names if len(names) == d and all(isinstance(n, str) for n in names) else None
        names = tuple(names)
        if len(names) != d or not all(isinstance(name, str) for name in names):
            domains.refuse("feature_names", names, f"{d} strings, one for each column of X")
        return names

    def check_magnitudes(self) -> None:
        """Refuse a feature whose fourth power is 0 in double precision though it is not."""
        largest = np.abs(self.X).max(axis=0)
        tiny = (largest > 0) & (largest < SMALLEST)
        if tiny.any():
            column = int(np.flatnonzero(tiny)[0])
            domains.refuse(
                f"X[:, {column}]",
                float(largest[column]),
                f"0, or a largest magnitude of at least {SMALLEST:g}; choose another unit",
            )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FiniteData)
            and np.array_equal(self.X, other.X)
            and np.array_equal(self.y, other.y)
        )

    def __hash__(self) -> int:
        return hash((self.X.shape, float(self.y.sum())))

    def __repr__(self) -> str:
        n, d = self.X.shape
        return f"<FiniteData: {n} rows, {d} features>"

    @property
    def dimension(self) -> int:
        """The number of features d."""
        return len(self.X[0])

    def second_moment(self) -> FloatArray:
        """X'X/N (d, d)."""
        H: FloatArray = self.X.T @ self.X / len(self.X)
        return H

    def fourth_moment(self, M: FloatArray) -> FloatArray:
        """Mean over the rows of x x'M x x' (d, d)."""
        weights = np.einsum("ni,ni->n", self.X @ M, self.X) / len(self.X)
        moment: FloatArray = (self.X.T * weights) @ self.X
        return moment

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` rows with replacement (n, d)."""
        return self.X[rng.integers(len(self.X), size=n)]


def principal_axes(covariance: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Return eigenvalues (d,), and eigenvectors (d, d) as columns or None for a spectrum.

    A spectrum lies along the coordinates. Eigenvalues of a matrix ascend; those below rounding
    error are exactly 0.
    """
    if covariance.ndim == 1:
        return covariance, None
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    rounding = len(covariance) * np.finfo(float).eps * eigenvalues[-1]
    eigenvalues[eigenvalues < rounding] = 0.0
    eigenvalues.flags.writeable = eigenvectors.flags.writeable = False
    return eigenvalues, eigenvectors
