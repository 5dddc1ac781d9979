r"""Moments of every order of SGD with one Gaussian feature: a recursion, and where each diverges.

With x = w - w_*, X the chi-square energy of the batch and Z a standard normal, a step without
momentum is

    x' = (a - c X) x + f sqrt(X) Z - e,
    a = 1 - lr * weight_decay,  c = lr h / b,  f = sigma c / sqrt(h),  e = lr * weight_decay * w_*.

Its p-th power has the mean of a polynomial of degree p in x: E x'^p depends on the moments up to p,
with the factor kappa(p) = E(a - c X)^p on the last. It is stationary if kappa(p) < 1.
"""

from functools import cache

from sympy import Add, Expr, Integer, Poly, Symbol, binomial, cancel, fraction, sqrt

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import E, b, eta, h, lam, sigma, tidy, w_star, x
from linsgd.symbolic.tails import LETTERS, X, a, c, chi_square_moment, even, spectral_function

Z = Symbol("Z", real=True)
x_next = Symbol("x_{k+1}", real=True)
e = Symbol("e", real=True)
f = Symbol("f", positive=True)


def moment(order: int) -> Symbol:
    """Return the letter m_p of a moment E x^p."""
    return Symbol(f"m_{order}", real=True)


@cache
def moment_recursion(order: int) -> Derivation:
    """Derive the recursion of the moments E(w - w_*)^p of one Gaussian feature, and solve it.

    Parameters
    ----------
    order : int
        The order p of the moment, at least 1; the time grows as p^4, from a second at 20.

    Returns
    -------
    Derivation
        Step "recursion" is E x'^p in terms of the moments m_1 ... m_p before the step. Step "m_j"
        is the stationary moment of order j in terms of the lower ones and of
        kappa_j = kappa(j), step "kappa_j"; the result is m_p. It exists if kappa_p < 1.

    Notes
    -----
    A step without momentum and with Gaussian label noise is x' = (a - c X) x + f sqrt(X) Z - e,
    with X chi-square of b degrees of freedom and Z standard normal.

    See Also
    --------
    moment_threshold : Where a moment ceases to exist.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.moment_recursion(2).result
    (b*f**2 + e**2 + m_1*(-2*a*e + 2*b*c*e))/(1 - kappa_2)
    """
    domains.integer("order", order, "[1, inf)")
    solved = (step for j in range(1, order + 1) for step in _solved(j))
    update = (a - c * X) * x + f * sqrt(X) * Z - e
    mean = _lower(order) + _kappa(order) * moment(order)
    return Derivation(
        f"The moment of order {order} of SGD with one Gaussian feature",
        (
            *LETTERS,
            Step("f", "The size of the label noise.", Equation(f, eta * sigma * sqrt(h) / b)),
            Step("e", "The pull of weight decay.", Equation(e, eta * lam * w_star)),
            Step("update", "A step, from the position x off the optimum, is", update),
            Step("recursion", "The mean of its power.", Equation(E(x_next**order), mean)),
            *solved,
        ),
        Scope(Features.ONE_GAUSSIAN, momentum=False, gaussian_labels=True),
    )


def _kappa(order: int) -> Symbol:
    """Return the letter of the factor of a step on the moment of this order."""
    return Symbol(f"kappa_{order}", real=True)


def _lower(order: int) -> Expr:
    """Return the part of E x'^p that depends on the moments below p."""
    moments = [Integer(1), *map(moment, range(1, order))]
    return Add(*(factor * m for factor, m in zip(_row(order), moments, strict=False)))


def _solved(order: int) -> tuple[Step, Step]:
    """Return the steps "kappa_j" and "m_j": m_j = kappa_j m_j + the lower part, solved for m_j."""
    factor = Equation(_kappa(order), _row(order)[order])
    stationary = Equation(moment(order), _lower(order) / (1 - _kappa(order)))
    return (
        Step(f"kappa_{order}", f"The factor of a step on the moment of order {order}.", factor),
        Step(
            f"m_{order}",
            f"The stationary moment of order {order}; it exists if that factor is below 1.",
            stationary,
        ),
    )


