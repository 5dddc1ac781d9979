r"""The stationary law of Newton's method on minibatches of Gaussian features, exact.

With the batch's own curvature w' = (1 - lr) w + lr s, s the batch's least-squares solution, whose
covariance is S = noise_std^2 H^-1/(b - d - 1). With v = s - w before the step,

    Var w = lr/(2 - lr) S,     Var v = S + Var w,     Cov(w', v) = lr S - (1 - lr) Var w.

With H itself Newton is SGD on the white features H^{-1/2} x: Var w = c H^-1 with the c of H = I,
whatever the condition of H, up to lr = 2 b/(b + d + 1).
"""

import numpy as np

from linsgd import domains
from linsgd.optimizers.second_order import StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete import stationary as independent
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.result import Moments, MomentsStatus, moments_from_eigenbasis
from linsgd.theory.white_features import require_gaussian, whitened


def stationary(problem: LinearRegression, sgd: StochasticNewton) -> Moments:
    """Return the stationary mean and covariance of (w, v)."""
    sgd.check(problem)
    require_gaussian(problem)
    if sgd.damping + sgd.weight_decay > 0 or sgd.curvature == "split":
        given = f"curvature = {sgd.curvature!r}, damping = {sgd.damping:g}"
        accepted = "curvature 'batch' or 'exact' without damping and without weight decay"
        domains.refuse("sgd", given, accepted)
    status, white = _white(problem, sgd)
    d = problem.dimension
    return moments_from_eigenbasis(
        problem,
        SGD(sgd.lr, sgd.batch_size),
        status=status,
        mean=np.zeros((2, d)),
        covariance=white[:, None] / problem.eigenvalues,
        error=problem.error,
    )


def _white(problem: LinearRegression, sgd: StochasticNewton) -> tuple[MomentsStatus, np.ndarray]:
    """Return the status, and Var w, Cov(w, v) and Var v (3,) where H = I."""
    lr, b, d = sgd.lr, sgd.batch_size, problem.dimension
    if sgd.curvature == "exact":
        law = independent.stationary(Recurrence.of(whitened(problem), SGD(lr, b)))
        return law.status, law.mode_covariances()[:, 0]
    if lr >= 2:
        return MomentsStatus.UNSTABLE, np.full(3, np.inf)
    if b <= d + 1:
        return MomentsStatus.INFINITE_VARIANCE, np.array([np.inf, np.nan, np.inf])
    solution = problem.noise_variance / (b - d - 1)
    position = lr / (2 - lr) * solution
    pair = lr * solution - (1 - lr) * position
    return MomentsStatus.OK, np.array([position, pair, solution + position])
