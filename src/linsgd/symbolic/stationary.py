r"""Stationary covariance of phase space: Lyapunov's equation, discrete and continuous.

The law of (x, v) along one eigenvector is stationary when a step leaves its covariance P unchanged,

    exact:    P = M P M' + sigma_g^2 N N',            Langevin:  A P + P A' = diffusion,

with sigma_g^2 the stationary variance of the minibatch gradient along the eigenvector. This holds
for every noise of mean zero, also when its variance depends on the state. The SDEs freeze it at
sigma_g^2 = sigma^2 rho / b; the algorithm's own, with Gaussian features, grows with the spread of
x, which closes the equations.
"""

from functools import cache

from sympy import Expr, IndexedBase, Integer, Matrix, Sum, Symbol, solve

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step, equation
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
    rho,
    sigma,
    sigma_g,
    tau,
    tidy,
    v,
    x,
)
from linsgd.symbolic.update import FROZEN_NOISE, underdamped_sde, update_rule

THEORIES = ("exact", "langevin", "diffusion")
P_xx, P_xv, P_vv = Symbol("P_xx"), Symbol("P_xv"), Symbol("P_vv")
P = Matrix([[P_xx, P_xv], [P_xv, P_vv]])


@cache
def stationary_covariance(theory: str = "exact", nesterov: bool = False) -> Derivation:
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
        SDEs; in the exact theory for d Gaussian features of equal variance rho and a minimiser that
        weight decay does not move (no decay, or optimum 0).

    Raises
    ------
    ValueError
        If `theory` is not one of the three, or Nesterov's SDE is asked for.

    Examples
    --------
    >>> stationary_covariance("exact", nesterov=True)["velocity"]
    2*sigma_g**2/((-eta*h*(2*beta + 1) + 2*(beta + 1))*(beta*eta*h - beta + 1))
    """
    domains.choice("theory", theory, THEORIES)
    if domains.boolean("nesterov", nesterov) and theory != "exact":
        domains.refuse("nesterov", True, "False for an SDE")
    if theory == "exact":
        return _exact(nesterov)
    return _langevin() if theory == "langevin" else _diffusion()


def _exact(nesterov: bool) -> Derivation:
    rule = update_rule(nesterov)
    M, N = rule["transition"], rule["noise"]
    position, cross, velocity = _solve(M * P * M.T + sigma_g**2 * N * N.T - P)
    feedback = rho * (sigma**2 + (d + 1) * rho * Var(x)) / b
    noise = solve(feedback.subs(Var(x), chi * sigma_g**2) - sigma_g**2, sigma_g**2)[0]
    return Derivation(
        "The exact stationary covariance" + (" of Nesterov's SGD" if nesterov else ""),
        (
            Step("transition", "One step.", equation(Symbol("M"), M)),
            Step("N", "The gradient noise enters through N.", equation(Symbol("N"), N)),
            *_moments(position, cross, velocity),
            Step(
                "response",
                "The variance that a unit of noise sustains.",
                equation(chi, position / sigma_g**2),
            ),
            Step(
                "feedback",
                "With Gaussian features the spread of x feeds the noise.",
                equation(sigma_g**2, feedback),
            ),
            Step("noise", "Solved for the noise.", equation(sigma_g**2, noise.collect(chi, tidy))),
            _matrix(position, cross, velocity),
        ),
    )


@cache
def gradient_noise() -> Derivation:
    """Derive the exact stationary variance of the minibatch gradient for Gaussian features of any spectrum.

    Along eigenvector l its variance is rho_l (sigma^2 + R + rho_l Var x_l) / b, with R = sum_l
    rho_l Var x_l over the spectrum; the response chi_l turns it back into Var x_l. The minimiser is
    one that weight decay does not move (no decay, or optimum 0).

    Returns
    -------
    Derivation
        Steps "feedback", "spread" (Var x_l), "gain" (G, which closes the loop), "risk" (R),
        "threshold" (G = 1 without weight decay: at its smallest positive root in lr the variance
        ceases to exist) and, last, "noise".

    Examples
    --------
    >>> gradient_noise().result
    sigma**2*rho[l]/((1 - G)*(b - chi[l]*rho[l]**2))
    """
    R, V, l_ = Symbol("R"), Symbol("V"), Symbol("l", integer=True)
    modes = {rho: IndexedBase("rho")[l_], chi: IndexedBase("chi")[l_]}
    feedback = rho * (sigma**2 + R + rho * V) / b
    spread = tidy(solve(chi * feedback - V, V)[0])
    gain = tidy(rho * spread / (sigma**2 + R))
    risk = tidy(solve(G * (sigma**2 + R) - R, R)[0])
    noise = tidy(feedback.subs(V, spread).subs(R, risk))
    response = stationary_covariance("exact")["response"].subs({tau: 0, h: rho})
    undecayed = tidy(gain.subs(chi, response))
    return Derivation(
        "The gradient noise of any spectrum",
        (
            Step(
                "feedback",
                "The noise along eigenvector l, fed by the spread along all.",
                feedback.subs(modes),
            ),
            Step(
                "spread",
                "The position variance that sustains itself.",
                equation(V, spread.subs(modes)),
            ),
            Step("gain", "Its part of R, summed.", equation(G, Sum(gain.subs(modes), (l_, 1, d)))),
            Step("risk", "The loop closes while G < 1.", equation(R, risk)),
            Step(
                "threshold",
                "Without decay, critical.",
                equation(Sum(undecayed.subs(modes), (l_, 1, d)), Integer(1)),
            ),
            Step("noise", "The noise.", noise.subs(modes)),
        ),
    )


def _langevin() -> Derivation:
    sde = underdamped_sde()
    A, diffusion = sde["drift"], sde["diffusion"]
    position, cross, velocity = _solve(A * P + P * A.T - diffusion)
    return Derivation(
        "The stationary covariance of the Langevin equation",
        (
            *(step for step in sde.steps if step.name in ("drift", "diffusion")),
            *_moments(position, cross, velocity),
            FROZEN_NOISE,
            _matrix(position, cross, velocity),
        ),
    )


def _diffusion() -> Derivation:
    rate, push = h / (1 - beta), eta * sigma_g**2 / (1 - beta) ** 2
    position = tidy(solve(2 * rate * P_xx - push, P_xx)[0])
    return Derivation(
        "The stationary covariance of the first-order SDE",
        (
            Step(
                "drift",
                "Without inertia the friction balances the force: dx = -a x dt + noise.",
                equation(Symbol("a"), rate),
            ),
            Step("diffusion", "The variance that the noise adds in a unit of time.", push),
            Step("position", "The variance at which both balance.", equation(Var(x), position)),
            FROZEN_NOISE,
            Step(
                "covariance", "A position alone: the velocity is white noise.", Matrix([[position]])
            ),
        ),
    )


def _solve(residual: Matrix) -> tuple[Expr, Expr, Expr]:
    """Solve a symmetric 2 x 2 equation, linear in P, for (P_xx, P_xv, P_vv)."""
    solution = solve(
        [residual[0, 0], residual[0, 1], residual[1, 1]], [P_xx, P_xv, P_vv], dict=True
    )[0]
    return tuple(tidy(solution[p]) for p in (P_xx, P_xv, P_vv))


def _moments(position: Expr, cross: Expr, velocity: Expr) -> tuple[Step, Step, Step]:
    return (
        Step("position", "Solved: the position's variance.", equation(Var(x), position)),
        Step("velocity", "The velocity's variance.", equation(Var(v), velocity)),
        Step("cross", "Their covariance.", equation(Cov(x, v), cross)),
    )


def _matrix(position: Expr, cross: Expr, velocity: Expr) -> Step:
    matrix = Matrix([[position, cross], [cross, velocity]])
    return Step("covariance", "The covariance of (x, v).", equation(Symbol("P"), matrix))
