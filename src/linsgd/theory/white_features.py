"""Gaussian problems in the coordinates in which Newton's method sees them."""

import numpy as np

from linsgd import domains
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression


def require_gaussian(problem: LinearRegression) -> None:
    """Refuse features that are not Gaussian."""
    if type(problem.features) is not GaussianFeatures:
        domains.refuse_type("problem.features", problem.features, "Gaussian for StochasticNewton")


def whitened(problem: LinearRegression) -> LinearRegression:
    """Return the problem in the coordinates H^(1/2) (w - w*), in which H = I."""
    noise = problem.noise or GaussianNoise()
    white = np.ones(problem.dimension)
    return LinearRegression.gaussian(white, noise_std=problem.noise_std, noise=noise)
