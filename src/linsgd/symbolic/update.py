r"""From the update rule to the underdamped Langevin equation.

Along one eigenvector, with x the position from the minimiser, v = -buf and the gradient
g = h_lambda x + xi, a step of SGD is the linear map z -> M z + N xi of z = (x, v). Without its
velocity it is a second difference; the two-sided Taylor expansion of that to second order, in the
time t = lr * steps, is the SDE of Kunin et al. (2024).
"""

from functools import cache

from sympy import Derivative, Expr, Function, Matrix, Symbol, expand, solve, sqrt

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.symbols import (
    b,
    beta,
    eta,
    gamma,
    h,
    h_lambda,
    omega,
    sigma,
    sigma_g,
    t,
    tidy,
    v,
    x,
    zeta,
)

xi = Symbol("xi", real=True)  # the error of the minibatch gradient, variance sigma_g^2
g = Symbol("g", real=True)  # the minibatch gradient
X_BEFORE = Symbol("x_{k-1}")
X_NOW = Symbol("x_k")
X_NEXT = Symbol("x_{k+1}")
V_NOW, V_NEXT = Symbol("v_k"), Symbol("v_{k+1}")
FROZEN_NOISE = Step(
    "noise",
    "The gradient noise, frozen at the minimiser.",
    Equation(sigma_g**2, sigma**2 * h / b),
)


@cache
def update_rule(nesterov: bool = False) -> Derivation:
    """Derive one step of torch's SGD as a linear map of phase space.

    Parameters
    ----------
    nesterov : bool
        Nesterov's update, without dampening as in torch.

    Returns
    -------
    Derivation
        Steps "gradient", "velocity", "position", "noise" (N) and, last, "transition" (M).

    Notes
    -----
    One step is z' = M z + N xi of z = (x, v), with xi the error of the minibatch gradient.

    See Also
    --------
    propagator : The powers of M.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.update_rule().result
    Matrix([
    [-eta*h_lambda*(1 - zeta) + 1, beta*eta],
    [         -h_lambda*(1 - zeta),     beta]])
    """
    domains.boolean("nesterov", nesterov)
    weight = 1 if nesterov else 1 - zeta
    buffer = -beta * v + weight * g
    step = g + beta * buffer if nesterov else buffer
    state = Matrix([x - eta * step, -buffer]).subs(g, h_lambda * x + xi)
    transition = state.jacobian([x, v]).applyfunc(tidy)
    noise = state.jacobian([xi]).applyfunc(tidy)
    now = {x: X_NOW, v: V_NOW}
    gradient = Equation(g, h_lambda * x + xi)
    velocity = Equation(V_NEXT, -buffer.subs(now))
    position = Equation(X_NEXT, (x - eta * step).subs(now))
    return Derivation(
        "One step of " + ("Nesterov's SGD" if nesterov else "SGD with momentum"),
        (
            Step("gradient", "The minibatch gradient along one eigenvector.", gradient),
            Step("velocity", "The velocity is minus torch's momentum buffer.", velocity),
            Step("position", "The position moves along the update.", position),
            Step("noise", "The error of the gradient enters the state through N.", noise),
            Step("transition", "The state is multiplied by M.", transition),
        ),
        Scope(nesterov=nesterov),
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

    References
    ----------
    .. [1] D. Kunin et al., "The limiting dynamics of SGD: modified loss, phase-space oscillations,
       and anomalous diffusion", Neural Computation 36, 2024.

    See Also
    --------
    lr_expansion : The error of this equation.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.underdamped_sde()["dropped"]
    eta**2*(1 - beta)*Derivative(x(t), (t, 3))/6
    """
    path = Function("x")
    change = X_NEXT - X_NOW
    change_before = X_NOW - X_BEFORE
    second_difference = (change - beta * change_before) / eta
    kept, dropped = _two_sided_taylor(second_difference)
    # kept = -g, solved for x'': the force, and its share of the gradient
    acceleration = solve(kept + g, Derivative(path(t), (t, 2)))[0]
    force = acceleration.subs({Derivative(path(t), t): v, g: h_lambda * x})
    rates = Matrix([v, force])
    drift = -rates.jacobian([x, v]).applyfunc(tidy)
    # a step of length eta adds the impulse eta xi: white noise of intensity eta sigma_g^2
    response = acceleration.diff(g)
    intensity = tidy(response**2 * eta * sigma_g**2)
    damping = tidy(drift[1, 1] / 2)
    return Derivation(
        "From SGD to the underdamped Langevin equation",
        (
            Step(
                "second difference",
                "With the velocity v = (x' - x) / lr eliminated, a step is a second difference.",
                Equation(second_difference, -g),
            ),
            Step("taylor", "Its Taylor expansion about t = lr k, to both sides.", kept + dropped),
            Step("dropped", "The first term that is left out.", dropped),
            Step("newton", "The rest is Newton's equation with friction.", Equation(kept, -g)),
            Step("drift", "In phase space, with the mean gradient: the drift -A z.", drift),
            Step(
                "diffusion",
                "Each step adds an independent impulse: white noise of this covariance.",
                Matrix([[0, 0], [0, intensity]]),
            ),
            FROZEN_NOISE,
            Step("gamma", "The damping rate.", Equation(gamma, damping)),
            Step("omega", "The frequency without damping.", Equation(omega**2, drift[1, 0])),
            Step("sde", "The SDE.", _stochastic_equation(intensity)),
        ),
        Scope(Features.LAW, dampening=False),
    )


def _two_sided_taylor(second_difference: Expr) -> tuple[Expr, Expr]:
    """Return the terms up to order lr of the second difference of x(t), and that of order lr^2."""
    path = Function("x")
    series = {
        X_NEXT: path(t + eta).series(eta, 0, 4).removeO().doit(),
        X_NOW: path(t),
        X_BEFORE: path(t - eta).series(eta, 0, 4).removeO().doit(),
    }
    powers = expand(second_difference.subs(series)).collect(eta, evaluate=False)
    terms = [tidy(powers[eta**n]) * eta**n for n in range(3)]
    return terms[0] + terms[1], terms[2]


def _stochastic_equation(intensity: Expr) -> Equation:
    """Return (x', v') = (v, force + white noise), W a Wiener process."""
    position, velocity, wiener = (Function(name)(t) for name in ("x", "v", "W"))
    white_noise = sqrt(intensity) * wiener.diff(t)
    force = -(omega**2) * position - 2 * gamma * velocity + white_noise
    rates = Matrix([position.diff(t), velocity.diff(t)])
    return Equation(rates, Matrix([velocity, force]))
