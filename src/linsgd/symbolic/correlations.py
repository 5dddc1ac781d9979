r"""Stationary autocorrelations and the mean squared displacement of the weights.

Stationarity makes Cov(z_{s+k}, z_s) = M^k P (exact) or exp(-A t) P (SDE). The mean squared
displacement from a stationary start is E(x_{s+k} - x_s)^2 = 2 Var x (1 - R_k) with R the position's
autocorrelation; from a fixed start z_0 it is the squared mean displacement plus the variance
P - M^k P M'^k gathered since.
"""

from functools import cache

from sympy import Expr, Function, Matrix, Symbol, exp, limit, series, symbols, tanh

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.propagators import REGIMES, Regime, U, propagator
from linsgd.symbolic.stationary import THEORIES, Theory, stationary_covariance
from linsgd.symbolic.symbols import E, beta, eta, k, t, tidy, v, v0, x0, zeta

R, C = Function("R"), Function("C")
V = Symbol("V", positive=True)
NAMES = {
    "exact": "the algorithm",
    "langevin": "the Langevin equation",
    "diffusion": "the first-order SDE",
}
K_xx, K_xv = symbols("K_xx K_xv", real=True)


@cache
def autocorrelation(theory: Theory = "exact", regime: Regime = "underdamped") -> Derivation:
    """Derive the stationary autocorrelations of position and velocity along one eigenvector.

    Parameters
    ----------
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm in steps k, or an SDE in its time t = lr * steps.
    regime : {"underdamped", "critical", "overdamped", "alternating"}
        See `propagator`; the first-order SDE has only one and ignores it.

    Returns
    -------
    Derivation
        Steps "velocity" (C) and, last, "position" (R), both 1 at lag 0.

    Notes
    -----
    R_k = (M^k P)_xx / P_xx and C_k = (M^k P)_vv / P_vv, for any gradient noise.

    See Also
    --------
    linsgd.autocorrelation : The numbers.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.autocorrelation("langevin", "critical").result
    (gamma*t + 1)*exp(-gamma*t)
    """
    domains.choice("theory", theory, THEORIES)
    domains.choice("regime", regime, REGIMES)
    if theory == "diffusion":
        return _first_order()
    propagation = propagator(regime, theory)
    lag = k if theory == "exact" else t
    P = stationary_covariance(theory).result.subs(zeta, 0)
    lagged = propagation.result * P
    position = _by_powers(lagged[0, 0] / P[0, 0])
    velocity = _by_powers(lagged[1, 1] / P[1, 1])
    return Derivation(
        f"The autocorrelations of {NAMES[theory]}, {regime}",
        (
            *propagation.steps,
            Step("covariance", "The stationary covariance.", Equation(Symbol("P"), P)),
            Step("velocity", "The velocity's autocorrelation.", Equation(C(lag), velocity)),
            Step("position", "The position's autocorrelation.", Equation(R(lag), position)),
        ),
        propagation.scope,
    )


def _first_order() -> Derivation:
    """Return the autocorrelation of the first-order SDE, one exponential."""
    covariance = stationary_covariance("diffusion")
    rate = covariance["drift"]
    decay = exp(-rate * t)
    return Derivation(
        f"The autocorrelation of {NAMES['diffusion']}",
        (
            Step("drift", "The position relaxes at one rate.", Equation(Symbol("a"), rate)),
            Step("position", "The position's autocorrelation.", Equation(R(t), decay)),
        ),
        covariance.scope,
    )


def _by_powers(expression: Expr) -> Expr:
    """Collect an exact answer in U_k; an SDE's has none and stays as it is."""
    powers = expression.free_symbols & set(U.values())
    if not powers:
        return expression
    return expression.expand().collect(list(powers), tidy)


