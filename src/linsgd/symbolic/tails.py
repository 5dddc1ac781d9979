r"""The spectral function kappa(s) of SGD as a random recurrence.

With Gaussian features of equal variance h in d dimensions, without momentum, a step multiplies a
vector's length by R with R^2 = (a - c X)^2 + c^2 X Y, a = 1 - lr * weight_decay, c = lr h / b, and
independent chi-square variables X with b and Y with d - 1 degrees of freedom: X is the batch's
energy along the vector, and c^2 X Y the squared length of the step across it. Then
kappa(s) = E R^s, the moment E|w|^s exists if kappa(s) < 1, and the tail exponent solves
kappa(alpha) = 1 (Kesten 1973). There is a stationary law if the Lyapunov exponent
rho = E log R = kappa'(0) is negative.

Where lr * weight_decay > 1 every step overshoots: with a = lr * weight_decay - 1 it multiplies
lengths by a + c X in one dimension, and kappa is one Tricomi function.
"""

from functools import cache
from math import prod
from typing import Any

import sympy
from sympy import (
    Abs,
    Ei,
    EulerGamma,
    Expr,
    Function,
    Integer,
    Poly,
    Rational,
    Symbol,
    erfc,
    erfi,
    exp,
    factorial,
    hyper,
    log,
    oo,
    pi,
    sqrt,
    summation,
    symbols,
)

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.symbols import b, d, eta, h, lam, s, tidy

a, c = symbols("a c", positive=True)
X, Y, y, z = symbols("X Y y z", positive=True)
gamma_variable = Symbol("G", positive=True)  # of the gamma law with shape j / 2
kappa = Function("kappa")
mean = Function("E")
LETTERS = (
    Step("a", "The shrinkage of a step by weight decay.", Equation(a, 1 - eta * lam)),
    Step("c", "The learning rate per sample.", Equation(c, eta * h / b)),
)
OVERSHOT = (
    Step("a", "The overshoot of a step by weight decay.", Equation(a, eta * lam - 1)),
    LETTERS[1],
)
SCALE = Step("z", "The only scale.", Equation(z, a / (2 * c)))


class U(Function):  # type: ignore[misc] # sympy is untyped
    """Tricomi's confluent hypergeometric function U(p, q, z).

    It is the integral of u^(p-1) (1+u)^(q-p-1) e^(-z u) over u > 0, divided by Gamma(p).
    """

    nargs = 3

    def _eval_evalf(self, prec: int) -> Expr:
        from mpmath import hyperu, workprec

        with workprec(prec):
            value = hyperu(*(argument._to_mpmath(prec) for argument in self.args))
            return Expr._from_mpmath(value, prec)

    def _mpmathcode(self, printer: Any) -> str:
        arguments = ", ".join(map(printer._print, self.args))
        return f"{printer._module_format('mpmath.hyperu')}({arguments})"


@cache
def spectral_function(order: int | Expr = s, overshoot: bool = False) -> Derivation:
    """Derive the spectral function kappa(s) for Gaussian features without momentum.

    Parameters
    ----------
    order : int or sympy expression
        An even int: the polynomial for d features of equal variance. A letter (default: s) or
        another SymPy number: the closed form in d = 1.
    overshoot : bool
        Of the closed form: for lr * weight_decay > 1 instead of < 1. (The polynomials hold for
        both.)

    Returns
    -------
    Derivation
        The result in a = 1 - lr * weight_decay and c = lr h / b, or in a and z = a / (2 c); with
        `overshoot` a = lr * weight_decay - 1.

    Raises
    ------
    ValueError
        If an int is odd or not positive, or `overshoot` is set for a polynomial.

    Notes
    -----
    kappa(s) = E|A|^s of the random step A. The root kappa(alpha) = 1 is the tail exponent.

    References
    ----------
    .. [1] H. Kesten, "Random difference equations and renewal theory for products of random
       matrices", Acta Mathematica 131, 1973.

    See Also
    --------
    linsgd.spectral_function : The numbers, for any features.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.spectral_function(2).result
    a**2 - 2*a*b*c + b*c**2*(b + d + 1)
    """
    if isinstance(order, Expr) and not order.is_Integer:
        overshot = domains.boolean("overshoot", overshoot)
        return _overshot_form(order) if overshot else _closed_form(order)
    if overshoot:
        domains.refuse(
            "overshoot",
            overshoot,
            "False for an even order, whose polynomial in a holds for every sign of a",
        )
    return _polynomial(even(order))


