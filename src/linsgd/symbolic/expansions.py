r"""The relative error of the underdamped SDE against the exact algorithm, as a series in lr.

The slow mode of the mean is multiplied each step by l = (1 + beta - lr h_lambda + root) / 2,
root^2 = (1 + beta - lr h_lambda)^2 - 4 beta, and in the SDE by exp(-lr (gamma - delta)). Both roots
are power series in lr; they are computed in the ring Q(beta, h_lambda, x_0, v_0, t)[[lr]]. The fast
mode decays like beta^k: at a fixed time t = lr k it is below every power of lr.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sympy import QQ, Add, Expr, Integer, Order, Symbol, asin, log, series, simplify, sqrt
from sympy.polys.ring_series import rs_exp, rs_log, rs_mul, rs_nth_root, rs_series_inversion
from sympy.polys.rings import ring

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import (
    beta,
    eta,
    gamma,
    h_lambda,
    omega,
    r,
    t,
    tidy,
    v0,
    x0,
    zeta,
)
from linsgd.symbolic.update import underdamped_sde

FIELD = QQ.frac_field(beta, h_lambda, x0, v0, t)
RING, LR = ring(eta, FIELD)
CUT = 7  # powers of lr kept in between: order 4, and up to two lost to divisions by lr
ERROR, MATCHED = Symbol("epsilon"), Symbol("v_m")
Series = Any  # an element of RING, cut at CUT


@cache
def lr_expansion(quantity: str, order: int = 2) -> Derivation:
    """Derive the relative error of an SDE quantity as a power series in the learning rate.

    Parameters
    ----------
    quantity : str
        Stationary: "position_variance", "velocity_variance" (also the local displacement),
        "correlation" (of position and velocity; here the absolute error, the SDE has 0). One mode's
        mean: "damping" (of an underdamped mode), "threshold" (where oscillation sets in),
        "frequency" (as beta -> 1), "slow_rate" (of an overdamped mode), "mean" (at a fixed time,
        from the same x_0 and v_0), "matched_mean" (the SDE started at the velocity that removes the
        first order).
    order : int
        The last power of lr, in [0, 4].

    Returns
    -------
    Derivation
        Steps "langevin" and "exact" where they have a closed form, "matched_velocity" where it is
        used; the result is the series, with its O(lr^n) unless it ends.

    Notes
    -----
    The error is that of SDE = exact (1 + error).

    See Also
    --------
    linsgd.plot.error_map : The errors over learning rate and momentum.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.lr_expansion("position_variance").result
    -eta*h_lambda/(2*(beta + 1))
    >>> linsgd.symbolic.lr_expansion("slow_rate").result
    eta**2*h_lambda**2/(6*(1 - beta)**2) + O(eta**3)
    """
    domains.choice("quantity", quantity, tuple(QUANTITIES))
    domains.integer("order", order, "[0, 4]")
    return Derivation(
        f"The error of the Langevin equation: {quantity.replace('_', ' ')}",
        QUANTITIES[quantity](order),
        Scope(Features.LAW, dampening=False),
    )


def _compared(langevin: Expr, exact: Expr, order: int) -> tuple[Step, ...]:
    """Return the steps of a quantity that has a closed form in both."""
    ratio = simplify(langevin / exact)
    return (*_both(langevin, exact), _error(series(ratio - 1, eta, 0, order + 1)))


def _both(langevin: Expr, exact: Expr) -> tuple[Step, Step]:
    """Return the steps of a quantity in the SDE and in the algorithm."""
    in_sde = Step("langevin", "In the SDE.", langevin)
    in_algorithm = Step("exact", "In the algorithm.", exact)
    return in_sde, in_algorithm


def _error(expansion: Expr, why: str = "The relative error of the SDE.") -> Step:
    """Return the last step, the coefficients of the series in canonical form."""
    powers = expansion.removeO().expand().collect(eta, evaluate=False)
    printed = Add(*(tidy(coefficient) * power for power, coefficient in powers.items()))
    remainder = expansion.getO() or 0
    return Step("error", why, Equation(ERROR, printed + remainder))


def _variance(step: str) -> Callable[[int], tuple[Step, ...]]:
    """Return the comparison of a stationary variance, a step of `stationary_covariance`."""

    def steps(order: int) -> tuple[Step, ...]:
        langevin = stationary_covariance("langevin")[step].subs(zeta, 0)
        exact = stationary_covariance("exact")[step].subs(zeta, 0)
        return _compared(langevin, exact, order)

    return steps


def _correlation(order: int) -> tuple[Step, ...]:
    """Return the correlation of position and velocity, which the SDE has as 0."""
    exact = stationary_covariance("exact")
    variances = exact["position"] * exact["velocity"]
    square = tidy((exact["cross"] ** 2 / variances).subs(zeta, 0))
    correlation = sqrt(square, evaluate=False)
    error = Step("error", "The absolute error of the SDE.", Equation(ERROR, -correlation))
    return (*_both(Integer(0), correlation), error)


def _damping(order: int) -> tuple[Step, ...]:
    """Compare the rates of the envelope of an underdamped mode."""
    langevin = tidy(underdamped_sde()["gamma"] * eta)
    exact = -log(propagator("underdamped")["r"]).expand(force=True)
    why = "The relative error, the same at every lr."
    error = Step("error", why, Equation(ERROR, langevin / exact - 1))
    return (*_both(langevin, exact), error)


def _threshold(order: int) -> tuple[Step, ...]:
    """Compare the curvatures at which oscillation sets in."""
    langevin = propagator("critical", "langevin").explicit("h_lambda")
    exact = propagator("critical", "exact").explicit("h_lambda")
    relative = tidy((langevin / exact - 1).subs(beta, r**2)).subs(r, sqrt(beta))
    why = "The relative error of the curvature at given lr."
    return (*_both(langevin, exact), Step("error", why, Equation(ERROR, relative)))


def _frequency(order: int) -> tuple[Step, ...]:
    """Expand sqrt(lr h_lambda) over the exact angle acos(1 - lr h_lambda / 2)."""
    sde = propagator("underdamped", "langevin")
    # the angle per step without damping: lr delta at beta = 1
    rates = {omega**2: sde["omega"], gamma: sde["gamma"]}
    square = sde["delta"].subs(rates).subs(beta, 1)
    langevin = sqrt(simplify(eta**2 * square))
    exact = propagator("underdamped").explicit("theta").subs(beta, 1)
    # acos(1 - u^2 / 2) = 2 asin(u / 2) with u = sqrt(lr h_lambda), whose series SymPy finds sooner
    u = Symbol("u", positive=True)
    ratio = series(u / (2 * asin(u / 2)) - 1, u, 0, 2 * order + 2).removeO()
    expansion = ratio.subs(u, sqrt(eta * h_lambda)) + Order(eta ** (order + 1))
    return (*_both(langevin, exact), _error(expansion))


def _slow_rate(order: int) -> tuple[Step, ...]:
    """Compare the rates of the slow mode of an overdamped direction."""
    langevin, exact = _slow_rates()
    error = _quotient(_over_lr(langevin), _over_lr(exact)) - 1
    return (
        Step(
            "langevin",
            "The rate of the slow mode per step, in the SDE.",
            _expression(langevin, order + 1),
        ),
        Step("exact", "In the algorithm.", _expression(exact, order + 1)),
        _error(_expression(error, order)),
    )


def _mean(order: int) -> tuple[Step, ...]:
    """Compare the means from the same x_0 and v_0."""
    return (_error(_mean_error(_constant(v0), order)),)


def _matched_mean(order: int) -> tuple[Step, ...]:
    """Compare the means, the SDE started at the velocity that matches the slow amplitudes."""
    # amplitude of the SDE's slow mode: (lr v + x_0 (lr gamma + lr delta)) / (2 lr delta)
    twice_amplitude = 2 * rs_mul(_exact_amplitude(), _sde_root(), LR, CUT)
    from_position = _constant(x0) * (_friction() + _sde_root())
    start = _over_lr(twice_amplitude - from_position)
    matched = _expression(start, 0).removeO()
    return (
        Step(
            "matched_velocity",
            "The SDE's slow mode has the algorithm's amplitude to first order.",
            Equation(MATCHED, matched),
        ),
        _error(_mean_error(_constant(matched), order)),
    )


def _constant(expression: Expr) -> Series:
    """Return a series with this constant term only."""
    return RING(FIELD.from_sympy(expression))


def _quotient(numerator: Series, denominator: Series) -> Series:
    """Return the quotient of two series; the constant term of the denominator is not 0."""
    return rs_mul(numerator, rs_series_inversion(denominator, LR, CUT), LR, CUT)


def _friction() -> Series:
    """Return lr gamma = (1 - beta) / (1 + beta)."""
    return _constant((1 - beta) / (1 + beta))


def _discriminant() -> Series:
    """Return 1 - 2 lr h_lambda (1 + beta) / (1 - beta)^2."""
    slope = 2 * h_lambda * (1 + beta) / (1 - beta) ** 2
    return 1 - _constant(slope) * LR


@cache
def _sde_root() -> Series:
    """Return lr delta = sqrt((lr gamma)^2 - (lr omega)^2) of an overdamped mode."""
    return _friction() * rs_nth_root(_discriminant(), 2, LR, CUT)


@cache
def _exact_root() -> Series:
    """Return sqrt((1 + beta - lr h_lambda)^2 - 4 beta), the exact eigenvalues' difference."""
    # over (1 - beta)^2 this is the SDE's discriminant and a term of second order
    second = h_lambda**2 / (1 - beta) ** 2
    inside = _discriminant() + _constant(second) * LR**2
    return _constant(1 - beta) * rs_nth_root(inside, 2, LR, CUT)


