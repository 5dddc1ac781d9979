r"""Stationary covariance of phase space: Lyapunov's equation, discrete and continuous.

The law of (x, v) along one eigenvector is stationary when a step leaves its covariance P unchanged,

    exact:    P = M P M' + sigma_g^2 N N',            Langevin:  A P + P A' = diffusion,

with sigma_g^2 the stationary variance of the minibatch gradient along the eigenvector. This holds
for every noise of mean zero, also when its variance depends on the state. The SDEs freeze it at
sigma_g^2 = sigma^2 h / b; the algorithm's own, with Gaussian features, grows with the spread of x,
which closes the equations.
"""

from functools import cache
from typing import Literal

from sympy import Expr, IndexedBase, Integer, Matrix, Sum, Symbol, solve

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.symbols import (
    Cov,
    G,
    Var,
    b,
    beta,
    chi,
    d,
    eta,
    h,
    h_lambda,
    sigma,
    sigma_g,
    tidy,
    v,
    x,
    zeta,
)
from linsgd.symbolic.update import FROZEN_NOISE, underdamped_sde, update_rule

THEORIES = ("exact", "langevin", "diffusion")
Theory = Literal["exact", "langevin", "diffusion"]
P_xx = Symbol("P_xx")
P_xv = Symbol("P_xv")
P_vv = Symbol("P_vv")
P = Matrix([[P_xx, P_xv], [P_xv, P_vv]])


@cache
def stationary_covariance(theory: Theory = "exact", nesterov: bool = False) -> Derivation:
    """Derive the stationary covariance of (x, v) along one eigenvector.

    Parameters
    ----------
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm, the underdamped SDE or the first-order SDE (which has a position
        only).
    nesterov : bool
        Nesterov's update; exact theory only.

    Returns
    -------
    Derivation
        The result, and the steps "position", "velocity" and "cross", hold for any gradient noise,
        in terms of its stationary variance sigma_g^2. Step "noise" is that variance: frozen in the
        SDEs; in the exact theory for d Gaussian features of equal variance h and a minimiser that
        weight decay does not move (no decay, or optimum 0).

    Raises
    ------
    ValueError
        If `theory` is not one of the three, or Nesterov's SDE is requested.

    Notes
    -----
    The exact covariance solves P = M P M' + sigma_g^2 N N', that of an SDE A P + P A' = 2 D.

    See Also
    --------
    linsgd.stationary_moments : The numbers, for any spectrum.
    gradient_noise : The noise of Gaussian features of any spectrum.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.stationary_covariance("exact", nesterov=True)["velocity"]
    2*sigma_g**2/((-eta*h_lambda*(2*beta + 1) + 2*(beta + 1))*(beta*eta*h_lambda - beta + 1))
    """
    domains.choice("theory", theory, THEORIES)
    if domains.boolean("nesterov", nesterov) and theory != "exact":
        domains.refuse("nesterov", True, "False for an SDE")
    if theory == "exact":
        return _exact(nesterov)
    return _langevin() if theory == "langevin" else _diffusion()


def _exact(nesterov: bool) -> Derivation:
    """Solve P = M P M' + sigma_g^2 N N', then for the noise that the spread of x feeds."""
    rule = update_rule(nesterov)
    M = rule["transition"]
    N = rule["noise"]
    position, cross, velocity = _solve(M * P * M.T + sigma_g**2 * N * N.T - P)
    # sigma_g^2 = h (sigma^2 + (d + 1) h Var x) / b, with Var x = chi sigma_g^2
    feedback = h * (sigma**2 + (d + 1) * h * Var(x)) / b
    closed = feedback.subs(Var(x), chi * sigma_g**2)
    noise = solve(closed - sigma_g**2, sigma_g**2)[0]
    response = Equation(chi, position / sigma_g**2)
    return Derivation(
        "The exact stationary covariance" + (" of Nesterov's SGD" if nesterov else ""),
        (
            Step("transition", "One step multiplies the state by M.", Equation(Symbol("M"), M)),
            Step("N", "The gradient noise enters through N.", Equation(Symbol("N"), N)),
            *_moments(position, cross, velocity),
            Step("response", "The position variance per unit of gradient noise.", response),
            Step(
                "feedback",
                "With Gaussian features the gradient noise grows with the spread of x.",
                Equation(sigma_g**2, feedback),
            ),
            Step("noise", "Solved for the noise.", Equation(sigma_g**2, noise.collect(chi, tidy))),
            _matrix(position, cross, velocity),
        ),
        Scope(Features.ISOTROPIC, nesterov=nesterov, fixed_minimiser=True),
    )


