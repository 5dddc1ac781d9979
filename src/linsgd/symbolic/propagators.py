r"""Propagation of a mean state: powers of the exact step M, exponentials of the SDE's drift.

Exact. M satisfies its characteristic equation M^2 = (tr M) M - (det M) I (Cayley and Hamilton), so
that M^k = U_k M - (det M) U_{k-1} I with U_k = (l_1^k - l_2^k) / (l_1 - l_2) of its eigenvalues: a
sine (underdamped), linear in k (critical), a hyperbolic sine (overdamped; above
lr h_lambda = (1 + sqrt(momentum))^2 with a sign (-1)^k: alternating).

SDE. A - gamma I is traceless with square (gamma^2 - omega^2) I, which splits the exponential series
into its even and its odd powers.
"""

from functools import cache
from typing import Literal

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
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.scope import Scope
from linsgd.symbolic.symbols import (
    beta,
    delta,
    gamma,
    h_lambda,
    k,
    omega,
    r,
    t,
    theta,
    tidy,
    zeta,
)
from linsgd.symbolic.update import underdamped_sde, update_rule

REGIMES = ("underdamped", "critical", "overdamped", "alternating")
Regime = Literal["underdamped", "critical", "overdamped", "alternating"]
THEORIES = ("exact", "langevin")
# U_{k+n} of the module's docstring
U = {
    -1: Symbol("U_{k-1}", real=True),
    0: Symbol("U_k", real=True),
    1: Symbol("U_{k+1}", real=True),
}

# Where a mode changes its regime: values of lr * h_lambda
_LOWER = (1 - sqrt(beta)) ** 2
_UPPER = (1 + sqrt(beta)) ** 2
_SDE_EDGE = (1 - beta) ** 2 / (2 * (1 + beta))
EDGES = {
    ("exact", "overdamped"): (Integer(0), _LOWER),
    ("exact", "critical"): (_LOWER, _LOWER),
    ("exact", "underdamped"): (_LOWER, _UPPER),
    ("exact", "alternating"): (_UPPER, oo),
    ("langevin", "overdamped"): (Integer(0), _SDE_EDGE),
    ("langevin", "critical"): (_SDE_EDGE, _SDE_EDGE),
    ("langevin", "underdamped"): (_SDE_EDGE, oo),
}


