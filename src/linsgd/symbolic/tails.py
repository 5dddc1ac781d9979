r"""The spectral function h(s) of SGD as a random recurrence.

With Gaussian features of equal variance rho in d dimensions, without momentum, a step multiplies a
vector's length by R with R^2 = (a - c X)^2 + c^2 X Y, a = 1 - lr * weight_decay, c = lr * rho / b,
and independent chi-square variables X with b and Y with d - 1 degrees of freedom: X is the batch's
energy along the vector, c^2 X Y what it throws across. Then h(s) = E R^s, the moment E|w|^s exists
if h(s) < 1, and the tail exponent solves h(alpha) = 1 (Kesten 1973). There is a stationary law if
the Lyapunov exponent E log R = h'(0) is negative.

Where lr * weight_decay > 1 every step overshoots: with a = lr * weight_decay - 1 it multiplies
lengths by a + c X in one dimension, and one Tricomi function is all.
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
from linsgd.symbolic.derivation import Derivation, Step, equation
from linsgd.symbolic.symbols import b, d, eta, lam, rho, s, tidy

a, c = symbols("a c", positive=True)
X, Y, y, z = symbols("X Y y z", positive=True)
LETTERS = (
    Step("a", "What weight decay leaves.", equation(a, 1 - eta * lam)),
    Step("c", "The learning rate per sample.", equation(c, eta * rho / b)),
)
OVERSHOT = (
    Step("a", "By how much weight decay overshoots.", equation(a, eta * lam - 1)),
    LETTERS[1],
)
SCALE = Step("z", "The only scale.", equation(z, a / (2 * c)))


class U(Function):  # type: ignore[misc] # sympy is untyped
    """Tricomi's function U(p, q, z) = integral of u^(p-1) (1+u)^(q-p-1) e^(-z u) over u > 0, divided by Gamma(p)."""

    nargs = 3

    def _eval_evalf(self, prec: int) -> Expr:
        from mpmath import hyperu, workprec

        with workprec(prec):
            return Expr._from_mpmath(
                hyperu(*(argument._to_mpmath(prec) for argument in self.args)), prec
            )

    def _mpmathcode(self, printer: Any) -> str:
        arguments = ", ".join(map(printer._print, self.args))
        return f"{printer._module_format('mpmath.hyperu')}({arguments})"


