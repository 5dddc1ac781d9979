r"""Exponents of exit under noise with exponential moments, from its whole cumulant function.

For w' = w - lr (U'(w) + n), with K(q) = log E e^{q n}, the mean exit time from the minimum over the
level a satisfies lr log T -> V as lr -> 0 at a fixed law of n,

    V = int_0^a q(x) dx,    K(q(x)) = U'(x) q(x),  q > 0,

the zero-energy path of the Hamiltonian K(q) - U'(x) q (Freidlin and Wentzell). Normal noise of
variance C has q = 2 U'/C and V = 2 (U(a) - U(0))/C. The mean of b noises has K_b(q) = b K(q/b),
hence V_b = b V_1: the exponent never becomes that of the normal law, however large the batch.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.levy.result import ExitExponent

NODES = 24
BOUNDED = 2.0**40  # of q; beyond it the noise is bounded and does not reach the slope
APPROACH = 60  # halvings of the distance to the end of the domain of K


def exit_exponent(
    cgf: Callable[[float], float],
    gradient: Callable[[float], float],
    level: float,
    minimum: float = 0.0,
    limit: float = math.inf,
) -> ExitExponent:
    r"""Return the exponent V of exit, mean exit steps ~ exp(V/lr) as lr -> 0.

    Parameters
    ----------
    cgf : callable
        K(q) = log E exp(q n) of the gradient noise of one step.
    gradient : callable
        U'(w) of the loss; it must not vanish between minimum and level.
    level : float
        The end over which the walk leaves, on either side.
    minimum : float
        Where it starts.
    limit : float
        |q| up to which K is finite, in (0, inf].

    Returns
    -------
    ExitExponent
        V; with momentum lr stands for lr (1 - dampening)/(1 - momentum).

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the gradient does not point back to the minimum.

    See Also
    --------
    kramers_time : Normal noise, with its prefactor.

    Notes
    -----
    .. math:: V = \int q(x)\,dx, \qquad K(q(x)) = U'(x)\, q(x).

    References
    ----------
    M. I. Freidlin, A. D. Wentzell, Random Perturbations of Dynamical Systems, chapter 5; the
    statement for the batch is ours.

    Examples
    --------
    Normal noise of variance 1, and a product of two normal variables of the same variance:

    >>> import linsgd, math
    >>> round(linsgd.levy.exit_exponent(lambda q: q * q / 2, lambda w: w, 1.0).value, 6)
    1.0
    >>> product = lambda q: -0.5 * math.log1p(-q * q)
    >>> round(linsgd.levy.exit_exponent(product, lambda w: w, 1.0, limit=1.0).value, 4)
    0.6269
    """
    minimum = domains.real("minimum", minimum)
    level, limit = domains.real("level", level), domains.real("limit", limit, "(0, inf]")
    if level == minimum:
        domains.refuse("level", level, "other values than the minimum")
    side = math.copysign(1.0, level - minimum)

    def momentum(x: float) -> float:
        slope = side * float(gradient(x))
        if not slope > 0:
            domains.refuse("gradient", f"{slope * side:g} at {x:g}", "pointing to the minimum")
        return _root(lambda q: float(cgf(side * q)), slope, limit)

    middle = (minimum + level) / 2
    whole = _integral(momentum, minimum, level)
    halves = _integral(momentum, minimum, middle) + _integral(momentum, middle, level)
    error = abs(whole / halves - 1) if math.isfinite(halves) else 0.0
    return ExitExponent(value=halves, error=max(error, 1e-12))


def _integral(function: Callable[[float], float], start: float, end: float) -> float:
    """Return the integral of a positive function over the length of the interval."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    nodes: FloatArray = (start + end) / 2 + (end - start) / 2 * x
    values = np.array([function(float(node)) for node in nodes])
    return float(values @ w * abs(end - start) / 2)


def _root(cgf: Callable[[float], float], slope: float, limit: float) -> float:
    """Return q > 0 with K(q) = slope q; K(q)/q increases in q.

    Where K(q)/q stays below the slope up to the end of its domain the path is a straight jump at
    q = limit; if K is finite everywhere, the noise is bounded and q = inf.
    """

    def excess(q: float) -> float:
        return cgf(q) / q - slope

    upper = 1.0 if math.isinf(limit) else limit / 2
    for k in range(2, APPROACH):
        if excess(upper) > 0:
            break
        if upper > BOUNDED:
            return math.inf
        upper = 2 * upper if math.isinf(limit) else limit * (1 - 0.5**k)
        if upper == limit:
            return limit
    else:
        return limit
    lower = upper / 2
    while excess(lower) > 0:
        upper, lower = lower, lower / 2
    return float(brentq(excess, lower, upper, xtol=1e-14 * upper, rtol=1e-14))