@cache
def displacement(theory: Theory = "exact", regime: Regime = "underdamped") -> Derivation:
    """Derive the mean squared displacement of the weights along one eigenvector.

    Parameters
    ----------
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm in steps k, or an SDE in its time t = lr * steps.
    regime : {"underdamped", "critical", "overdamped", "alternating"}
        See `propagator`; the first-order SDE has only one and ignores it.

    Returns
    -------
    Derivation
        Steps "variance" (V, for any gradient noise), "local" (one step, from stationarity; not for
        the first-order SDE), "fixed_start" (from (x_0, v_0), with a noise variance that stays
        constant; likewise) and, last, "global": E(x_{s+k} - x_s)^2 from stationarity.

    Notes
    -----
    From stationarity E(x_{s+k} - x_s)^2 = 2 V (1 - R_k), with R the position's autocorrelation.

    See Also
    --------
    linsgd.displacement : The numbers, summed over a spectrum.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.displacement("diffusion").result
    2*V*(1 - exp(-h_lambda*t/(1 - beta)))
    """
    memory = autocorrelation(theory, regime)
    P = stationary_covariance(theory).result.subs(zeta, 0)
    variance = Step("variance", "The position variance.", Equation(V, P[0, 0]))
    steps = [*memory.steps, variance]
    if theory != "diffusion":
        local = Equation(E(eta**2 * v**2), eta**2 * P[1, 1])
        steps.append(Step("local", "One step is lr v.", local))
        steps.extend(_fixed_start(memory["propagator"], P))
    moved = E(Symbol("Delta_k" if theory == "exact" else "Delta_t") ** 2)
    travelled = Equation(moved, 2 * V * (1 - memory.result))
    steps.append(Step("global", "The displacement from a stationary start.", travelled))
    title = "The displacement" + memory.title[memory.title.index(" of ") :]
    return Derivation(title, tuple(steps), memory.scope)


def _fixed_start(propagator: Matrix, P: Matrix) -> tuple[Step, ...]:
    """Return E(x_k - x_0)^2 from (x_0, v_0): the mean's square and (P - K P K')_xx."""
    P_xv = P[0, 1]
    P_vv = P[1, 1]
    mean = (K_xx - 1) * x0 + K_xv * v0
    gathered = V * (1 - K_xx**2) - 2 * P_xv * K_xx * K_xv - P_vv * K_xv**2
    return (
        Step(
            "K_xx",
            "The propagator's entry from position to position.",
            Equation(K_xx, propagator[0, 0]),
        ),
        Step(
            "K_xv",
            "The propagator's entry from velocity to position.",
            Equation(K_xv, propagator[0, 1]),
        ),
        Step(
            "fixed_start",
            "From a fixed start: the mean displacement squared, and the variance gathered since.",
            mean**2 + gathered,
        ),
    )


@cache
def summed_displacement() -> Derivation:
    """Derive the unbounded growth of the SDE's velocity correlations summed over steps.

    Returns
    -------
    Derivation
        Steps "rate" (u, the damping per step), "sum" (with the two modes' rates per step), "growth"
        (as lr -> 0) and, last, "series" in u.

    Notes
    -----
    The displacement is also written as the local displacement times t + 2 sum_k (t - k) C(lr k):
    exact with the algorithm's own correlations, whose full sum 1 + 2 sum_k C vanishes. With the
    SDE's, sampled at the steps, it does not, and the displacement grows without bound.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.summed_displacement().result
    u/3 - u**3/45 + O(u**4)
    """
    u, slow, fast = symbols("u a_1 a_2", positive=True)
    exponentials = fast * exp(-fast * k) - slow * exp(-slow * k)
    correlation = exponentials / (fast - slow)
    # sum_k e^{-a k} = 1 / (e^a - 1), for each of the two rates
    geometric = {exp(-rate * k): 1 / (exp(rate) - 1) for rate in (slow, fast)}
    total = 1 + 2 * correlation.subs(geometric)
    as_lr_vanishes = limit(total.subs(fast, 2 * u), slow, 0)
    growth = as_lr_vanishes.rewrite(tanh).simplify().expand()
    return Derivation(
        "The spurious growth of the summed displacement",
        (
            Step("rate", "The damping per step.", Equation(u, (1 - beta) / (1 + beta))),
            Step(
                "correlation",
                "The velocity's correlation at step k, by the two modes' rates.",
                Equation(C(k), correlation),
            ),
            Step("sum", "Summed over all lags, each mode a geometric series.", total),
            Step("growth", "As lr goes to 0 one rate vanishes and the other tends to 2 u.", growth),
            Step("series", "For large momentum.", series(growth, u, 0, 4)),
        ),
        stationary_covariance("langevin").scope,
    )
