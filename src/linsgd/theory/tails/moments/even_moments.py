r"""The second, fourth and sixth moments of the products, enclosed: Gaussian features of any covariance, no momentum.

h(2), h(4), h(6) are the spectral radii of the actions in `even_forms` on forms of degree 1, 2, 3 in
p_i = u_i^2. For any form F with positive coefficients the ratios of the new to the old ones enclose
the radius (Collatz, Wielandt). Each ratio is widened by the rounding error of its longest chain of
operations times the sum of the sizes of its terms, so that the bounds are proved for the spectrum
and the learning rate as given.
"""

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, eigs

from linsgd.domains import FloatArray
from linsgd.theory.tails.moments.even_forms import ACTIONS, Fourth, Second, Sixth
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

Action: TypeAlias = Second | Fourth | Sixth

LARGEST_DIMENSIONS = {2: 10**9, 4: 1000, 6: 20}  # of the action on d, d^2 and d^3 coefficients
_STEPS = 60  # of inverse iteration at most
_PATIENCE = 40  # steps without a narrower enclosure after which the power iteration stops
_NARROW = 1e-11  # an enclosure this narrow, relatively to what a step does, is good
_UNIT = 2.0**-53  # of rounding
_ROOT = 16 * _UNIT  # the rounding of a chord's root, relatively


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if not setting.gaussian:
        return "Gaussian features"
    return "momentum 0" if setting.momentum else ""


def log_even(setting: Setting, order: int) -> Interval:
    """Return an enclosure of log h(order)."""
    action, sizes = ACTIONS[order](setting, -1), ACTIONS[order](setting, 1)
    form = eigenform(setting, action)
    change = action(form)
    error = _UNIT * (200 + 8 * (setting.dimension if order > 2 else 0)) * sizes(form)
    base, base_error = _power(setting, order)
    lower = base - base_error + float(((change - error) / form).min())
    upper = base + base_error + float(((change + error) / form).max())
    value = base + float(change.sum() / form.sum())
    return _outward(*(math.log1p(x) if x > -1 else -math.inf for x in (value, lower, upper)))


def _power(setting: Setting, order: int) -> tuple[float, float]:
    """Return a^order - 1 without cancellation, and a bound on its error."""
    decay = setting.lr * setting.decay
    a = 1 - decay
    power = math.expm1(order * math.log1p(-decay)) if decay < 0.5 else a**order - 1
    return power, 16 * order * _UNIT * (abs(power) + decay * max(1.0, abs(a)) ** order)


def _outward(value: float, lower: float, upper: float) -> Interval:
    return Interval(value, lower - 4 * _UNIT * abs(lower), upper + 4 * _UNIT * abs(upper))


def eigenform(setting: Setting, action: Action) -> FloatArray:
    """Return the positive eigenform of h(order) to rounding error, small coefficients relatively."""
    second = _second_eigenform(action if isinstance(action, Second) else Second(setting))
    if isinstance(action, Second):
        return second
    form = np.multiply.outer(second, second) / second.max() ** 2
    if isinstance(action, Fourth):
        return _by_inverses(action, form)
    form, spread = _by_powers(action, np.multiply.outer(form, second / second.max()))
    if spread <= _NARROW * float(np.abs(action.own).max()) or setting.dimension == 1:
        return form
    other, narrower = _by_powers(action, _by_arnoldi(action, form, setting.shrinkage**6))
    return other if narrower < spread else form


def _by_arnoldi(action: Sixth, form: FloatArray, kept: float) -> FloatArray:
    """Return the sizes of the coefficients of the eigenform of largest modulus, small ones to rounding error."""
    operator = LinearOperator(
        (form.size, form.size),
        matvec=lambda flat: action(flat.reshape(form.shape)).ravel() + kept * flat,
        dtype=np.float64,
    )
    found: FloatArray = np.abs(
        eigs(operator, k=1, which="LM", v0=form.ravel(), tol=1e-14)[1][:, 0].real
    ).reshape(form.shape)
    found[found < 1e-200 * found.max()] = 1e-200 * found.max()
    return found


