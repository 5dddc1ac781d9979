r"""The excess loss and the excess risk of chains at w.

With rho the eigenvalues of H, mu the minimiser of the regularised loss L and w* that of the risk R,
along the eigenvectors of H,

    L(w) - min L = sum_i (rho_i + weight_decay) (w_i - mu_i)^2 / 2,
    R(w) - R(w*) = sum_i rho_i (w_i - w*_i)^2 / 2.
"""

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.linear_regression import LinearRegression


def excess_loss(problem: LinearRegression, weight_decay: float, w: FloatArray) -> FloatArray:
    """Return L(w) - min L of weights (..., d); inf or nan for diverged chains."""
    with np.errstate(over="ignore", invalid="ignore"):
        away = problem.to_eigenbasis(w - problem.solution(weight_decay))
        return np.asarray(away**2 @ (problem.eigenvalues + weight_decay) / 2)


def excess_risk(problem: LinearRegression, w: FloatArray) -> FloatArray:
    """Return R(w) - R(w*) of weights (..., d); inf or nan for diverged chains."""
    with np.errstate(over="ignore", invalid="ignore"):
        away = problem.to_eigenbasis(w - problem.optimum)
        return np.asarray(away**2 @ problem.eigenvalues / 2)
