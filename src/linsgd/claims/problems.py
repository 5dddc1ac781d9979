"""The problems that claims are made about: a law, the diabetes data, the digits, a user's data."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False)
class NamedProblem:
    """A problem and the name that its verdicts carry.

    Attributes
    ----------
    name : str
        The name.
    problem : LinearRegression
        The problem.
    own : bool
        True for a data set of a user's own, of which only what follows from its exact theory is
        claimed.
    """

    name: str
    problem: LinearRegression
    own: bool = False

    @property
    def rows(self) -> int:
        """Number of rows of the data set; 0 for a law."""
        law = self.problem.features
        return len(law.y) if isinstance(law, FiniteData) else 0

    @property
    def finite(self) -> bool:
        """True if the problem is a data set."""
        return self.rows > 0


@lru_cache(maxsize=1)
def gaussian() -> NamedProblem:
    """Make four correlated Gaussian features, H_ij = 2^-|i-j|, with unit label noise."""
    i = np.arange(4)
    H = 0.5 ** np.abs(i[:, None] - i)
    optimum = [1.0, -1.0, 0.5, 2.0]
    return NamedProblem("gaussian", LinearRegression.gaussian(H, noise_std=1.0, optimum=optimum))


def _scikit_learn(what: str) -> Any:
    """Return the module of scikit-learn's data sets, which come with the extra `data`."""
    try:
        import sklearn.datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{what} scikit-learn: pip install 'linsgd[data]', "
            "or judge another problem, such as problem='gaussian' (--problem gaussian)"
        ) from error
    return sklearn.datasets


@lru_cache(maxsize=1)
def diabetes() -> NamedProblem:
    """Load the diabetes data, 442 x 10, columns and target centred and scaled to unit variance.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn, the extra `data`, is not installed.
    """
    X, y = _scikit_learn("the diabetes data need").load_diabetes(return_X_y=True, scaled=False)
    X, y = ((a - a.mean(axis=0)) / a.std(axis=0) for a in (X, y))
    return NamedProblem("diabetes", LinearRegression.from_data(X, y))


@lru_cache(maxsize=1)
def digits() -> NamedProblem:
    """Load the digits, 1797 x 64 pixels in [0, 1], whose target here is the parity of the digit.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn, the extra `data`, is not installed.
    """
    X, y = _scikit_learn("the digits need").load_digits(return_X_y=True)
    return NamedProblem("digits", LinearRegression.from_data(X / 16, 1.0 - 2.0 * (y % 2)))
