r"""From the update rule to the underdamped Langevin equation.

Along one eigenvector, with x the position from the minimiser, v = -buf and gradient g = h x + xi, a
step of SGD is the linear map z -> M z + N xi of z = (x, v). Without its velocity it is a second
difference; its two-sided Taylor expansion to second order, in the time t = lr * steps, is the SDE
of Kunin et al. (2024).
"""

from functools import cache

from sympy import Derivative, Eq, Expr, Function, Matrix, Symbol, expand, solve, sqrt

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step, equation
from linsgd.symbolic.symbols import (
    b,
    beta,
    eta,
    gamma,
    h,
    omega,
    rho,
    sigma,
    sigma_g,
    t,
    tau,
    tidy,
    v,
    x,
)

xi = Symbol("xi", real=True)  # the minibatch gradient's error, variance sigma_g^2
g = Symbol("g", real=True)
NOW = {x: Symbol("x_k"), v: Symbol("v_k")}
NEXT_X, NEXT_V = Symbol("x_{k+1}"), Symbol("v_{k+1}")
FROZEN_NOISE = Step(
    "noise",
    "The gradient noise, frozen at the minimiser.",
    equation(sigma_g**2, sigma**2 * rho / b),
)


@cache
def update_rule(nesterov: bool = False) -> Derivation:
    """Return one step of torch's SGD as a linear map of phase space.

    Parameters
    ----------
    nesterov : bool
        Nesterov's update, without dampening as in torch.

    Returns
    -------
    Derivation
        Steps "gradient", "velocity", "position", "noise" (N) and, last, "transition" (M).

    Examples
    --------
    >>> update_rule().result
    Matrix([
    [-eta*h*(1 - tau) + 1, beta*eta],
    [         -h*(1 - tau),     beta]])
    """
    domains.boolean("nesterov", nesterov)
    weight = 1 if nesterov else 1 - tau
    buffer = -beta * v + weight * g
    step = g + beta * buffer if nesterov else buffer
    state = Matrix([x - eta * step, -buffer]).subs(g, h * x + xi)
    transition, noise = (state.jacobian(letters).applyfunc(tidy) for letters in ([x, v], [xi]))
    return Derivation(
        "One step of " + ("Nesterov's SGD" if nesterov else "SGD with momentum"),
        (
            Step(
                "gradient", "The minibatch gradient along one eigenvector.", equation(g, h * x + xi)
            ),
            Step(
                "velocity",
                "The velocity is minus torch's buffer.",
                equation(NEXT_V, -buffer.subs(NOW)),
            ),
            Step(
                "position",
                "The position moves by it.",
                equation(NEXT_X, (x - eta * step).subs(NOW)),
            ),
            Step("noise", "The gradient's error enters through N.", noise),
            Step("transition", "The state goes through M.", transition),
        ),
    )


@cache
def underdamped_sde() -> Derivation:
    """Derive the underdamped Langevin equation dz = -A z dt + noise from the update rule.

    Returns
    -------
    Derivation
        Steps "second difference", "taylor", "dropped" (the first term left out), "newton", "drift"
        (A), "diffusion" (the covariance that the noise adds in a unit of time), "noise", the
        letters "gamma" and "omega", and, last, "sde".

    Examples
    --------
    >>> underdamped_sde()["dropped"]
    eta**2*(1 - beta)*Derivative(x(t), (t, 3))/6
    """
    position, before, after = Function("x"), Symbol("x_{k-1}"), NEXT_X
    second_difference = ((after - NOW[x]) - beta * (NOW[x] - before)) / eta
    series = {
        after: position(t + eta).series(eta, 0, 4).removeO().doit(),
        before: position(t - eta).series(eta, 0, 4).removeO().doit(),
        NOW[x]: position(t),
    }
    powers = expand(second_difference.subs(series)).collect(eta, evaluate=False)
    kept = sum(tidy(powers[eta**n]) * eta**n for n in (0, 1))
    velocity, acceleration = Derivative(position(t), t), Derivative(position(t), (t, 2))
    force = solve(kept + g, acceleration)[0].subs({velocity: v, g: h * x})
    drift = -Matrix([v, force]).jacobian([x, v]).applyfunc(tidy)
    push = solve(kept + g, acceleration)[0].diff(g)
    diffusion = Matrix([[0, 0], [0, tidy(push**2 * eta * sigma_g**2)]])
    return Derivation(
        "From SGD to the underdamped Langevin equation",
        (
            Step(
                "second difference",
                "Without the velocity v = (x' - x) / lr, the update rule is a second difference.",
                equation(second_difference, -g),
            ),
            Step(
                "taylor",
                "Taylor's expansion of its left side, to both sides of t = lr k.",
                kept + tidy(powers[eta**2]) * eta**2,
            ),
            Step("dropped", "The first term left out.", tidy(powers[eta**2]) * eta**2),
            Step("newton", "What is kept is Newton's equation with friction.", equation(kept, -g)),
            Step("drift", "In phase space, with the mean gradient h x: the drift -A z.", drift),
            Step(
                "diffusion",
                "A step of length lr adds the impulse lr xi: white noise of intensity lr times its variance.",
                diffusion,
            ),
            FROZEN_NOISE,
            Step("gamma", "The rate of damping.", equation(gamma, tidy(drift[1, 1] / 2))),
            Step("omega", "The frequency without it.", equation(omega**2, drift[1, 0])),
            Step("sde", "The SDE.", _stochastic_equation(diffusion[1, 1])),
        ),
    )


def _stochastic_equation(intensity: Expr) -> Eq:
    motion, speed, wiener = (Function(name)(t) for name in ("x", "v", "W"))
    force = -(omega**2) * motion - 2 * gamma * speed + sqrt(intensity) * wiener.diff(t)
    return equation(Matrix([motion.diff(t), speed.diff(t)]), Matrix([speed, force]))
