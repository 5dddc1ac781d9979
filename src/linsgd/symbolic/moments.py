r"""Moments of every order of SGD with one Gaussian feature: a triangular recursion, and where each ceases to exist.

With x = w - w_*, X the chi-square energy of the batch and Z a standard normal, a step without
momentum is

    x' = (a - c X) x + f sqrt(X) Z - e,     a = 1 - lr * weight_decay,  c = lr * rho / b,  f = sigma c / sqrt(rho),

and e = lr * weight_decay * w_*. Its p-th power has the mean of a polynomial of degree p in x: E
x'^p depends on the moments up to p, with the factor h(p) = E(a - c X)^p on the last. It is
stationary if h(p) < 1.
"""

from functools import cache
from math import prod

from sympy import Add, Expr, Integer, Poly, Pow, Symbol, binomial, cancel, fraction, sqrt, symbols

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step, equation
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import E, b, eta, lam, rho, sigma, tidy, x
from linsgd.symbolic.tails import LETTERS, X, a, c, chi_square_moment, even, spectral_function

Z = Symbol("Z", real=True)
x_next = Symbol("x_{k+1}", real=True)
e, optimum = symbols("e w_*", real=True)
f = Symbol("f", positive=True)


@cache
def moment_recursion(order: int) -> Derivation:
    """Derive the recursion of the moments E(w - w_*)^p of one Gaussian feature with Gaussian label noise, and solve it.

    Parameters
    ----------
    order : int
        The order p of the moment, at least 1; the time grows as p^4, from a second at 20.

    Returns
    -------
    Derivation
        Step "recursion" is E x'^p in terms of the moments m_1 ... m_p before the step. Step "m_j"
        is the stationary moment of order j in terms of the lower ones and of h_j = h(j), step
        "h_j"; the result is m_p. It exists if h_p < 1.

    Examples
    --------
    >>> moment_recursion(2).result
    (b*f**2 + e**2 + m_1*(-2*a*e + 2*b*c*e))/(1 - h_2)
    """
    domains.integer("order", order, "[1, inf)")
    kept, m = ([Symbol(f"{letter}_{j}", real=True) for j in range(order + 1)] for letter in "hm")
    lower = [
        Add(*(q * moment for q, moment in zip(_row(j)[:j], [1, *m[1:]], strict=False)))
        for j in range(order + 1)
    ]
    solved = [
        step
        for j in range(1, order + 1)
        for step in (
            Step(
                f"h_{j}",
                f"What a step keeps of the moment of order {j}.",
                equation(kept[j], _row(j)[j]),
            ),
            Step(
                f"m_{j}",
                f"Its stationary value; it exists if h_{j} < 1.",
                equation(m[j], lower[j] / (1 - kept[j])),
            ),
        )
    ]
    return Derivation(
        f"The moment of order {order} of SGD with one Gaussian feature",
        (
            *LETTERS,
            Step("f", "What label noise adds.", equation(f, eta * sigma * sqrt(rho) / b)),
            Step("e", "What weight decay pulls.", equation(e, eta * lam * optimum)),
            Step(
                "update",
                "A step, from the position x off the optimum.",
                (a - c * X) * x + f * sqrt(X) * Z - e,
            ),
            Step(
                "recursion",
                "The mean of its power.",
                equation(E(x_next**order), lower[order] + kept[order] * m[order]),
            ),
            *solved,
        ),
    )


@cache
def _row(order: int) -> tuple[Expr, ...]:
    """Return the factors of 1, x, ..., x^p in E x'^p."""
    return tuple(
        Add(
            *(
                # what x, then Z, then X take of the power
                binomial(order, j)
                * binomial(order - j, i)
                * binomial(j, n)
                * a ** (j - n)
                * (-c) ** n
                * f**i
                * chi_square_moment(Integer(1), i // 2)
                * chi_square_moment(b, n + i // 2)
                * (-e) ** (order - j - i)
                for i in range(0, order - j + 1, 2)  # odd powers of Z have mean 0
                for n in range(j + 1)
            )
        )
        for j in range(order + 1)
    )


def _by_powers(polynomial: Expr, *letters: Symbol) -> Expr:
    """Write a polynomial in some letters with factored coefficients."""
    terms = Poly(polynomial, *letters).terms()
    return Add(*(tidy(factor) * prod(map(Pow, letters, powers)) for powers, factor in terms))


@cache
def moment_threshold(order: int, nesterov: bool = False) -> Derivation:
    """Derive the learning rate at which the stationary moment of an even order ceases to exist.

    Parameters
    ----------
    order : int
        The order p, even. For Gaussian features of equal variance in d dimensions.
    nesterov : bool
        Nesterov's update; p = 2 only.

    Returns
    -------
    Derivation
        p = 2: the learning rate, with momentum, dampening and weight decay. p = 4, 6, ...: without
        momentum, step "condition" h(p) = 1 and, without weight decay, the polynomial in c = lr *
        rho / b whose smallest positive root it is, as the result of an equation 0 = polynomial.

    Raises
    ------
    ValueError
        If `order` is not a positive even integer, or is above 2 for Nesterov's update.

    Examples
    --------
    >>> moment_threshold(2).result
    2*b*h*(1 - beta**2)/((1 - tau)*(b*h**2*(1 - beta) + rho**2*(beta + 1)*(d + 1)))
    >>> moment_threshold(4).result
    -c**3*(b + 2)*(b + d + 3)*(b + d + 5) + 4*c**2*(b + 2)*(b + d + 3) - 2*c*(3*b + d + 5) + 4
    """
    if even(order) == 2:
        return _variance_threshold(nesterov)
    if nesterov:
        domains.refuse("order", order, "2 for Nesterov's update")
    return _polynomial_threshold(order)


def _variance_threshold(nesterov: bool) -> Derivation:
    covariance = stationary_covariance("exact", nesterov)
    pole = fraction(tidy(covariance.explicit("noise")))[1]
    free, linear, *square = (
        tidy(coefficient) for coefficient in reversed(Poly(pole, eta).all_coeffs())
    )
    half = sqrt(linear**2 - 4 * square[0] * free) if square else -linear
    return Derivation(
        "The learning rate at which the variance diverges",
        (
            *(step for step in covariance.steps if step.name in ("response", "feedback", "noise")),
            Step(
                "pole",
                "The noise is finite below the zero of its denominator.",
                equation(_by_powers(pole, eta), Integer(0)),
            ),
            Step("threshold", "Solved.", equation(eta, 2 * free / (half - linear))),
        ),
    )


def _polynomial_threshold(order: int) -> Derivation:
    spectral = spectral_function(order)
    undecayed = cancel((1 - spectral.result.subs(a, 1)) / (b * c))
    return Derivation(
        f"The learning rate at which the moment of order {order} diverges",
        (
            *spectral.steps,
            Step("condition", "Critical.", equation(spectral.result, Integer(1))),
            Step(
                "threshold",
                "Without weight decay: 1 - h, over b c.",
                equation(Integer(0), _by_powers(undecayed, c)),
            ),
        ),
    )
