"""The interface of a feature law, and laws along the principal axes of their covariance."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.draws import Draws


@runtime_checkable
class FeatureLaw(Protocol):
    """The law of x in R^d that `LinearRegression.from_features` takes, E x not necessarily zero.

    Tail exponents also ask for an attribute `tail_exponent`, the order in (0, inf] from which on
    E|x|^p is infinite.
    """

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
    """A law x = Q diag(l)^{1/2} z along the principal axes of its covariance Q diag(l) Q'.

    The base of laws whose white vector z keeps its law under sign changes and permutations of its
    coordinates. A law says `white`, and `radial` and `excess` where they are not those of Gaussian
    features.

    Parameters
    ----------
    covariance : array_like (d,) or (d, d)
        Eigenvalues along the coordinates, or a symmetric positive semidefinite matrix.
    """

    name: ClassVar[str]  # for printing
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

    def draws(self) -> Draws | None:
        """Return the kernel code of z, of the same law as `white`; None to simulate by `sample`."""
        return None

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