def even(order: int | Expr) -> int:
    """Return `order` if it is a positive even integer."""
    half = domains.integer("order", order, "[2, inf)") / 2
    if half != int(half):
        domains.refuse("order", order, "even integers, or a letter for the closed form in d = 1")
    return int(order)


def _polynomial(order: int) -> Derivation:
    """Expand E R^p by the moments of the two chi-square variables."""
    square = (a - c * X) ** 2 + c**2 * X * Y
    return Derivation(
        f"The spectral function at {order}",
        (
            *LETTERS,
            Step("square", "A step multiplies the squared length by", square),
            Step(
                "moments",
                "A chi-square variable of m degrees of freedom has the moments m, m (m + 2), and",
                chi_square_moment(Symbol("m"), 3),
            ),
            Step(
                "kappa",
                "The mean of the power.",
                Equation(kappa(order), expectation(square ** (order // 2))),
            ),
        ),
        Scope(Features.ISOTROPIC, momentum=False),
    )


def chi_square_moment(dof: Expr, n: int) -> Expr:
    """Return E X^n of a chi-square variable: dof (dof + 2) ... (dof + 2 n - 2)."""
    factors = [dof + 2 * i for i in range(n)]
    return prod(factors, start=Integer(1))


def expectation(polynomial: Expr) -> Expr:
    """Return the mean of a polynomial in X ~ chi2(b) and Y ~ chi2(d - 1), by powers of c."""
    total = Integer(0)
    for (n, m), coefficient in Poly(polynomial, X, Y).terms():
        # E X^n Y^m of independent X and Y
        total += coefficient * chi_square_moment(b, n) * chi_square_moment(d - 1, m)
    return sum(tidy(coefficient) * c**n for (n,), coefficient in Poly(total, c).terms())


def _density() -> Expr:
    """Return the density of y = c X / a, a gamma variable of shape b / 2 and rate z."""
    shape = b / 2
    return z**shape * y ** (shape - 1) * exp(-z * y) / sympy.gamma(shape)


def _closed_form(order: Expr) -> Derivation:
    """Integrate |1 - y|^s over the density, from 0 to 1 and from 1 on."""
    n = Symbol("n", integer=True, nonnegative=True)
    # integral of y^(b/2 + n - 1) (1 - y)^s over [0, 1]
    shape, gamma = b / 2, sympy.gamma
    beta_integral = gamma(shape + n) * gamma(order + 1) / gamma(shape + n + order + 1)
    constant = z**shape / gamma(shape)
    # e^{-z y} by its series up to 1; Tricomi's function from 1 on
    below = constant * summation((-z) ** n / factorial(n) * beta_integral, (n, 0, oo))
    above = constant * exp(-z) * gamma(order + 1) * U(order + 1, shape + order + 1, z)
    common = a**order * z**shape * gamma(order + 1)
    parts = (below + above) * a**order / common
    together = common * parts.expand()
    return Derivation(
        "The spectral function of one feature",
        (
            *LETTERS,
            SCALE,
            Step("factor", "A step multiplies by a (1 - y), where y = c X / a.", a * Abs(1 - y)),
            Step("density", "The density of y.", _density()),
            Step(
                "below",
                "From y < 1: the exponential's series, term by term a beta integral.",
                below,
            ),
            Step("above", "From y > 1: Tricomi's integral.", above),
            Step("kappa", "Their sum.", Equation(kappa(order), together)),
        ),
        Scope(Features.ONE_GAUSSIAN, momentum=False, overshoot=False),
    )


def _overshot_form(order: Expr) -> Derivation:
    """Integrate (1 + y)^s over the density: one Tricomi function."""
    integral = a**order * z ** (b / 2) * U(b / 2, b / 2 + order + 1, z)
    return Derivation(
        "The spectral function of one feature where weight decay overshoots",
        (
            *OVERSHOT,
            SCALE,
            Step(
                "factor",
                "A step multiplies lengths by a (1 + y), where y = c X / a.",
                a * (1 + y),
            ),
            Step("density", "The density of y.", _density()),
            Step("kappa", "Tricomi's integral.", Equation(kappa(order), integral)),
        ),
        Scope(Features.ONE_GAUSSIAN, momentum=False, overshoot=True),
    )


@cache
def lyapunov_exponent(batch: int, overshoot: bool = False) -> Derivation:
    """Derive the Lyapunov exponent rho = E log|A| of one Gaussian feature without momentum.

    Parameters
    ----------
    batch : int
        Samples a batch, in [1, 100].
    overshoot : bool
        For lr * weight_decay > 1 instead of < 1.

    Returns
    -------
    Derivation
        The result in a = |1 - lr * weight_decay| and l_b, which steps "p_j" and "l_j" give in
        z = a / (2 c) from batch 1 (Dawson's function, as erfi, and 2F2) or 2 (the exponential
        integral), two samples at a time.

    Raises
    ------
    ValueError
        If `batch` is outside its domain.

    Notes
    -----
    With G_j of the gamma law of shape j / 2, p_j = E 1 / (G_j - z) and l_j = E log|1 - G_j / z|.
    Integration by parts raises the shape by 1. The stationary law exists where the result is
    negative. Each p_j loses digits in large batches: evaluate with many digits.

    See Also
    --------
    linsgd.lyapunov_exponent : The number, for any features.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.lyapunov_exponent(2)["l_2"]
    -exp(-z)*Ei(z)
    """
    domains.integer("batch", batch, "[1, 100]")
    sign = -1 if domains.boolean("overshoot", overshoot) else 1
    G = gamma_variable
    factor = a * (1 + G / z) if overshoot else a * Abs(1 - G / z)
    exponent = Symbol("rho", real=True)
    return Derivation(
        f"The Lyapunov exponent of one feature at batch {batch}",
        (
            *(OVERSHOT if overshoot else LETTERS),
            SCALE,
            Step(
                "factor",
                "A step multiplies lengths by this, G of the gamma law with shape j / 2.",
                factor,
            ),
            Step(
                "p",
                "Two means over G: p_j, a principal value where G passes z,",
                mean(1 / (G - sign * z)),
            ),
            Step("l", "and l_j, the one that the exponent needs.", mean(log(factor / a))),
            *log_means(batch, overshoot),
            Step("lyapunov", "Their sum.", Equation(exponent, log(a) + log_mean("l", batch))),
        ),
        Scope(Features.ONE_GAUSSIAN, momentum=False, batch=batch, overshoot=overshoot),
    )


def log_mean(letter: str, j: int) -> Symbol:
    """Return the letter p_j or l_j."""
    return Symbol(f"{letter}_{j}", real=True)


def log_means(last: int, overshoot: bool = False) -> tuple[Step, ...]:
    """Return the steps p_j and l_j, two samples at a time, for j = 1 or 2 up to `last`."""
    first = 2 - last % 2
    return *_first_means(first, overshoot), *_raised_means(first, last, overshoot)


def _raised_means(first: int, last: int, overshoot: bool) -> tuple[Step, ...]:
    """Return the steps p_j and l_j that follow from p_(j-2) and l_(j-2) by parts."""
    sign = -1 if overshoot else 1
    steps: list[Step] = []
    for j in range(first + 2, last + 1, 2):
        p = log_mean("p", j)
        ell = log_mean("l", j)
        p_before = log_mean("p", j - 2)
        l_before = log_mean("l", j - 2)
        raised = (1 + sign * z * p_before) / Rational(j - 2, 2)
        steps.append(Step(f"p_{j}", "By parts.", Equation(p, raised)))
        steps.append(Step(f"l_{j}", "By parts.", Equation(ell, l_before + p)))
    return tuple(steps)


def _first_means(batch: int, overshoot: bool) -> tuple[Step, Step]:
    """Return p and l of batch 1 or 2."""
    p = log_mean("p", batch)
    ell = log_mean("l", batch)
    sign = -1 if overshoot else 1
    if batch == 2:
        integral = -exp(-sign * z) * Ei(sign * z)
        return (
            Step("p_2", "An exponential integral.", Equation(p, integral)),
            Step("l_2", "The same, by parts.", Equation(ell, integral)),
        )
    series = 2 * sign * z * hyper((1, 1), (2, Rational(3, 2)), -sign * z)
    far = series - log(z) - EulerGamma - 2 * log(2)
    if overshoot:
        value = sqrt(pi / z) * exp(z) * erfc(sqrt(z))
        integral = pi * erfi(sqrt(z)) + far
        why = "The complementary error function of sqrt(z)."
    else:
        dawson = sqrt(pi) / 2 * exp(-z) * erfi(sqrt(z))
        value = -2 * dawson / sqrt(z)
        integral = far
        why = "Dawson's function of sqrt(z)."
    return (
        Step("p_1", why, Equation(p, value)),
        Step("l_1", "Its integral over z.", Equation(ell, integral)),
    )
