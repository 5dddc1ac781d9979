r"""The tail exponent of Newton's method on one feature whose curvature has a batch of its own.

A = 1 - lr F, F the quotient of two independent chi-square variables of b degrees of freedom. With
T = F/(1 + F) of the beta law (b/2, b/2),

    h(s) = E|A|^s = int_0^1 |1 - (1 + lr) T|^s (1 - T)^{b/2 - 1 - s} T^{b/2 - 1} dT / B(b/2, b/2),

finite for s < b/2. The integral is split at T = 1/(1 + lr); each part has algebraic ends only.
"""

import math

from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import beta

from linsgd import domains
from linsgd.optimizers.second_order import StochasticNewton
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.tails.result import NO_NUMBER, Interval, TailResult, TailStatus

_ERROR = 1e-7  # of alpha, far above that of the quadrature
_SMALL = 1e-6  # an order at which h(s) - 1 is s rho


def spectral(b: int, lr: float, s: float) -> float:
    """Return h(s) for 0 <= s < b/2."""
    half, edge = b / 2, 1 / (1 + lr)
    inner, _ = quad(lambda t: (1 - t) ** (half - 1 - s), 0, edge, weight="alg", wvar=(half - 1, s))
    outer, _ = quad(lambda t: t ** (half - 1), edge, 1, weight="alg", wvar=(s, half - 1 - s))
    return float((inner + outer) / edge**s / beta(half, half))


def split_exponent(problem: LinearRegression, sgd: StochasticNewton) -> TailResult:
    """Return the root alpha < b/2 of h(alpha) = 1, if h falls from h(0) = 1."""
    if problem.dimension > 1:
        domains.refuse("dimension", problem.dimension, "1 where curvature = 'split'")
    b, lr = sgd.batch_size, sgd.lr
    rho = math.log(spectral(b, lr, _SMALL)) / _SMALL
    quantity, method = "tail_exponent", "newton"
    if rho >= 0:
        reason = "the Lyapunov exponent is not negative: reduce lr"
        status = TailStatus.NO_STATIONARY_LAW
        return TailResult.of(quantity, NO_NUMBER, method, status, reason, lyapunov=rho)
    if problem.noise_std == 0:
        reason, status = "no batch moves w from the optimum", TailStatus.DEGENERATE
        return TailResult.of(quantity, NO_NUMBER, method, status, reason, lyapunov=rho)
    alpha = float(
        brentq(lambda s: math.log(spectral(b, lr, s)), _SMALL, b / 2 * (1 - 1e-9), xtol=1e-13)
    )
    found = Interval.about(alpha, _ERROR * alpha)
    return TailResult.of(quantity, found, method, TailStatus.POWER_LAW, lyapunov=rho)
