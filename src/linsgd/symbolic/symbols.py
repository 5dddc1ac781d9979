r"""The letters of the derivations, declared once, and the canonical form of a printed formula.

The letters are those of the documentation's glossary. Every letter is positive (or non-negative),
and inside the stable domain every factor of a printed formula is positive too: `tidy` writes
1 - beta, never beta - 1.
"""

from math import prod

from sympy import (
    Add,
    Expr,
    Function,
    Integer,
    Mul,
    Pow,
    Rational,
    Symbol,
    collect,
    factor,
    together,
)

__all__ = [
    "REFERENCE",
    "Cov",
    "E",
    "G",
    "T",
    "Var",
    "b",
    "beta",
    "chi",
    "d",
    "delta",
    "eta",
    "gamma",
    "h",
    "h_lambda",
    "k",
    "lam",
    "omega",
    "r",
    "s",
    "sigma",
    "sigma_g",
    "t",
    "theta",
    "tidy",
    "v",
    "v0",
    "w_star",
    "x",
    "x0",
    "zeta",
]

# The optimizer: lr, momentum, dampening, batch_size, weight_decay
eta = Symbol("eta", positive=True)
beta = Symbol("beta", positive=True)
zeta = Symbol("zeta", nonnegative=True)
b = Symbol("b", positive=True)
lam = Symbol("lambda", nonnegative=True)

# The problem: number of features, an eigenvalue of H = E xx', that of the Hessian H + lambda of the
# regularised loss, the optimum along an eigenvector, and the standard deviations of the label noise
# and of the minibatch gradient along it
d = Symbol("d", positive=True)
h = Symbol("h", positive=True)
h_lambda = Symbol("h_lambda", positive=True)
w_star = Symbol("w_*", real=True)
sigma = Symbol("sigma", positive=True)
sigma_g = Symbol("sigma_g", positive=True)

# Phase space along one eigenvector: position from the minimiser of the regularised loss, velocity
# (minus torch's momentum buffer), both at the start, steps, and the SDEs' own time lr * steps
x = Symbol("x", real=True)
v = Symbol("v", real=True)
x0 = Symbol("x_0", real=True)
v0 = Symbol("v_0", real=True)
k = Symbol("k", integer=True, nonnegative=True)
t = Symbol("t", positive=True)

# The underdamped SDE: damping rate, undamped frequency, sqrt|gamma^2 - omega^2|, temperature
gamma = Symbol("gamma", positive=True)
omega = Symbol("omega", positive=True)
delta = Symbol("delta", positive=True)
T = Symbol("T", positive=True)

# The exact step: modulus sqrt(momentum) of complex eigenvalues, and their angle (underdamped) or
# the exponent of their ratio to it (otherwise)
r = Symbol("r", positive=True)
theta = Symbol("theta", positive=True)

# The stationary law: Var x per unit of gradient noise, and the share of the gradient noise that the
# spread of the weights feeds back
chi = Symbol("chi", positive=True)
G = Symbol("G", positive=True)

# The order of a moment
s = Symbol("s", positive=True)

Var = Function("Var")
Cov = Function("Cov")
E = Function("E")

_HALF = Rational(1, 2)

# A point inside the stable domain of every formula, at which `tidy` reads signs. The learning rate
# and chi are small enough for every sum of powers of them to have the sign of its lowest power.
REFERENCE = {
    eta: Rational(1, 997),
    beta: _HALF,
    zeta: _HALF,
    b: Integer(50),
    lam: Rational(1, 10),
    d: Integer(1),
    h: Integer(1),
    h_lambda: Rational(11, 10),
    sigma: Integer(1),
    x0: Integer(1),
    v0: Integer(3),
    t: Rational(1, 10),
    r: Rational(2, 3),
    chi: Rational(1, 99),
    G: _HALF,
}


def tidy(expression: Expr) -> Expr:
    """Return `expression` factored, each factor positive at small learning rate.

    Parameters
    ----------
    expression : sympy expression
        A rational function of the letters.

    Returns
    -------
    sympy expression
        The same value. Sums inside a factor are collected in powers of the learning rate.

    Examples
    --------
    >>> from linsgd.symbolic.symbols import beta, eta, h, tidy
    >>> tidy(1 / (eta * h - 2 * beta - 2) / (beta - 1))
    1/((1 - beta)*(-eta*h + 2*(beta + 1)))
    """
    number, rest = factor(together(expression)).as_coeff_Mul()
    signs, parts = zip(*map(_positive_factor, Mul.make_args(rest)), strict=True)
    product = Mul(*_joined(parts)) if len(parts) > 1 else parts[0]
    extra, rest = product.as_coeff_Mul()
    number = prod(signs, start=number * extra)
    if number == 1:
        return rest
    # SymPy would multiply a number into a sum: 2 (1 + beta) -> 2 + 2 beta
    return Mul(number, rest, evaluate=not isinstance(rest, Add))


def _positive_factor(part: Expr) -> tuple[Expr, Expr]:
    """Return a sign and a factor that is positive at the reference point; their product is `part`.

    Only sums are turned: a power of a sum takes the sign to its exponent.
    """
    base, exponent = part.as_base_exp()
    if not isinstance(base, Add):
        return Integer(1), part
    sign = Integer(-1 if base.subs(REFERENCE).is_negative else 1)
    return sign**exponent, Pow(_collected((sign * base).expand()), exponent)


def _collected(polynomial: Expr) -> Expr:
    """Write a sum by powers of the learning rate or, without it, of another letter."""
    for letter in (eta, b, v0, t):
        powers = collect(polynomial, letter, evaluate=False)
        if len(powers) > 1:
            return Add(*(tidy(coefficient) * power for power, coefficient in powers.items()))
    return polynomial


def _joined(parts: tuple[Expr, ...]) -> list[Expr]:
    """Write (1 - beta) (1 + beta) as 1 - beta^2."""
    for exponent in (1, -1):
        pair = {Pow(1 - beta, exponent), Pow(1 + beta, exponent)}
        if pair <= set(parts):
            return [part for part in parts if part not in pair] + [Pow(1 - beta**2, exponent)]
    return list(parts)