@cache
def gradient_noise() -> Derivation:
    """Derive the exact stationary gradient variance for Gaussian features of any spectrum.

    Returns
    -------
    Derivation
        Steps "feedback", "spread" (Var x_l), "gain" (G, which closes the loop), "risk" (R),
        "threshold" (G = 1 without weight decay: at its smallest positive root in lr the variance
        ceases to exist) and, last, "noise".

    Notes
    -----
    Along eigenvector l the variance of the minibatch gradient is
    h_l (sigma^2 + R + h_l Var x_l) / b, with R = sum_l h_l Var x_l over the spectrum; the response
    chi_l turns it back into Var x_l. The minimiser is one that weight decay does not move (no
    decay, or optimum 0).

    See Also
    --------
    stationary_covariance : Its step "response" is chi_l.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.gradient_noise().result
    sigma**2*h[l]/((1 - G)*(b - chi[l]*h[l]**2))
    """
    R = Symbol("R")
    V = Symbol("V")
    l_ = Symbol("l", integer=True)
    modes = {h: IndexedBase("h")[l_], chi: IndexedBase("chi")[l_]}
    # Var x_l = chi_l * noise_l, solved for Var x_l; then R = G (sigma^2 + R), solved for R
    feedback = h * (sigma**2 + R + h * V) / b
    spread = tidy(solve(chi * feedback - V, V)[0])
    gain = tidy(h * spread / (sigma**2 + R))
    risk = tidy(solve(G * (sigma**2 + R) - R, R)[0])
    noise = tidy(feedback.subs(V, spread).subs(R, risk))
    response = stationary_covariance("exact")["response"].subs({zeta: 0, h_lambda: h})
    undecayed = tidy(gain.subs(chi, response))

    def summed(expression: Expr) -> Sum:
        return Sum(expression.subs(modes), (l_, 1, d))

    return Derivation(
        "The gradient noise of any spectrum",
        (
            Step(
                "feedback",
                "The noise along eigenvector l grows with the spread along all of them.",
                feedback.subs(modes),
            ),
            Step("spread", "The position variance, solved for.", Equation(V, spread.subs(modes))),
            Step(
                "gain",
                "The share of R that each mode feeds back, summed.",
                Equation(G, summed(gain)),
            ),
            Step("risk", "R is finite while G < 1.", Equation(R, risk)),
            Step(
                "threshold",
                "Without weight decay the variance ceases to exist where",
                Equation(summed(undecayed), Integer(1)),
            ),
            Step("noise", "The noise.", noise.subs(modes)),
        ),
        Scope(Features.GAUSSIAN, fixed_minimiser=True),
    )


def _langevin() -> Derivation:
    """Solve A P + P A' = 2 D."""
    sde = underdamped_sde()
    A = sde["drift"]
    diffusion = sde["diffusion"]
    position, cross, velocity = _solve(A * P + P * A.T - diffusion)
    return Derivation(
        "The stationary covariance of the Langevin equation",
        (
            *(step for step in sde.steps if step.name in ("drift", "diffusion")),
            *_moments(position, cross, velocity),
            FROZEN_NOISE,
            _matrix(position, cross, velocity),
        ),
        sde.scope,
    )


def _diffusion() -> Derivation:
    """Solve 2 a Var x = diffusion for dx = -a x dt + noise."""
    rate = h_lambda / (1 - beta)
    intensity = eta * sigma_g**2 / (1 - beta) ** 2
    position = tidy(solve(2 * rate * P_xx - intensity, P_xx)[0])
    return Derivation(
        "The stationary covariance of the first-order SDE",
        (
            Step(
                "drift",
                "Without inertia the friction balances the force: dx = -a x dt + noise.",
                Equation(Symbol("a"), rate),
            ),
            Step("diffusion", "The variance that the noise adds in a unit of time.", intensity),
            Step("position", "The variance at which both balance.", Equation(Var(x), position)),
            FROZEN_NOISE,
            Step(
                "covariance",
                "A position alone, as the velocity is white noise.",
                Matrix([[position]]),
            ),
        ),
        underdamped_sde().scope,
    )


def _solve(residual: Matrix) -> tuple[Expr, Expr, Expr]:
    """Solve a symmetric 2 x 2 equation, linear in P, for (P_xx, P_xv, P_vv)."""
    entries = [residual[0, 0], residual[0, 1], residual[1, 1]]
    solution = solve(entries, [P_xx, P_xv, P_vv], dict=True)[0]
    return tuple(tidy(solution[p]) for p in (P_xx, P_xv, P_vv))


def _moments(position: Expr, cross: Expr, velocity: Expr) -> tuple[Step, Step, Step]:
    """Return the steps of the two variances and of the covariance."""
    return (
        Step("position", "Solved for the position's variance.", Equation(Var(x), position)),
        Step("velocity", "The velocity's variance.", Equation(Var(v), velocity)),
        Step("cross", "Their covariance.", Equation(Cov(x, v), cross)),
    )


def _matrix(position: Expr, cross: Expr, velocity: Expr) -> Step:
    """Return the step of the covariance matrix."""
    matrix = Matrix([[position, cross], [cross, velocity]])
    return Step("covariance", "The covariance of (x, v).", Equation(Symbol("P"), matrix))