@cache
def _row(order: int) -> tuple[Expr, ...]:
    """Return the factors of 1, x, ..., x^p in E x'^p."""
    factors = []
    for j in range(order + 1):
        terms: list[Expr] = []
        for i in range(0, order - j + 1, 2):  # odd powers of Z have mean 0
            terms.extend(_term(order, j, i, n) for n in range(j + 1))
        factors.append(Add(*terms))
    return tuple(factors)


def _term(order: int, j: int, i: int, n: int) -> Expr:
    """Return the mean of one term of ((a - c X) x + f sqrt(X) Z - e)^p, over x^j.

    The power j goes to (a - c X) x, n of it to c X, the power i to f sqrt(X) Z, the rest to e.
    """
    ways = binomial(order, j) * binomial(order - j, i) * binomial(j, n)
    factors = a ** (j - n) * (-c) ** n * f**i * (-e) ** (order - j - i)
    normal = chi_square_moment(Integer(1), i // 2)  # E Z^i
    energy = chi_square_moment(b, n + i // 2)  # E X^(n + i/2)
    return ways * factors * normal * energy


def _by_powers(polynomial: Expr, letter: Symbol) -> Expr:
    """Write a polynomial in a letter with factored coefficients."""
    terms = Poly(polynomial, letter).terms()
    return Add(*(tidy(factor) * letter**power for (power,), factor in terms))


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
        momentum, step "condition" kappa(p) = 1 and, without weight decay, the polynomial in
        c = lr h / b whose smallest positive root it is, as the result of an equation
        0 = polynomial.

    Raises
    ------
    ValueError
        If `order` is not a positive even integer, or is above 2 for Nesterov's update.

    See Also
    --------
    linsgd.moment_threshold : The numbers, for any spectrum.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.moment_threshold(2).result
    2*b*h_lambda*(1 - beta**2)/((1 - zeta)*(b*h_lambda**2*(1 - beta) + h**2*(beta + 1)*(d + 1)))
    >>> linsgd.symbolic.moment_threshold(4).result
    -c**3*(b + 2)*(b + d + 3)*(b + d + 5) + 4*c**2*(b + 2)*(b + d + 3) - 2*c*(3*b + d + 5) + 4
    """
    if even(order) == 2:
        return _variance_threshold(nesterov)
    if nesterov:
        domains.refuse("order", order, "2 for Nesterov's update")
    return _polynomial_threshold(order)


def _variance_threshold(nesterov: bool) -> Derivation:
    """Solve for the zero of the denominator of the stationary noise, quadratic in lr."""
    covariance = stationary_covariance("exact", nesterov)
    pole = fraction(tidy(covariance.explicit("noise")))[1]
    coefficients = reversed(Poly(pole, eta).all_coeffs())
    free, linear, *square = map(tidy, coefficients)
    # the smaller root of free + linear lr + square lr^2, without cancellation:
    # 2 free / (sqrt(linear^2 - 4 square free) - linear)
    half = sqrt(linear**2 - 4 * square[0] * free) if square else -linear
    return Derivation(
        "The learning rate at which the variance diverges",
        (
            *(step for step in covariance.steps if step.name in ("response", "feedback", "noise")),
            Step(
                "pole",
                "The noise is finite below the zero of its denominator.",
                Equation(_by_powers(pole, eta), Integer(0)),
            ),
            Step("threshold", "Solved for lr.", Equation(eta, 2 * free / (half - linear))),
        ),
        Scope(Features.ISOTROPIC, nesterov=nesterov),
    )


def _polynomial_threshold(order: int) -> Derivation:
    """Write kappa(p) = 1 as a polynomial in c without the root c = 0."""
    spectral = spectral_function(order)
    undecayed = cancel((1 - spectral.result.subs(a, 1)) / (b * c))
    return Derivation(
        f"The learning rate at which the moment of order {order} diverges",
        (
            *spectral.steps,
            Step("condition", "Critical.", Equation(spectral.result, Integer(1))),
            Step(
                "threshold",
                "Without weight decay, this condition over b c.",
                Equation(Integer(0), _by_powers(undecayed, c)),
            ),
        ),
        spectral.scope,
    )