def _by_inverses(action: Fourth, form: FloatArray) -> FloatArray:
    """Iterate the inverse at the level of the largest ratio, which converges quadratically from above (Noda 1971)."""
    best, narrowest = form, np.inf
    for _ in range(_STEPS):
        ratios = action(form) / form
        spread = float(np.ptp(ratios))
        if not spread < narrowest:
            break
        best, narrowest = form, spread
        if spread == 0:
            break
        level = float(ratios.max())
        form = action.resolvent(level + 1e-15 * abs(level), form)
        form = form / form[np.unravel_index(np.abs(form).argmax(), form.shape)]
        if not form.min() > 0:
            break
    return best


def _by_powers(action: Sixth, form: FloatArray) -> tuple[FloatArray, float]:
    """Iterate the positive map of a form to what feeds its coefficients over what they lose; return its enclosure."""
    best, narrowest, since = form, np.inf, 0
    level, floor = float((action(form) / form).max()), float(action.own.max())
    while since < _PATIENCE:
        change = action(form)
        spread, since = float(np.ptp(change / form)), since + 1
        if spread < narrowest:
            best, narrowest, since = form, spread, 0 if spread < 0.9 * narrowest else since
        lost = level - action.own
        if not lost.min() > 0:  # what feeds a coefficient is below the rounding of what it keeps
            break
        new = (change - action.own * form) / lost
        if not (np.isfinite(new).all() and new.min() > 0):
            break
        moved = level + float(
            (new - form).sum() / (new / lost).sum()
        )  # Newton's step to where new = form
        level = moved if moved > floor else (level + floor) / 2
        form = new / new.max()
    return best, narrowest


def _second_eigenform(action: Second) -> FloatArray:
    """Solve sum_i h_i E t_i / (mu - E r_i) = 1 for the top root mu."""
    own, shared = action.own, action.h * action.common * action.t
    top, total = float(own.max()), float(shared.sum())
    least = float(shared[own.argmax()])

    def secular(rise: float) -> float:
        return float(np.sum(shared / (top - own + rise))) - 1

    rise = least
    if own.size > 1:
        rise = float(
            brentq(secular, least / 2, total * 2, xtol=1e-300, rtol=4 * np.finfo(float).eps)
        )
    form: FloatArray = action.h / (top - own + rise)
    return form


def bracket(moments: Mapping[float, Interval]) -> tuple[float, float]:
    """Return bounds on the root alpha of a convex log h with log h(0) = 0 and negative slope there.

    Examples
    --------
    >>> [round(x, 12) for x in bracket({2.0: Interval.about(-1.0, 0.0), 4.0: Interval.about(1.0, 0.0)})]
    [3.0, 4.0]
    """
    orders = sorted(moments)
    below = [s for s in orders if moments[s].upper <= 0]
    above = [s for s in orders if moments[s].lower >= 0]
    beyond = [s for s in orders if moments[s].upper > 0]
    lower, upper = max(below, default=0.0), min(above, default=float("inf"))
    if below and beyond:  # the curve is below a chord
        lower = _root(lower, moments[lower].upper, beyond[0], moments[beyond[0]].upper) * (
            1 - _ROOT
        )
    if len(above) > 1:  # and above its extensions
        cut = _root(above[0], moments[above[0]].lower, above[1], moments[above[1]].upper)
        upper = min(upper, max(lower, cut * (1 + _ROOT)))
    rising = [s for s in orders if moments[s].lower <= 0][-2:]
    if len(rising) > 1 and moments[rising[1]].lower > moments[rising[0]].upper:
        cut = _root(rising[0], moments[rising[0]].upper, rising[1], moments[rising[1]].lower)
        upper = min(upper, cut * (1 + _ROOT))
    return lower, upper


def _root(s0: float, f0: float, s1: float, f1: float) -> float:
    """Return where the line through two points vanishes."""
    return s1 - f1 * (s1 - s0) / (f1 - f0)