@cache
def propagator(regime: Regime, theory: Literal["exact", "langevin"] = "exact") -> Derivation:
    """Derive the matrix that propagates a mean state (x, v) over k steps.

    Parameters
    ----------
    regime : {"underdamped", "critical", "overdamped", "alternating"}
        The kind of the two eigenvalues; "critical" is the lower edge,
        lr h_lambda = (1 - sqrt(momentum))^2 in the exact theory; "alternating" exists only there,
        above (1 + sqrt(momentum))^2.
    theory : {"exact", "langevin"}
        The discrete algorithm or the SDE.

    Returns
    -------
    Derivation
        The result is M^k in steps, or exp(-A t) in the SDE's time t = lr * steps.

    Notes
    -----
    M^k = U_k M - (det M) U_{k-1} I with U_k = (l_1^k - l_2^k) / (l_1 - l_2) of the eigenvalues of
    the step M.

    See Also
    --------
    linsgd.moments : The mean path, as numbers.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.propagator("critical", "langevin").result
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
    """Derive M^k = U_k M - (det M) U_{k-1} I, with U_k by the kind of the eigenvalues."""
    M = update_rule()["transition"].subs(zeta, 0)
    condition, power = _eigenvalues(regime, M.trace())
    # U_k M - (det M) U_{k-1} I, with U_{k+1} = (tr M) U_k - (det M) U_{k-1} and det M = beta
    from_position = [U[1] - beta * U[0], M[0, 1] * U[0]]
    from_velocity = [M[1, 0] * U[0], beta * (U[0] - U[-1])]
    moved = Matrix([from_position, from_velocity])
    determinant = Equation(Function("det")("M"), M.det().expand())
    quotients = (
        Step(
            str(U[n]),
            "The difference quotient of the eigenvalues' powers.",
            Equation(U[n], power.subs(k, k + n)),
        )
        for n in U
    )
    return Derivation(
        f"The exact propagator, {regime}",
        (
            Step("transition", "One step multiplies the state by M.", Equation(Symbol("M"), M)),
            Step("determinant", "Areas of phase space shrink by the momentum.", determinant),
            Step(
                "r",
                "Its root is the modulus of a pair of complex eigenvalues.",
                Equation(r, sqrt(beta)),
            ),
            condition,
            *quotients,
            Step(
                "propagator",
                "By Cayley and Hamilton, the k-th power of M is U_k M - (det M) U_{k-1}.",
                Equation(Symbol("M") ** k, moved),
            ),
        ),
        Scope(momentum=True, dampening=False, edges=EDGES["exact", regime]),
    )


def _eigenvalues(regime: str, trace: Expr) -> tuple[Step, Expr]:
    """Return the step that fixes the pair of eigenvalues, and U_k of it."""
    sign = -1 if regime == "alternating" else 1
    cosine = (sign * trace).expand() / (2 * sqrt(beta))
    if regime == "underdamped":
        why = "The eigenvalues are r exp(+-i theta)."
        power = r ** (k - 1) * _quotient(I * theta, sin)
        return Step("theta", why, Equation(theta, acos(cosine))), power
    if regime == "critical":
        curvature = tidy(solve(trace - 2 * r, h_lambda)[0].subs(beta, r**2))
        double_root = limit(_quotient(I * theta, sin), theta, 0)
        power = r ** (k - 1) * double_root
        return Step("h_lambda", "Both eigenvalues are r.", Equation(h_lambda, curvature)), power
    why = f"The eigenvalues are {'-' * (sign < 0)}r exp(+-theta)."
    power = (sign * r) ** (k - 1) * _quotient(theta, sinh)
    return Step("theta", why, Equation(theta, acosh(cosine))), power


def _quotient(exponent: Expr, function: type[Function]) -> Expr:
    """Return (e^{k a} - e^{-k a}) / (e^a - e^{-a}) as a ratio of sines."""

    def difference(n: Expr) -> Expr:
        exponentials = exp(n * exponent) - exp(-n * exponent)
        return exponentials.rewrite(function).expand()

    return simplify(difference(k) / difference(Integer(1)))


def _langevin(regime: str) -> Derivation:
    """Derive exp(-A t) from the even and the odd powers of its exponential series."""
    sde = underdamped_sde()
    square = {"underdamped": -(delta**2), "critical": Integer(0), "overdamped": delta**2}[regime]
    n = Symbol("n", integer=True, nonnegative=True)
    # exp(-A t) = exp(-gamma t) exp(B t) of the traceless B = gamma I - A with B^2 = square I
    even_term = square**n * t ** (2 * n) / factorial(2 * n)
    odd_term = square**n * t ** (2 * n + 1) / factorial(2 * n + 1)
    even = summation(even_term, (n, 0, oo))
    odd = summation(odd_term, (n, 0, oo))
    A = Matrix([[0, -1], [omega**2, 2 * gamma]])
    B = gamma * eye(2) - A
    exponential = exp(-gamma * t) * (even * eye(2) + odd * B)
    if regime == "critical":
        exponential = exponential.subs(omega, gamma)
    return Derivation(
        f"The propagator of the Langevin equation, {regime}",
        (
            *(step for step in sde.steps if step.name in ("drift", "gamma", "omega")),
            _distance(regime),
            Step(
                "square",
                "B = gamma I - A is traceless.",
                Equation(Symbol("B") ** 2, (B**2).applyfunc(simplify)),
            ),
            Step("even", "The even powers of its exponential series.", even),
            Step("odd", "The odd powers, over B.", odd),
            Step("propagator", "The exponential.", Equation(exp(-Symbol("A") * t), exponential)),
        ),
        Scope(dampening=False, edges=EDGES["langevin", regime]),
    )


def _distance(regime: str) -> Step:
    """Return the step that fixes the distance of the frequency from the damping rate."""
    if regime == "critical":
        sde = underdamped_sde()
        balance = solve((sde["omega"] - sde["gamma"] ** 2), h_lambda)[0]
        why = "Frequency and damping rate are equal."
        return Step("h_lambda", why, Equation(h_lambda, tidy(balance)))
    above = omega**2 - gamma**2
    square = above if regime == "underdamped" else -above
    return Step("delta", "The rate that damping leaves.", Equation(delta**2, square))
