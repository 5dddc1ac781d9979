r"""How far the standard error of simulated squares can be relied on, before any chain is drawn.

The stationary variance of the squares is a fourth moment of the weights, finite if and only if
h(4) < 1, h(s) = lim (E|A_k ... A_1|^s)^(1/k). Where it is finite the mean of the squares is nearly
normal only if many chains drew the rows that make the squares skewed: with n chains of skewness
gamma the studentised mean has P(z < -L) of the order of

    exp(-L^2/2 + gamma L^3 / (3 sqrt n)),

by the cubic term of its large deviations.
"""

import math
from dataclasses import dataclass, replace

from scipy.optimize import brentq

from linsgd.optimizers.sgd import SGD
from linsgd.problems.gaussian_like import gaussian_like
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.draws import LARGEST_GAIN, LIGHT_FEATURES, draws
from linsgd.theory.result import Moments
from linsgd.theory.stability.thresholds import stability
from linsgd.theory.tails.exponents import spectral_function
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.setting import Setting

LARGEST_LOG = 700.0  # whose exponential is a double
ORDINARY = 4.0  # skewness of squares that few tiles tolerate; that of a squared normal is 2.8
CHAINS = 150.0  # over the squared skewness, for a verdict: the terms beyond the cubic are small
# of lr_mean_square: the fourth moment of one Gaussian feature at batch 1 ends at 0.57 of it, that
# of more features, larger batches or momentum later
SMALL_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Spread:
    """The skewness of the squares, inf where no standard error can be relied on, and why."""

    skewness: float
    reason: str = ""

    @property
    def chains(self) -> int:
        """How many chains a verdict takes; 0 where any number serves, or none does."""
        ordinary = self.skewness <= ORDINARY or math.isinf(self.skewness)
        return 0 if ordinary else math.ceil(CHAINS * self.skewness**2)


def spread(problem: LinearRegression, sgd: SGD, exists: bool, reached: Moments) -> Spread:
    """Return what is known of the spread of simulated squares.

    Parameters
    ----------
    problem, sgd
        What is simulated.
    exists : bool
        Whether the exact stationary law exists.
    reached : Moments
        The exact law at the simulated step.

    Returns
    -------
    Spread
        The skewness, and why it is infinite.
    """
    least = _fourth_moment_growth(problem, sgd)
    if least is not None and least >= 1:
        reason = f"h(4) = {least:.3g} is not below 1, so there is no fourth moment"
        return Spread(math.inf, reason)
    if not exists:
        return Spread(math.inf, "the law widens with each step, and few chains carry its variance")
    listed = type(problem.features) in LIGHT_FEATURES
    if least is None and not (listed and _fourth_moment_is_likely(problem, sgd)):
        return Spread(math.inf, "whether there is a fourth moment is not known at this lr")
    if not listed:
        return Spread(0.0)
    single = draws(problem, sgd, reached, None)
    if single.gain > LARGEST_GAIN:
        reason = "some rows multiply their own residual, and are drawn too rarely"
        return Spread(math.inf, reason)
    return Spread(max(single.position, single.velocity))


def widened(quantile: float, skewness: float, chains: int) -> float:
    """Return the L whose probability is that of a normal variable's `quantile`, given a skewness.

    L^2/2 - gamma L^3/(3 sqrt n) = quantile^2/2; the quantile itself where too few chains were drawn
    for that.
    """
    if chains < CHAINS * skewness**2:
        return quantile
    cubic = skewness / (3 * math.sqrt(chains))
    if cubic == 0:
        return quantile

    def excess(L: float) -> float:
        return L**2 / 2 - cubic * L**3 - quantile**2 / 2

    most = 1 / (3 * cubic)  # where the left side is largest
    if most < quantile or excess(most) < 0:
        return math.inf
    return float(brentq(excess, quantile, most, xtol=1e-12))


def _fourth_moment_is_likely(problem: LinearRegression, sgd: SGD) -> bool:
    """Return whether Gaussian features with the same H have a fourth moment.

    Rows that are alike have no heavier tails; of others `draws` says so. Where that is not known
    either, lr must be a small share of lr_mean_square.
    """
    least = _fourth_moment_growth(gaussian_like(problem), replace(sgd, replacement=None))
    if least is not None:
        return least < 1
    return sgd.lr < SMALL_SHARE * stability(problem, sgd).lr_mean_square


def _fourth_moment_growth(problem: LinearRegression, sgd: SGD) -> float | None:
    """Return the lower bound of h(4) by a method that takes less than a second, or None."""
    setting = Setting.of(problem, sgd)
    if not even_moments.covers(setting) and 4 in even_moments.orders(setting):
        return math.exp(min(even_moments.log_moment(setting, 4).lower, LARGEST_LOG))
    for method in () if sgd.momentum else ("scalar", "projective_line"):
        try:
            return spectral_function(problem, sgd, 4.0, method=method).lower
        except ValueError:  # the method does not cover the problem
            continue
    return None
