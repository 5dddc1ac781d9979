r"""The learning rate at which a moment of the stationary law ceases to exist.

There h(s) = 1, or alpha = s. Without momentum and for s >= 1 it is one number. If h(s) <= 1 at a
learning rate then at theta times it, theta < 1, a step is the mixture (1 - theta) I + theta A, and
Minkowski's inequality for the products gives h^{1/s} <= 1 - theta + theta = 1 there too. With
momentum it is the crossing found on the way down from the mean-square threshold, where h(s) >= 1
for s >= 2. The bounds are learning rates at which h(s) < 1 and h(s) > 1 are known.
"""

from __future__ import annotations

from collections.abc import Callable

from scipy.optimize import brentq

from linsgd import domains
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.stability.thresholds import stability
from linsgd.theory.tails.methods import METHODS as TAIL_METHODS
from linsgd.theory.tails.methods import by_name, first_able
from linsgd.theory.tails.result import Interval, TailResult
from linsgd.theory.tails.setting import Setting

_SINGLE_MOMENTS = [method for method in TAIL_METHODS if method.moments is not None]
METHODS = ("auto", "mean_square", *(method.name for method in _SINGLE_MOMENTS))
_WIDEST = 1e-4  # relative half-width beyond which the moment is not known well enough
# relative half-width that is tried first
_FIRST = 2.0**-46
_FIRST_WITH_MOMENTUM = 2.0**-36


def moment_threshold(
    problem: LinearRegression, sgd: SGD, order: float = 4, method: str = "auto"
) -> TailResult:
    r"""Return the learning rate at which E|W|^order ceases to be finite.

    Parameters
    ----------
    problem : LinearRegression
        What is learned: any for order 2, else Gaussian features.
    sgd : SGD
        All but its lr is kept; momentum for orders 2 and 4.
    order : float
        Order of the moment, in [2, 1e6].
    method : str
        "auto", or: "mean_square", order 2 for everything that `stability` covers; "quadrature",
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
        If an argument is outside its domain or the method does not apply; the error names those
        that do.

    See Also
    --------
    stability, spectral_function, tail_exponent

    Notes
    -----
    With h the `spectral_function`, it is the lr at which h(order) = 1: the tail exponent there is
    `order`.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=2)
    >>> round(linsgd.moment_threshold(problem, sgd).value, 10)
    0.6265382933
    """
    accept(problem, sgd)
    order = domains.real("order", order, "[2, 1e6]")
    setting = Setting.of(problem, sgd)
    name = _choose(setting, order, domains.choice("method", method, METHODS))
    mean_square = stability(problem, sgd)
    if name == "mean_square":
        lr = mean_square.lr_mean_square
        bounds = Interval.about(lr, lr * mean_square.error)
        return TailResult.of("moment_threshold", bounds, name)
    # from learning rates to step sizes, lr (1 - dampening) in units of the setting
    unit = setting.scale * sgd.gradient_weight
    found = _threshold(setting, order, name, mean_square.lr_mean_square * unit)
    bounds = Interval(*(step / unit for step in found))
    guarantee = by_name(name).guarantee(setting)
    return TailResult.of("moment_threshold", bounds, name, guarantee=guarantee)


def _choose(setting: Setting, order: float, method: str) -> str:
    """Return the name of the method that applies."""
    missing = {"mean_square": "" if order == 2 else "order 2"}
    for each in _SINGLE_MOMENTS:
        assert each.moments is not None
        missing[each.name] = each.moments.covers(setting, order)
    return first_able(missing, method, f"order {order:g}")


def _threshold(setting: Setting, order: float, name: str, top: float) -> Interval:
    """Return the step size at which h(order) = 1, given that of h(2) = 1.

    Its bounds are step sizes on whose sides of 1 h(order) is certain.
    """
    solver = by_name(name).moments
    assert solver is not None

    def growth(step: float) -> float:
        return solver.log_moment(setting.at(step), order).value

    def certain(step: float, width: float) -> bool:
        below = setting.at(step * (1 - width))
        above = setting.at(step * (1 + width))
        return solver.side(below, order) < 0 < solver.side(above, order)

    step = top if order == 2 else _crossing(growth, top)
    width = _FIRST_WITH_MOMENTUM if setting.momentum > 0 else _FIRST
    while not certain(step, width):
        width *= 2
        if width > _WIDEST:
            domains.refuse("method", name, "settings where the moment is known to ten digits or so")
    return Interval.about(step, step * width)


def _crossing(growth: Callable[[float], float], top: float) -> float:
    """Return where growth turns positive below `top`, at which it is."""
    low = top / 2
    while growth(low) >= 0:
        low /= 2
    root = brentq(lambda step: growth(step) / step, low, 2 * low, xtol=1e-300, rtol=1e-14)
    return float(root)
