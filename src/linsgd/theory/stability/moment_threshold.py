r"""The learning rate at which a moment of the stationary law ceases to exist: h(s) = 1, or alpha = s.

Without momentum and for s >= 1 it is one number. If h(s) <= 1 at a learning rate then at theta
times it, theta < 1, a step is the mixture (1 - theta) I + theta A, and Minkowski's inequality for
the products gives h^{1/s} <= 1 - theta + theta = 1 there too. With momentum it is the crossing
found on the way down from the mean-square threshold, where h(s) >= 1 for s >= 2. The bounds are
learning rates at which h(s) < 1 and h(s) > 1 are known.
"""

import dataclasses
from collections.abc import Callable

from scipy.optimize import brentq

from linsgd import domains
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee
from linsgd.theory.stability.thresholds import stability
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.methods import first_able
from linsgd.theory.tails.moments import bracket, certified, even_moments, fourth_moment
from linsgd.theory.tails.result import Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting

METHODS = ("auto", "mean_square", "quadrature", "even_moments", "certified")
_WIDEST = 1e-4
_FIRST = {
    True: 2.0**-36,
    False: 2.0**-46,
}  # relative half-width that is tried first, with and without momentum


def moment_threshold(
    problem: LinearRegression, sgd: SGD, order: float = 4, method: str = "auto"
) -> TailResult:
    r"""Return the learning rate at which E|W|^order ceases to be finite: the tail exponent there is `order`.

    Parameters
    ----------
    problem : LinearRegression
        What is learned: any for order 2, else Gaussian features.
    sgd : SGD
        All but its lr is kept; momentum for orders 2 and 4.
    order : float
        Order of the moment, in [2, 1e6].
    method : str
        "auto", or: "mean_square", order 2 for everything that `stability` serves; "quadrature",
        every order for isotropic Gaussian features; "even_moments", order 4 to 1000 and order 6 to
        20 Gaussian features of any spectrum, with rigorous bounds, and with momentum order 4 to 200
        different variances, numerically; "certified", ball arithmetic for order 2 (to 10^5
        features) and 4 (to 50).

    Returns
    -------
    TailResult
        The learning rate with bounds.

    Raises
    ------
    ValueError
        If an argument is outside its domain or the method cannot serve; the error names those that
        can.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=2)
    >>> round(moment_threshold(problem, sgd).value, 10)
    0.6265382933
    """
    accept(problem, sgd)
    order = domains.real("order", order, "[2, 1e6]")
    setting = Setting.of(problem, sgd)
    name = _choose(setting, order, domains.choice("method", method, METHODS))
    mean_square = stability(problem, sgd)
    if name == "mean_square":
        lr = mean_square.lr_mean_square
        return _result(lr, lr * mean_square.error, name, Guarantee.NUMERICAL)
    side, growth = _judge(setting, order, name)
    top = mean_square.lr_mean_square * sgd.gradient_weight
    lr = top if order == 2 else _crossing(growth, top)
    width = _FIRST[setting.momentum > 0]
    while side(lr * (1 - width)) >= 0 or side(lr * (1 + width)) <= 0:
        width *= 2
        if width > _WIDEST:
            domains.refuse("method", name, "settings where the moment is known to ten digits or so")
    guarantee = (
        Guarantee.NUMERICAL if name == "quadrature" or setting.momentum else Guarantee.RIGOROUS
    )
    return _result(lr / sgd.gradient_weight, lr * width / sgd.gradient_weight, name, guarantee)


def _choose(setting: Setting, order: float, method: str) -> str:
    missing = {
        "mean_square": "" if order == 2 else "order 2",
        "quadrature": quadrature.covers(setting),
        "even_moments": _spectra(setting, order),
        "certified": certified.covers(setting, order),
    }
    return first_able(missing, method, f"order {order:g}")


def _spectra(setting: Setting, order: float) -> str:
    """Return why "even_moments" cannot serve, or nothing."""
    if setting.momentum:
        return fourth_moment.covers(setting) or ("" if order == 4 else "order 4")
    largest = even_moments.LARGEST_DIMENSIONS
    if setting.gaussian and setting.dimension > largest.get(int(order) if order % 2 == 0 else 0, 0):
        return " or ".join(f"order {k}, {d} features" for k, d in largest.items())
    return even_moments.covers(setting)


def _judge(
    setting: Setting, order: float, name: str
) -> tuple[Callable[[float], int], Callable[[float], float]]:
    """Return on which side of 1 h(order) is known to be at a learning rate, and the value of its logarithm."""

    def at(lr: float) -> Setting:
        return dataclasses.replace(setting, lr=lr)

    def enclosed(lr: float) -> Interval:
        if name == "quadrature":
            return quadrature.log_spectral(at(lr), order)
        return bracket.log_moment(at(lr), int(order))

    def known(lr: float) -> int:
        _, lower, upper = enclosed(lr)
        return -1 if upper < 0 else 1 if lower > 0 else 0

    side = (lambda lr: certified.side(at(lr), int(order))) if name == "certified" else known
    return side, lambda lr: enclosed(lr)[0]


def _crossing(growth: Callable[[float], float], top: float) -> float:
    """Return where growth turns positive below `top`, at which it is."""
    low = top / 2
    while growth(low) >= 0:
        low /= 2
    return float(brentq(lambda lr: growth(lr) / lr, low, 2 * low, xtol=1e-300, rtol=1e-14))


def _result(lr: float, error: float, name: str, guarantee: Guarantee) -> TailResult:
    return TailResult(
        quantity="moment_threshold",
        value=lr,
        lower=lr - error,
        upper=lr + error,
        guarantee=guarantee,
        method=name,
        status=TailStatus.OK,
    )
