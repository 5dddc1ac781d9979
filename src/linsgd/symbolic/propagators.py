r"""How a mean state moves: powers of the exact step M, exponentials of the SDE's drift.

Exact. M satisfies its characteristic equation M^2 = (tr M) M - (det M) I (Cayley and Hamilton), so
that M^k = U_k M - (det M) U_{k-1} I with U_k = (l_1^k - l_2^k) / (l_1 - l_2) of its eigenvalues: a
sine (underdamped), a straight line (critical), a hyperbolic sine (overdamped; above lr h = (1 +
sqrt(momentum))^2 with a sign (-1)^k: alternating).

SDE. A - gamma I is traceless with square (gamma^2 - omega^2) I, which splits the exponential series
into its even and its odd powers.
"""

from functools import cache

from sympy import (
    Expr,
    Function,
    I,
    Integer,
    Matrix,
    Symbol,
    acos,
    acosh,
    exp,
    eye,
    factorial,
    limit,
    oo,
    simplify,
    sin,
    sinh,
    solve,
    sqrt,
    summation,
)

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step, equation
from linsgd.symbolic.symbols import beta, delta, gamma, h, k, omega, r, t, tau, theta, tidy
from linsgd.symbolic.update import underdamped_sde, update_rule

REGIMES = ("underdamped", "critical", "overdamped", "alternating")
THEORIES = ("exact", "langevin")
U = {n: Symbol(name, real=True) for n, name in ((-1, "U_{k-1}"), (0, "U_k"), (1, "U_{k+1}"))}


@cache
def propagator(regime: str, theory: str = "exact") -> Derivation:
    """Derive the matrix that carries a mean state (x, v) over k steps.

    Parameters
    ----------
    regime : {"underdamped", "critical", "overdamped", "alternating"}
        Which way the eigenvalues fall; "critical" is the lower edge, lr h = (1 - sqrt(momentum))^2
        in the exact theory; "alternating" exists only there, above (1 + sqrt(momentum))^2.
    theory : {"exact", "langevin"}
        The discrete algorithm or the SDE.

    Returns
    -------
    Derivation
        The result is M^k in steps, or exp(-A t) in the SDE's time t = lr * steps.

    Examples
    --------
    >>> propagator("critical", "langevin").result
    Matrix([
    [(gamma*t + 1)*exp(-gamma*t),                t*exp(-gamma*t)],
    [    -gamma**2*t*exp(-gamma*t), (-gamma*t + 1)*exp(-gamma*t)]])
    """
    domains.choice("regime", regime, REGIMES)
    if domains.choice("theory", theory, THEORIES) == "exact":
        return _exact(regime)
    domains.choice("regime", regime, REGIMES[:3])
    return _langevin(regime)


def _exact(regime: str) -> Derivation:
    M = update_rule()["transition"].subs(tau, 0)
    condition, power = _eigenvalues(regime, M.trace())
    moved = Matrix([[U[1] - beta * U[0], M[0, 1] * U[0]], [M[1, 0] * U[0], beta * (U[0] - U[-1])]])
    return Derivation(
        f"The exact propagator, {regime}",
        (
            Step("transition", "One step.", equation(Symbol("M"), M)),
            Step(
                "determinant",
                "Phase space contracts by the momentum.",
                equation(Function("det")("M"), M.det().expand()),
            ),
            Step(
                "r",
                "Its root is the modulus of a pair of complex eigenvalues.",
                equation(r, sqrt(beta)),
            ),
            condition,
            *(
                Step(
                    str(U[n]),
                    "The difference quotient of the eigenvalues' powers.",
                    equation(U[n], power.subs(k, k + n)),
                )
                for n in U
            ),
            Step(
                "propagator",
                "By Cayley and Hamilton, the k-th power of M is U_k M - (det M) U_{k-1}.",
                equation(Symbol("M") ** k, moved),
            ),
        ),
    )


def _eigenvalues(regime: str, trace: Expr) -> tuple[Step, Expr]:
    """Return what fixes the pair of eigenvalues, and U_k of it."""
    sign = -1 if regime == "alternating" else 1
    cosine = (sign * trace).expand() / (2 * sqrt(beta))
    if regime == "underdamped":
        angle = Step(
            "theta", "The eigenvalues are r exp(+-i theta).", equation(theta, acos(cosine))
        )
        return angle, r ** (k - 1) * _quotient(I * theta, sin)
    if regime == "critical":
        double = Step(
            "h",
            "Both eigenvalues are r.",
            equation(h, tidy(solve(trace - 2 * r, h)[0].subs(beta, r**2))),
        )
        return double, r ** (k - 1) * limit(_quotient(I * theta, sin), theta, 0)
    ratio = Step(
        "theta",
        f"The eigenvalues are {'-' * (sign < 0)}r exp(+-theta).",
        equation(theta, acosh(cosine)),
    )
    return ratio, (sign * r) ** (k - 1) * _quotient(theta, sinh)


def _quotient(exponent: Expr, function: type[Function]) -> Expr:
    """Return (e^{k a} - e^{-k a}) / (e^a - e^{-a}) as a ratio of sines."""
    difference = [
        (exp(n * exponent) - exp(-n * exponent)).rewrite(function).expand() for n in (k, 1)
    ]
    return simplify(difference[0] / difference[1])


def _langevin(regime: str) -> Derivation:
    sde = underdamped_sde()
    square = {"underdamped": -(delta**2), "critical": Integer(0), "overdamped": delta**2}[regime]
    n = Symbol("n", integer=True, nonnegative=True)
    even = summation(square**n * t ** (2 * n) / factorial(2 * n), (n, 0, oo))
    odd = summation(square**n * t ** (2 * n + 1) / factorial(2 * n + 1), (n, 0, oo))
    traceless = gamma * eye(2) - Matrix([[0, -1], [omega**2, 2 * gamma]])
    flow = exp(-gamma * t) * (even * eye(2) + odd * traceless)
    if regime == "critical":
        flow = flow.subs(omega, gamma)
    return Derivation(
        f"The propagator of the Langevin equation, {regime}",
        (
            *(step for step in sde.steps if step.name in ("drift", "gamma", "omega")),
            _distance(regime),
            Step(
                "square",
                "B = gamma I - A is traceless.",
                equation(Symbol("B") ** 2, (traceless**2).applyfunc(simplify)),
            ),
            Step("even", "The even powers of its exponential series.", even),
            Step("odd", "The odd powers, over B.", odd),
            Step("propagator", "The exponential.", equation(exp(-Symbol("A") * t), flow)),
        ),
    )


def _distance(regime: str) -> Step:
    """Return how far the frequency lies from the damping."""
    if regime == "critical":
        sde = underdamped_sde()
        balance = solve((sde["omega"] - sde["gamma"] ** 2), h)[0]
        return Step("h", "Frequency and damping are equal.", equation(h, tidy(balance)))
    above = omega**2 - gamma**2
    return Step(
        "delta",
        "What is left of the frequency.",
        equation(delta**2, above if regime == "underdamped" else -above),
    )