@cache
def spectral_function(order: int | Expr = s, overshoot: bool = False) -> Derivation:
    """Derive h(s), whose root h(alpha) = 1 is the tail exponent, for Gaussian features without momentum.

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
        The result in a = 1 - lr * weight_decay and c = lr * rho / b, or in a and z = a / (2 c);
        with `overshoot` a = lr * weight_decay - 1.

    Raises
    ------
    ValueError
        If an int is odd or not positive, or `overshoot` is asked of a polynomial.

    Examples
    --------
    >>> spectral_function(2).result
    a**2 - 2*a*b*c + b*c**2*(b + d + 1)
    """
    if isinstance(order, Expr) and not order.is_Integer:
        return (
            _overshot_form(order)
            if domains.boolean("overshoot", overshoot)
            else _closed_form(order)
        )
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
    square = (a - c * X) ** 2 + c**2 * X * Y
    return Derivation(
        f"The spectral function at {order}",
        (
            *LETTERS,
            Step("square", "A step multiplies the squared length by", square),
            Step(
                "moments",
                "The moments of chi2 with m degrees of freedom are m (m + 2) (m + 4) ...",
                chi_square_moment(Symbol("m"), 3),
            ),
            Step(
                "h",
                "Its mean.",
                equation(Function("h")(order), expectation(square ** (order // 2))),
            ),
        ),
    )


def chi_square_moment(dof: Expr, n: int) -> Expr:
    """Return E X^n of a chi-square variable: dof (dof + 2) ... (dof + 2 n - 2)."""
    return prod((dof + 2 * i for i in range(n)), start=Integer(1))


def expectation(polynomial: Expr) -> Expr:
    """Return the mean of a polynomial in X ~ chi2(b) and Y ~ chi2(d - 1), by powers of c."""
    terms = Poly(polynomial, X, Y).terms()
    mean = sum(k * chi_square_moment(b, n) * chi_square_moment(d - 1, m) for (n, m), k in terms)
    powers = Poly(mean, c).terms()
    return sum(tidy(k) * c**n for (n,), k in powers)


def _closed_form(order: Expr) -> Derivation:
    n = Symbol("n", integer=True, nonnegative=True)
    density = z ** (b / 2) * y ** (b / 2 - 1) * exp(-z * y) / sympy.gamma(b / 2)
    beta_integral = (
        sympy.gamma(b / 2 + n) * sympy.gamma(order + 1) / sympy.gamma(b / 2 + n + order + 1)
    )
    below = (
        z ** (b / 2)
        / sympy.gamma(b / 2)
        * summation((-z) ** n / factorial(n) * beta_integral, (n, 0, oo))
    )
    above = (
        z ** (b / 2)
        / sympy.gamma(b / 2)
        * exp(-z)
        * sympy.gamma(order + 1)
        * U(order + 1, b / 2 + order + 1, z)
    )
    common = a**order * z ** (b / 2) * sympy.gamma(order + 1)
    together = common * ((below + above) * a**order / common).expand()
    return Derivation(
        "The spectral function of one feature",
        (
            *LETTERS,
            SCALE,
            Step("factor", "A step multiplies by a (1 - y), where y = c X / a.", a * Abs(1 - y)),
            Step("density", "The density of y.", density),
            Step(
                "below",
                "From y < 1: the exponential's series, term by term a beta integral.",
                below,
            ),
            Step("above", "From y > 1: Tricomi's integral.", above),
            Step("h", "Together.", equation(Function("h")(order), together)),
        ),
    )


def _overshot_form(order: Expr) -> Derivation:
    density = z ** (b / 2) * y ** (b / 2 - 1) * exp(-z * y) / sympy.gamma(b / 2)
    integral = a**order * z ** (b / 2) * U(b / 2, b / 2 + order + 1, z)
    return Derivation(
        "The spectral function of one feature where weight decay overshoots",
        (
            *OVERSHOT,
            SCALE,
            Step(
                "factor", "A step multiplies lengths by a (1 + y), where y = c X / a.", a * (1 + y)
            ),
            Step("density", "The density of y.", density),
            Step("h", "Tricomi's integral.", equation(Function("h")(order), integral)),
        ),
    )


@cache
def lyapunov_exponent(batch: int, overshoot: bool = False) -> Derivation:
    """Derive the Lyapunov exponent E log|A| of one Gaussian feature without momentum, for a batch of any size.

    Parameters
    ----------
    batch : int
        Samples a batch, in [1, 100].
    overshoot : bool
        For lr * weight_decay > 1 instead of < 1.

    Returns
    -------
    Derivation
        The result in a = |1 - lr * weight_decay| and l_b, which steps "p_j" and "l_j" give in z = a
        / (2 c) from batch 1 (Dawson's function, as erfi, and 2F2) or 2 (the exponential integral),
        two samples at a time. The stationary law exists where the result is negative. Each p_j
        loses digits in large batches: evaluate with many.

    Raises
    ------
    ValueError
        If `batch` is outside its domain.

    Examples
    --------
    >>> lyapunov_exponent(2)["l_2"]
    -exp(-z)*Ei(z)
    """
    domains.integer("batch", batch, "[1, 100]")
    turned = -1 if domains.boolean("overshoot", overshoot) else 1
    G, mean = Symbol("G", positive=True), Function("E")
    factor = a * (1 + G / z) if overshoot else a * Abs(1 - G / z)
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
                "Two means of G: p_j, a principal value where G passes z,",
                mean(1 / (G - turned * z)),
            ),
            Step("l", "and l_j, the one that is wanted.", mean(log(factor / a))),
            *log_means(batch, overshoot),
            Step(
                "lyapunov",
                "Together.",
                equation(Symbol("Lambda", real=True), log(a) + _mean("l", batch)),
            ),
        ),
    )


def _mean(letter: str, j: int) -> Symbol:
    return Symbol(f"{letter}_{j}", real=True)


def log_means(last: int, overshoot: bool = False) -> tuple[Step, ...]:
    """Return the steps p_j and l_j, two samples at a time, for j = 1 or 2 up to `last`."""
    first, turned = 2 - last % 2, -1 if overshoot else 1
    risen = (
        step
        for j in range(first + 2, last + 1, 2)
        for step in (
            Step(
                f"p_{j}",
                "By parts.",
                equation(_mean("p", j), (1 + turned * z * _mean("p", j - 2)) / Rational(j - 2, 2)),
            ),
            Step(f"l_{j}", "By parts.", equation(_mean("l", j), _mean("l", j - 2) + _mean("p", j))),
        )
    )
    return *_first_means(first, overshoot), *risen


def _first_means(batch: int, overshoot: bool) -> tuple[Step, Step]:
    """Return p and l of batch 1 or 2."""
    p, ell, turned = _mean("p", batch), _mean("l", batch), -1 if overshoot else 1
    if batch == 2:
        integral = -exp(-turned * z) * Ei(turned * z)
        return (
            Step("p_2", "An exponential integral.", equation(p, integral)),
            Step("l_2", "The same, by parts.", equation(ell, integral)),
        )
    series = 2 * turned * z * hyper((1, 1), (2, Rational(3, 2)), -turned * z)
    far = series - log(z) - EulerGamma - 2 * log(2)
    if overshoot:
        return (
            Step(
                "p_1",
                "The complementary error function of sqrt(z).",
                equation(p, sqrt(pi / z) * exp(z) * erfc(sqrt(z))),
            ),
            Step("l_1", "Its integral over z.", equation(ell, pi * erfi(sqrt(z)) + far)),
        )
    dawson = sqrt(pi) / 2 * exp(-z) * erfi(sqrt(z))
    return (
        Step("p_1", "Dawson's function of sqrt(z).", equation(p, -2 * dawson / sqrt(z))),
        Step("l_1", "Its integral over z.", equation(ell, far)),
    )
