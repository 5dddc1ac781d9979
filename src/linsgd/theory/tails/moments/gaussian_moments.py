r"""Enclosures of h(2), h(4) and h(6) for Gaussian features of any covariance without momentum.

h(2), h(4), h(6) are the spectral radii of the actions in `even_forms` on forms of degree 1, 2, 3 in
p_i = u_i^2. For any form F with positive coefficients the ratios of the new to the old ones enclose
the radius (Collatz, Wielandt). Each ratio is widened by the rounding error of its longest chain of
operations times the sum of the sizes of its terms, so that the bounds are proved for the spectrum
and the learning rate as given.
"""

import math
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


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if the moments are enclosed."""
    if not setting.gaussian:
        return "Gaussian features"
    return "momentum 0" if setting.momentum else ""


def log_even(setting: Setting, order: int) -> Interval:
    """Return an enclosure of log h(order).

    h(order) - 1 lies between the extremes over the coefficients of change / form + a^order - 1.
    """
    action = ACTIONS[order](setting, -1)
    sizes = ACTIONS[order](setting, 1)
    form = eigenform(setting, action)
    change = action(form)
    # each coefficient is a sum of at most d products in a chain of 200 operations
    operations = 200 + 8 * (setting.dimension if order > 2 else 0)
    error = _UNIT * operations * sizes(form)
    least = float(((change - error) / form).min())
    largest = float(((change + error) / form).max())
    mean = float(change.sum() / form.sum())
    power, power_error = _power_minus_one(setting, order)
    lower = _log1p(power - power_error + least)
    upper = _log1p(power + power_error + largest)
    return _outward(_log1p(power + mean), lower, upper)


def _log1p(x: float) -> float:
    return math.log1p(x) if x > -1 else -math.inf


def _power_minus_one(setting: Setting, order: int) -> tuple[float, float]:
    """Return a^order - 1 without cancellation, and a bound on its error."""
    decay = setting.step_size * setting.decay
    a = 1 - decay
    power = math.expm1(order * math.log1p(-decay)) if decay < 0.5 else a**order - 1
    size = abs(power) + decay * max(1.0, abs(a)) ** order
    return power, 16 * order * _UNIT * size


def _outward(value: float, lower: float, upper: float) -> Interval:
    """Return the interval widened by the rounding of two operations."""
    return Interval(value, lower - 4 * _UNIT * abs(lower), upper + 4 * _UNIT * abs(upper))


def eigenform(setting: Setting, action: Action) -> FloatArray:
    """Return the positive eigenform of an action, small coefficients to relative rounding error."""
    second = _second_eigenform(action if isinstance(action, Second) else Second(setting))
    if isinstance(action, Second):
        return second
    # powers of the quadratic eigenform are a first guess of the others
    form = np.multiply.outer(second, second) / second.max() ** 2
    if isinstance(action, Fourth):
        return _by_inverses(action, form)
    cube = np.multiply.outer(form, second / second.max())
    form, spread = _by_powers(action, cube)
    narrow = spread <= _NARROW * float(np.abs(action.own).max())
    if narrow or setting.dimension == 1:
        return form
    other, narrower = _by_powers(action, _by_arnoldi(action, form, setting.shrinkage**6))
    return other if narrower < spread else form


def _by_arnoldi(action: Sixth, form: FloatArray, power: float) -> FloatArray:
    """Return the sizes of the coefficients of the eigenform of largest modulus.

    `power` is a^6, what the action leaves out. Small coefficients are exact to rounding of the
    largest only.
    """

    def step(flat: FloatArray) -> FloatArray:
        image: FloatArray = action(flat.reshape(form.shape)).ravel() + power * flat
        return image

    operator = LinearOperator((form.size, form.size), matvec=step, dtype=np.float64)
    _, vectors = eigs(operator, k=1, which="LM", v0=form.ravel(), tol=1e-14)
    found: FloatArray = np.abs(vectors[:, 0].real).reshape(form.shape)
    positive: FloatArray = np.maximum(found, 1e-200 * found.max())
    return positive


def _by_inverses(action: Fourth, form: FloatArray) -> FloatArray:
    """Iterate the inverse of (largest ratio - action); it converges quadratically (Noda 1971)."""
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
        largest = np.unravel_index(np.abs(form).argmax(), form.shape)
        form = form / form[largest]
        if not form.min() > 0:
            break
    return best


def _by_powers(action: Sixth, form: FloatArray) -> tuple[FloatArray, float]:
    """Return the positive eigenform and the width of its enclosure, by a power iteration.

    The eigenform solves (level - own) form = action(form) - own form, the positive map that is
    iterated; the level moves by Newton's method to where the map reproduces the form.
    """
    best, narrowest, since = form, np.inf, 0
    level = float((action(form) / form).max())
    floor = float(action.own.max())
    while since < _PATIENCE:
        change = action(form)
        spread = float(np.ptp(change / form))
        since += 1
        if spread < narrowest:
            since = 0 if spread < 0.9 * narrowest else since
            best, narrowest = form, spread
        lost = level - action.own
        if not lost.min() > 0:  # the gain of a coefficient is below the rounding of its own factor
            break
        new = (change - action.own * form) / lost
        if not (np.isfinite(new).all() and new.min() > 0):
            break
        # d sum new / d level = - sum new / lost
        moved = level + float((new - form).sum() / (new / lost).sum())
        level = moved if moved > floor else (level + floor) / 2
        form = new / new.max()
    return best, narrowest


def _second_eigenform(action: Second) -> FloatArray:
    """Return F_i = h_i / (mu - E r_i).

    mu is the largest root of sum_i h_i E[C] t_i / (mu - E r_i) = 1.
    """
    own = action.own
    shared = action.h * action.common * action.t
    top = float(own.max())
    gaps = top - own

    def secular(rise: float) -> float:
        return float(np.sum(shared / (gaps + rise))) - 1

    # mu - max E r_i is between the largest axis' own term and the sum of all
    least = float(shared[own.argmax()])
    total = float(shared.sum())
    rise = least  # the root for one eigenvalue
    if own.size > 1:
        tolerance = 4 * np.finfo(float).eps
        rise = float(brentq(secular, least / 2, total * 2, xtol=1e-300, rtol=tolerance))
    form: FloatArray = action.h / (gaps + rise)
    return form
