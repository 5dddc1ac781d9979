r"""A data set along the eigenvectors of its Hessian, for epochs.

With D_r = x_r x_r' - H, the gradient of row r at w differs from the mean gradient by g_r + D_r w, w
measured from the regularised solution, where g_r is the gradient of the row.
"""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.least_squares import LeastSquares
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.row_moments import RowMoments


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The data along the eigenvectors of H.

    Attributes
    ----------
    x, g : ndarray (N, d)
        Features, and gradients at the regularised solution.
    h : ndarray (d,)
        Eigenvalues of H.
    decay : float
        weight_decay.
    products : RowMoments
        Averages over the rows.
    """

    x: FloatArray
    g: FloatArray
    h: FloatArray
    decay: float
    products: RowMoments

    @property
    def covariance(self) -> FloatArray:
        """The covariance C of the gradients (d, d)."""
        C: FloatArray = self.g.T @ self.g / len(self.g)
        return C

    def spread(self, M: FloatArray) -> FloatArray:
        """Return K(M) = mean over rows of D_r M D_r (d, d)."""
        HMH = self.h[:, None] * M * self.h
        own: FloatArray = self.products.fourth(M) - HMH
        return own

    def deviate(self, w: FloatArray) -> FloatArray:
        """Return D_r w (N, d), D_r = x_r x_r' - H, for one w (d,) or one of each row (N, d)."""
        along_x = np.sum(self.x * w, axis=1)
        own: FloatArray = self.x * along_x[:, None] - self.h * w
        return own

    def mean_deviation(self, w: FloatArray) -> FloatArray:
        """Return mean over rows of D_r w_r (d,)."""
        mean: FloatArray = self.deviate(w).mean(axis=0)
        return mean

    @property
    def curvature_gradient(self) -> FloatArray:
        """The vectors q_r = D_r g_r (N, d)."""
        return self.deviate(self.g)


def finite_fit(problem: LinearRegression, sgd: SGD) -> LeastSquares:
    """Return the algebra of the finite data that epochs need."""
    sgd.check(problem)
    if problem.fit is None:
        known = "'independent', unless the problem is a finite data set"
        domains.refuse("sampling", sgd.sampling, known)
    return problem.fit


def rows_of(problem: LinearRegression, fit: LeastSquares, sgd: SGD) -> Rows:
    """Return the data along the eigenvectors of H, with the gradients at the ridge solution."""
    x, solution = fit.rows, problem.solution(sgd.weight_decay)
    shift = problem.to_eigenbasis(solution - problem.optimum)
    residual = fit.residuals - x @ shift
    of_decay = sgd.weight_decay * problem.to_eigenbasis(solution)
    g = of_decay - x * residual[:, None]
    products = RowMoments.of(x, np.zeros(len(x)))
    return Rows(x, g, problem.eigenvalues, sgd.weight_decay, products)
