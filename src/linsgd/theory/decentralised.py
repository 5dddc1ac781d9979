r"""Decentralised and local SGD: N nodes on a gossip matrix, second moments and exponents.

Decentralised SGD steps w_i' = sum_j G_ij w_j - lr g_i(w_i), each node on a batch of its own. About
w* the nodes' second moments P = E <D_i, D_j> for d equal Gaussian features of variance h obey

    P' = G P G' - lr h (G P + P G') + lr^2 h^2 (P + (d + 1)/b diag P) + noise,

whose largest eigenvalue in absolute value is the growth h(2): the second moment is stable below 1.

Local SGD makes tau own steps between averages over all nodes. With q_1 = 1 - lr h and q_2 =
1 - 2 lr h + lr^2 h^2 (1 + (d + 1)/b) a round's growth is q_2^tau/N + (1 - 1/N) q_1^{2 tau}.

For one feature the even moments of all nodes close on homogeneous polynomials: the growth h(2m) is
an eigenvalue of E p(M w) on monomials p of degree 2m, M = G - lr diag(x_i^2). log h is convex, so
that a chord bounds the exponent from below and the lines through two orders beside it from above.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import poch

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result

MOST_NODES = 40
MOST_MONOMIALS = 400
HIGHEST = 12  # even order up to which growths are computed

Monomial = tuple[int, ...]  # powers of the nodes
Polynomial = dict[Monomial, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NetworkStability(Result):
    """Where the second moment of the nodes is stable.

    Attributes
    ----------
    growth : float
        Factor of the second moment a step, or a round of local SGD, at the optimizer's lr.
    mean_square : bool
        Whether it is below 1.
    lr_mean_square : float
        The smallest lr at which it is 1.
    error : float
        Estimated relative error of these.
    guarantee : Guarantee
        "numerical".
    """

    growth: float
    mean_square: bool
    lr_mean_square: float
    error: float = 1e-12
    guarantee: Guarantee = Guarantee.NUMERICAL


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NetworkExponent(Result):
    """Bounds on the tail exponent of the nodes.

    Attributes
    ----------
    lower, upper : float
        Bounds from even moments; inf where the highest order computed is finite.
    orders : ndarray (m,)
        The even orders.
    growths : ndarray (m,)
        Their growth h(order) a step.
    guarantee : Guarantee
        "numerical".
    """

    lower: float
    upper: float
    orders: FloatArray
    growths: FloatArray
    guarantee: Guarantee = Guarantee.NUMERICAL


def decentralised_stability(
    problem: LinearRegression, sgd: SGD, gossip: ArrayLike
) -> NetworkStability:
    """Return where the second moment of decentralised SGD is stable.

    Parameters
    ----------
    problem : LinearRegression
        Equal Gaussian features.
    sgd : SGD
        Of each node, without momentum and weight decay.
    gossip : array_like (N, N)
        Nonnegative weights, each row of sum 1; N at most 40.

    Returns
    -------
    NetworkStability
        Growth at the optimizer's lr, and the critical one.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    Two nodes are less stable than one with all their samples, whose threshold is 1:

    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1)
    >>> found = linsgd.decentralised_stability(problem, sgd, [[0.9, 0.1], [0.1, 0.9]])
    >>> round(found.lr_mean_square, 5)
    0.68647
    """
    h = _equal_features(problem, sgd)
    G = gossip_matrix(gossip)
    d, b = problem.dimension, sgd.batch_size
    return _stability(lambda lr: _growth(G, lr * h, (d + 1) / b), sgd.lr, h)


def local_stability(
    problem: LinearRegression, sgd: SGD, nodes: int, local_steps: int
) -> NetworkStability:
    """Return where the second moment of local SGD is stable, round by round.

    Parameters
    ----------
    problem : LinearRegression
        Equal Gaussian features.
    sgd : SGD
        Of each node, without momentum and weight decay.
    nodes : int
        Number of nodes, from 1 to 10^6.
    local_steps : int
        Own steps between averages over all nodes, from 1 to 10^4.

    Returns
    -------
    NetworkStability
        Growth a round at the optimizer's lr, and the critical lr.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1)
    >>> [round(linsgd.local_stability(problem, sgd, 2, k).lr_mean_square, 5) for k in (1, 4)]
    [1.0, 0.75068]
    """
    h = _equal_features(problem, sgd)
    N = domains.integer("nodes", nodes, "[1, 1000000]")
    steps = domains.integer("local_steps", local_steps, "[1, 10000]")
    excess = (problem.dimension + 1) / sgd.batch_size

    def growth(lr: float) -> float:
        mean, square = 1 - lr * h, (1 - lr * h) ** 2 + (lr * h) ** 2 * excess
        return square**steps / N + (1 - 1 / N) * mean ** (2 * steps)

    return _stability(growth, sgd.lr, h)


def decentralised_exponent(
    problem: LinearRegression, sgd: SGD, gossip: ArrayLike
) -> NetworkExponent:
    """Return bounds on the tail exponent of decentralised SGD with one Gaussian feature.

    Parameters
    ----------
    problem : LinearRegression
        One Gaussian feature.
    sgd : SGD
        Of each node, without momentum and weight decay.
    gossip : array_like (N, N)
        Nonnegative weights, each row of sum 1; N at most 4.

    Returns
    -------
    NetworkExponent
        Bounds by the convexity of log h between even orders up to 12.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the second moment is unstable.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.4)
    >>> found = linsgd.decentralised_exponent(problem, sgd, [[0.5, 0.5], [0.5, 0.5]])
    >>> 2 < found.lower < found.upper < 4
    True
    """
    h = _equal_features(problem, sgd)
    if problem.dimension > 1:
        domains.refuse("dimension", problem.dimension, "1: use decentralised_stability")
    G = gossip_matrix(gossip)
    if len(G) > 4:
        domains.refuse("gossip", f"array of shape {G.shape}", "at most 4 nodes")
    count = math.comb(HIGHEST + len(G) - 1, len(G) - 1)
    highest = HIGHEST if count <= MOST_MONOMIALS else HIGHEST - 2
    orders = np.arange(2, highest + 1, 2)
    growths = np.array([moment_growth(G, sgd.lr * h, sgd.batch_size, int(n)) for n in orders])
    if growths[0] >= 1:
        domains.refuse("lr", sgd.lr, "learning rates with a stable second moment")
    lower, upper = _by_convexity(orders.astype(float), np.log(growths))
    return NetworkExponent(lower=lower, upper=upper, orders=orders.astype(float), growths=growths)


def gossip_matrix(gossip: ArrayLike) -> FloatArray:
    """Return a gossip matrix (N, N) of nonnegative rows of sum 1."""
    G = domains.array("gossip", gossip, (None, None))
    if G.shape[0] != G.shape[1] or len(G) > MOST_NODES:
        domains.refuse("gossip", f"array of shape {G.shape}", f"(N, N), N at most {MOST_NODES}")
    wrong = np.abs(G.sum(axis=1) - 1).max() > 1e-12 or G.min() < 0
    if wrong:
        domains.refuse("gossip", gossip, "nonnegative weights whose rows have sum 1")
    return G


def _equal_features(problem: LinearRegression, sgd: SGD) -> float:
    """Return the variance of the features, or refuse what the recursions do not hold for."""
    accept(problem, sgd)
    sgd.check(problem)
    h = problem.eigenvalues
    if type(problem.features) is not GaussianFeatures or (h != h[0]).any():
        domains.refuse_type("problem.features", problem.features, "equal Gaussian features")
    if sgd.momentum > 0 or sgd.weight_decay > 0 or sgd.sampling != "independent":
        given = f"momentum = {sgd.momentum}, weight_decay = {sgd.weight_decay}"
        domains.refuse("sgd", given, "0 both, with independent batches")
    return float(h[0])


def _growth(G: FloatArray, step: float, excess: float) -> float:
    """Return the largest eigenvalue of the map of P, by its matrix on N^2 entries."""
    N = len(G)
    shifted = G - step * np.eye(N)
    kernel = np.kron(shifted, shifted)
    for i in range(N):
        kernel[i * N + i, i * N + i] += step**2 * excess
    return float(np.abs(np.linalg.eigvals(kernel)).max())


def _stability(growth: Callable[[float], float], lr: float, h: float) -> NetworkStability:
    """Return growth at lr and its first crossing of 1, by steps of a hundredth up to 2/h."""
    spacing = 0.01 / h
    grid = spacing * np.arange(1, 201)
    first = next(x for x in grid if growth(x) >= 1 - 1e-12)
    lower = max(first - spacing, spacing / 10)
    critical = first
    if growth(lower) >= 1:  # a gossip matrix that does not settle
        critical = 0.0
    elif growth(first) > 1 + 1e-12:
        critical = brentq(lambda x: growth(x) - 1, lower, first, xtol=1e-15)
    own = growth(lr)
    return NetworkStability(growth=own, mean_square=own < 1, lr_mean_square=float(critical))


def moment_growth(G: FloatArray, step: float, b: int, order: int) -> float:
    """Return the growth h(order) a step of the moments of an even order, step = lr h."""
    N = len(G)
    monomials = [
        tuple(chosen.count(i) for i in range(N))
        for chosen in combinations_with_replacement(range(N), order)
    ]
    place = {monomial: i for i, monomial in enumerate(monomials)}
    # E X^j of X = chi2_b/b
    powers = [float(poch(b / 2, j)) * (2 / b) ** j for j in range(order + 1)]
    T = np.zeros((len(monomials), len(monomials)))
    for monomial in monomials:
        product: Polynomial = {(0,) * N: 1.0}
        for i, k in enumerate(monomial):
            product = _times(product, _coordinate(G[i], i, k, step, powers))
        for found, value in product.items():
            T[place[monomial], place[found]] = value
    return float(np.abs(np.linalg.eigvals(T)).max())


def _coordinate(row: FloatArray, i: int, k: int, step: float, powers: list[float]) -> Polynomial:
    """Return E (row.w - step X w_i)^k = sum_j C(k, j) (row.w)^(k - j) (-step w_i)^j E X^j."""
    N = len(row)
    unit = [tuple(int(m == n) for n in range(N)) for m in range(N)]
    linear: Polynomial = {unit[m]: float(row[m]) for m in range(N)}
    rows: list[Polynomial] = [{(0,) * N: 1.0}]
    for _ in range(k):
        rows.append(_times(rows[-1], linear))
    total: Polynomial = {}
    for j in range(k + 1):
        factor = math.comb(k, j) * (-step) ** j * powers[j]
        own = tuple(j if n == i else 0 for n in range(N))
        for monomial, value in _times(rows[k - j], {own: factor}).items():
            total[monomial] = total.get(monomial, 0.0) + value
    return total


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    """Return the product of two polynomials."""
    product: Polynomial = {}
    for a, x in one.items():
        for b, y in other.items():
            both = tuple(m + n for m, n in zip(a, b, strict=True))
            product[both] = product.get(both, 0.0) + x * y
    return product


def _by_convexity(orders: FloatArray, logs: FloatArray) -> tuple[float, float]:
    """Return bounds on the positive zero of a convex function with value 0 at 0."""
    s, f = np.concatenate([[0.0], orders]), np.concatenate([[0.0], logs])
    above = np.flatnonzero(f[1:] >= 0) + 1
    if not above.size:
        return float(s[-1]), math.inf
    k = int(above[0])

    def zero(i: int, j: int) -> float:
        """Return where the line through two points crosses 0, inf where it does not rise."""
        slope = (f[j] - f[i]) / (s[j] - s[i])
        return float(s[i] - f[i] / slope) if slope > 0 else math.inf

    upper = float(s[k])
    if k >= 2:
        upper = min(upper, zero(k - 2, k - 1))
    if k + 1 < len(s):
        upper = min(upper, zero(k, k + 1))
    return zero(k - 1, k), upper
