r"""The letters, declared once, and the form in which a formula is printed.

Every letter is positive, and inside the stable domain every factor of a printed formula is positive
too: that is the canonical form `tidy` writes, 1 - beta and never beta - 1.
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
    symbols,
    together,
)

eta = Symbol("eta", positive=True)  # learning rate `lr`
beta = Symbol("beta", positive=True)  # `momentum`
tau = Symbol("tau", nonnegative=True)  # `dampening`
b = Symbol("b", positive=True)  # `batch_size`
lam = Symbol("lambda", nonnegative=True)  # `weight_decay`
d = Symbol("d", positive=True)  # number of features
rho = Symbol("rho", positive=True)  # eigenvalue of H = E xx'
h = Symbol("h", positive=True)  # eigenvalue rho + lambda of the Hessian of the regularised loss
sigma = Symbol("sigma", positive=True)  # standard deviation of the label noise
sigma_g = Symbol(
    "sigma_g", positive=True
)  # standard deviation of the minibatch gradient along one eigenvector

k = Symbol("k", integer=True, nonnegative=True)  # steps
t = Symbol("t", positive=True)  # the SDEs' own time, lr * steps
x = Symbol(
    "x", real=True
)  # position along one eigenvector, from the minimiser of the regularised loss
v = Symbol("v", real=True)  # velocity along one eigenvector: minus torch's momentum buffer
x0, v0 = symbols("x_0 v_0", real=True)

gamma = Symbol("gamma", positive=True)  # damping rate of the SDE
omega = Symbol("omega", positive=True)  # frequency of the SDE without its damping
delta = Symbol("delta", positive=True)  # sqrt|gamma^2 - omega^2|
theta = Symbol("theta", positive=True)  # angle (underdamped) or exponent (else) of one exact step
r = Symbol("r", positive=True)  # sqrt(momentum), the contraction of one exact step
kappa = Symbol("kappa", positive=True)  # inverse temperature of the SDE
chi = Symbol("chi", positive=True)  # Var x per unit of gradient noise
G = Symbol(
    "G", positive=True
)  # gain: the share of the gradient noise that the spread of the weights feeds back

s = Symbol("s", positive=True)  # the order of a moment

Var, Cov, E = Function("Var"), Function("Cov"), Function("E")

REFERENCE = dict.fromkeys((rho, sigma, d, x0), Integer(1)) | dict.fromkeys(
    (beta, tau, G), Rational(1, 2)
)
REFERENCE |= {
    eta: Rational(1, 997),
    b: Integer(50),
    h: Rational(11, 10),
    lam: Rational(1, 10),
    r: Rational(2, 3),
}
REFERENCE |= {chi: Rational(1, 99), v0: Integer(3), t: Rational(1, 10)}


def tidy(expression: Expr) -> Expr:
    """Return `expression` factored, each factor positive at small learning rate and collected in it.

    Examples
    --------
    >>> tidy(1 / (eta * h - 2 * beta - 2) / (beta - 1))
    1/((1 - beta)*(-eta*h + 2*(beta + 1)))
    """
    number, rest = factor(together(expression)).as_coeff_Mul()
    signs, parts = zip(*map(_positive_factor, Mul.make_args(rest)), strict=True)
    extra, rest = (Mul(*_joined(parts)) if len(parts) > 1 else parts[0]).as_coeff_Mul()
    number = prod(signs, start=number * extra)
    return number * rest if number == 1 else Mul(number, rest, evaluate=not isinstance(rest, Add))


def _positive_factor(part: Expr) -> tuple[Expr, Expr]:
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
