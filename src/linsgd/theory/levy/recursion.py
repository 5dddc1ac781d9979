r"""The mean exit time of the recursion w' = w - lr (U'(w) + n) itself, from its integral equation.

With f the density of lr n, the mean number of steps until w leaves (l, r) solves

    T(x) = 1 + int_l^r f(y - x + lr U'(x)) T(y) dy,

solved by Nystroem's method on Gauss-Legendre panels as wide as the noise of one step.
"""

import math
from collections.abc import Callable

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.stable import Stable
from linsgd.theory.levy.noise import driven
from linsgd.theory.levy.result import ExitTime

MOST_PANELS = 300
ORDERS = (6, 9)  # Gauss nodes of a panel: the second is the answer, the first its error


def recursion_exit_time(
    gradient: Callable[[FloatArray], FloatArray],
    sgd: SGD,
    noise: Stable,
    right: float,
    left: float,
    start: float = 0.0,
) -> ExitTime:
    r"""Return the mean number of steps in which SGD with stable noise leaves an interval.

    Parameters
    ----------
    gradient : callable
        U'(w) of an array of weights (n,).
    sgd : SGD
        Without momentum, with independent batches.
    noise : Stable
        Of one sample's gradient; index 2 is normal noise of variance 2 scale^2.
    right, left : float
        Ends of the interval, finite; at most 300 times the noise scale of a step apart.
    start : float
        Inside it.

    Returns
    -------
    ExitTime
        Exact for the recursion, with the error of the quadrature.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    exit_time : Its limit of small lr for alpha < 2.

    Notes
    -----
    .. math:: T(x) = 1 + \int_l^r f_{\eta n}(y - x + \eta U'(x))\, T(y)\, dy.

    References
    ----------
    The renewal equation of exit times; the solution is ours.

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.levy.recursion_exit_time(
    ...     lambda w: w, linsgd.SGD(lr=0.05), linsgd.Stable(1.5), 1.0, -1.0
    ... )
    >>> round(found.mean, 2), found.error < 1e-6
    (156.3, True)
    """
    law = driven(sgd, noise)
    if sgd.momentum > 0:
        domains.refuse("momentum", sgd.momentum, "0 for the integral equation")
    left, right = domains.real("left", left), domains.real("right", right)
    start = domains.real("start", start, f"({left!r}, {right!r})")
    step = Stable(law.alpha, sgd.lr * law.scale)
    panels = max(4, math.ceil((right - left) / step.scale))
    if panels > MOST_PANELS:
        domains.refuse("right - left", right - left, f"at most {MOST_PANELS * step.scale:g}")

    def drift(w: FloatArray) -> FloatArray:
        pulled: FloatArray = w - sgd.lr * (gradient(w) + sgd.weight_decay * w)
        return pulled

    coarse, mean = (_solved(drift, step, left, right, start, panels, n) for n in ORDERS)
    return ExitTime(
        mean=mean,
        log_mean=math.log(mean),
        unit="steps",
        order="exact",
        error=abs(coarse / mean - 1) + step.relative_error * mean,
    )


def _solved(
    drift: Callable[[FloatArray], FloatArray],
    step: Stable,
    left: float,
    right: float,
    start: float,
    panels: int,
    order: int,
) -> float:
    """Return T(start) with `order` Gauss nodes on each of the panels."""
    x, w = np.polynomial.legendre.leggauss(order)
    edges = np.linspace(left, right, panels + 1)
    half = (right - left) / panels / 2
    nodes = (edges[:-1, None] + half * (x + 1)).ravel()
    weights = np.tile(half * w, panels)
    from_points = drift(np.append(nodes, start))
    kernel = step.pdf(nodes - from_points[:, None]) * weights
    T = np.linalg.solve(np.eye(nodes.size) - kernel[:-1], np.ones(nodes.size))
    return float(1 + kernel[-1] @ T)
