r"""Goldie's constant of one Gaussian feature at an even exponent: P(|w - w_*| > t) ~ C t^-p.

Where h(p) = 1 the moment of order p grows a step by K = E|A x + B|^p - E|A x|^p, for even p a
polynomial in the lower moments, and C = K / (p m) with m = E|A|^p log|A| = h'(p) (Goldie 1991).
With A = a (1 - G / z), G of the gamma law with shape b / 2, the powers of G only raise that shape:

    m = log a + a^p sum_k binomial(p, k) (-1 / z)^k (b/2)_k l_{b + 2k},     l_j = E log|1 - G_j / z|, shape j / 2.
"""

from functools import cache

from sympy import Abs, Add, Function, Integer, Rational, Symbol, binomial, log, rf

from linsgd import domains
from linsgd.symbolic.derivation import Derivation, Step, equation
from linsgd.symbolic.moments import e, moment_recursion
from linsgd.symbolic.symbols import b
from linsgd.symbolic.tails import SCALE, a, even, log_means, spectral_function, z

K, slope, constant = (
    Symbol("K", positive=True),
    Symbol("h'", positive=True),
    Symbol("C", positive=True),
)


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
        The result in K, the growth of the moment a step, and h', the slope of the spectral
        function; steps "growth" and "slope" give them in a, c and z. It holds where step
        "condition" does, h(p) = 1: at `moment_threshold(p)`.

    Raises
    ------
    ValueError
        If `order` is not a positive even integer or `batch` outside its domain.

    Examples
    --------
    >>> derivation = tail_constant(2, 1)
    >>> derivation["growth"]
    f**2
    >>> from linsgd.symbolic.symbols import eta, lam, rho, sigma
    >>> round(float(derivation.explicit().subs({eta: Rational(2, 3), lam: 0, rho: 1, sigma: 1})), 8)
    0.45290362
    """
    even(order)
    domains.integer("batch", batch, "[1, 100]")
    moments = moment_recursion(order)
    centred = {e: Integer(0), b: Integer(batch)} | {
        Symbol(f"m_{j}", real=True): Integer(0) for j in range(1, order, 2)
    }
    highest = {Symbol(f"m_{order}", real=True): Integer(0)}
    kept = [f"{letter}_{j}" for j in range(2, order, 2) for letter in "hm"]
    sums = Add(
        *(
            binomial(order, k)
            * (-1 / z) ** k
            * rf(Rational(batch, 2), k)
            * Symbol(f"l_{batch + 2 * k}", real=True)
            for k in range(order + 1)
        )
    )
    return Derivation(
        f"The constant of a tail with exponent {order} at batch {batch}",
        (
            *(
                _at(step, {b: Integer(batch)})
                for step in moments.steps
                if step.name in ("a", "c", "f")
            ),
            SCALE,
            Step(
                "condition",
                "The moment is critical.",
                equation(
                    spectral_function(order).result.subs({b: batch, Symbol("d", positive=True): 1}),
                    Integer(1),
                ),
            ),
            *(_at(step, centred) for step in moments.steps if step.name in kept),
            Step(
                "growth",
                "What a step adds to it.",
                equation(K, moments["recursion"].subs(centred | highest)),
            ),
            Step(
                "l",
                "The means l_j of this, G of the gamma law with shape j / 2, and p_j of 1 / (G - z).",
                Function("E")(log(Abs(1 - Symbol("G", positive=True) / z))),
            ),
            *log_means(batch + 2 * order),
            Step(
                "slope",
                "E|A|^p log|A|, powers of G absorbed by its shape.",
                equation(slope, log(a) + a**order * sums),
            ),
            Step("constant", "Goldie's.", equation(constant, K / (order * slope))),
        ),
    )


def _at(step: Step, values: dict[Symbol, Integer]) -> Step:
    return Step(step.name, step.why, equation(step.formula.lhs, step.value.subs(values)))
