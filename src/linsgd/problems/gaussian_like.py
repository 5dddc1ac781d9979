"""Gaussian features with the spectrum of a data set."""

import numpy as np

from linsgd import domains
from linsgd.problems.linear_regression import LinearRegression


def gaussian_like(problem: LinearRegression) -> LinearRegression:
    r"""Return the problem of Gaussian features with the same H, w* and residual variance.

    Risk curves in high dimension and random-matrix theories are made for Gaussian features; this is
    the one that has the real spectrum of a data set, drawn afresh at every step.

    Parameters
    ----------
    problem : LinearRegression
        A finite data set, or any law with second moments.

    Returns
    -------
    LinearRegression
        With covariance H, optimum w* and label noise of variance 2 min R.

    Raises
    ------
    ValueError
        If `problem` is no linear regression, or its residual variance is infinite.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> data = linsgd.LinearRegression.from_data(X, X @ [1.0, 0.0, 2.0])
    >>> bool(np.allclose(linsgd.gaussian_like(data).optimum, [1.0, 0.0, 2.0]))
    True
    """
    domains.exact_type("problem", problem, (LinearRegression,))
    if not np.isfinite(problem.noise_variance):
        domains.refuse("problem", problem, "problems with residuals of finite variance")
    return LinearRegression.gaussian(
        problem.covariance(),
        noise_std=float(np.sqrt(problem.noise_variance)),
        optimum=problem.optimum,
    )
