r"""Goldie's constant of one Gaussian feature at an even exponent: P(|w - w_*| > t) ~ C t^-p.

Where kappa(p) = 1 the moment of order p grows a step by K = E|A x + B|^p - E|A x|^p, for even p a
polynomial in the lower moments, and C = K / (p L) with L = E|A|^p log|A| = kappa'(p) (Goldie 1991).
With A = a (1 - G / z), G of the gamma law with shape b / 2, the powers of G only raise that shape:

    L = log a + a^p sum_k binomial(p, k) (-1 / z)^k (b/2)_k l_{b + 2k},
    l_j = E log|1 - G_j / z|,  G_j of shape j / 2.
"""

from functools import cache

from sympy import Abs, Add, Integer, Rational, Symbol, binomial, log, rf

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation, Formula
from linsgd.symbolic.moments import e, moment, moment_recursion
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.symbols import b, d
from linsgd.symbolic.tails import (
    SCALE,
    a,
    even,
    gamma_variable,
    log_mean,
    log_means,
    mean,
    spectral_function,
    z,
)

K = Symbol("K", positive=True)
L = Symbol("L", positive=True)
C = Symbol("C", positive=True)


@cache
def tail_constant(order: int, batch: int) -> Derivation:
    """Derive the constant C of the tail P(|w - w_*| > t) ~ C t^-p at an even exponent p.

    Parameters
    ----------
    order : int
        The exponent p, even. For one Gaussian feature and Gaussian label noise, without momentum;
        with weight decay, lr * weight_decay < 1, the optimum is 0.
    batch : int
        Samples a batch, in [1, 100].

    Returns
    -------
    Derivation
        The result in K, the growth of the moment a step, and L, the slope of the spectral function;
        steps "growth" and "slope" give them in a, c and z. It holds where step "condition" does,
        kappa(p) = 1: at `moment_threshold(p)`.

    Raises
    ------
    ValueError
        If `order` is not a positive even integer or `batch` outside its domain.

    Notes
    -----
    C = K / (p L) with K = E|A x + B|^p - E|A x|^p and L = E|A|^p log|A|.

    References
    ----------
    .. [1] C. M. Goldie, "Implicit renewal theory and tails of solutions of random equations",
       Annals of Applied Probability 1, 1991.

    See Also
    --------
    linsgd.tail_constant : The number at any exponent.

    Examples
    --------
    >>> import linsgd
    >>> derivation = linsgd.symbolic.tail_constant(2, 1)
    >>> derivation["growth"]
    f**2
    >>> round(float(derivation.subs(eta=2 / 3, lam=0, h=1, sigma=1)), 8)
    0.45290362
    """
    even(order)
    domains.integer("batch", batch, "[1, 100]")
    moments = moment_recursion(order)
    # at this batch, with a fixed minimiser: the odd moments vanish
    centred = {e: Integer(0), b: Integer(batch)}
    centred |= {moment(j): Integer(0) for j in range(1, order, 2)}
    lower = {f"{name}_{j}" for j in range(2, order, 2) for name in ("kappa", "m")}
    critical = spectral_function(order).result.subs({b: batch, d: 1})
    return Derivation(
        f"The constant of a tail with exponent {order} at batch {batch}",
        (
            *(_at(step, centred) for step in moments.steps if step.name in ("a", "c", "f")),
            SCALE,
            Step("condition", "The moment is critical.", Equation(critical, Integer(1))),
            *(_at(step, centred) for step in moments.steps if step.name in lower),
            Step(
                "growth",
                "The growth of the moment in one step.",
                Equation(K, moments["recursion"].subs(centred | {moment(order): Integer(0)})),
            ),
            Step(
                "l",
                "With G of the gamma law of shape j / 2: l_j; and p_j is the mean of 1 / (G - z).",
                mean(log(Abs(1 - gamma_variable / z))),
            ),
            *log_means(batch + 2 * order),
            Step(
                "slope", "The slope E|A|^p log|A| of the spectral function.", _slope(order, batch)
            ),
            Step("constant", "Goldie's constant.", Equation(C, K / (order * L))),
        ),
        Scope(
            Features.ONE_GAUSSIAN,
            momentum=False,
            gaussian_labels=True,
            fixed_minimiser=True,
            batch=batch,
            overshoot=False,
        ),
    )


def _slope(order: int, batch: int) -> Formula:
    """Return L = log a + a^p sum_k binomial(p, k) (-1 / z)^k (b/2)_k l_{b + 2k}."""
    weights = [
        binomial(order, k) * (-1 / z) ** k * rf(Rational(batch, 2), k) for k in range(order + 1)
    ]
    terms = (weight * log_mean("l", batch + 2 * k) for k, weight in enumerate(weights))
    return Equation(L, log(a) + a**order * Add(*terms))


def _at(step: Step, values: dict[Symbol, Integer]) -> Step:
    """Return a step with numbers for some letters of its right side."""
    return Step(step.name, step.why, Equation(step.formula.lhs, step.value.subs(values)))