def _exact_eigenvalue(sign: int) -> Series:
    """Return (1 + beta - lr h_lambda +- root) / 2: the slow eigenvalue at +1, the fast at -1."""
    trace = _constant(1 + beta) - _constant(h_lambda) * LR
    return (trace + sign * _exact_root()) / 2


@cache
def _slow_rates() -> tuple[Series, Series]:
    """Return the slow mode's rate per step in the SDE and in the algorithm."""
    return _friction() - _sde_root(), -rs_log(_exact_eigenvalue(1), LR, CUT)


def _exact_amplitude() -> Series:
    """Return the slow mode's amplitude: [(M - fast) z_0]_x over the eigenvalues' difference."""
    entry = 1 - _constant(h_lambda) * LR  # M_xx
    position = _constant(x0) * (entry - _exact_eigenvalue(-1))
    projected = position + _constant(beta * v0) * LR
    return _quotient(projected, _exact_root())


def _mean_error(start: Series, order: int) -> Expr:
    """Return the relative error of the mean at a fixed time t, the SDE started at `start`.

    Both means are amplitude * exp(-rate t / lr) of their slow modes; `start` is a velocity.
    """
    projected = start * LR + _constant(x0) * (_friction() + _sde_root())
    sde_amplitude = _quotient(projected, 2 * _sde_root())
    amplitudes = _quotient(sde_amplitude, _exact_amplitude())
    langevin, exact = _slow_rates()
    exponentials = rs_exp(_over_lr(exact - langevin) * _constant(t), LR, CUT)
    ratio = rs_mul(amplitudes, exponentials, LR, CUT)
    return _expression(ratio - 1, order)


def _over_lr(power_series: Series) -> Series:
    """Return the series over lr; its constant term is 0."""
    shifted = {(n - 1,): coefficient for (n,), coefficient in power_series.items()}
    return RING.from_dict(shifted)


def _expression(power_series: Series, order: int) -> Expr:
    """Return the series up to lr^order, with its O."""
    terms: list[Expr] = []
    for (n,), coefficient in power_series.items():
        if n <= order:
            terms.append(tidy(FIELD.to_sympy(coefficient)) * eta**n)
    return Add(*terms) + Order(eta ** (order + 1))


QUANTITIES: dict[str, Callable[[int], tuple[Step, ...]]] = {
    "position_variance": _variance("position"),
    "velocity_variance": _variance("velocity"),
    "correlation": _correlation,
    "damping": _damping,
    "threshold": _threshold,
    "frequency": _frequency,
    "slow_rate": _slow_rate,
    "mean": _mean,
    "matched_mean": _matched_mean,
}
