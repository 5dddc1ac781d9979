r"""The limit of the published block estimator of the stability index on noise that is not stable.

From K values X in blocks of m with sums Y the estimator (Mohammadi, Mohammadpour and Ogata 2015) is

    1/alpha = (mean log|Y| - mean log|X|)/log m,

unbiased for stable independent X. For many blocks it tends to [E log|Y| - E log|X|]/log m, which
needs no stable law:

* one law of finite variance: 1/2 + c/log m, c = log sd(X) + E log|Z| - E log|X|, Z normal, up to
  the distance of Y from normal, O(1/(m log m));
* products of normal variables summed over a batch of b (the gradient at the optimum), exactly:
  [psi(b m/2) - psi(b/2)]/(2 log m), as X is sqrt(Q) Z with Q ~ chi2_b;
* normal variables of unequal scales s in random order: E log S/(2 log m) - E log s/log m, S the sum
  of m of the s^2, by Frullani's integral E log S = int_0^inf [e^-t - (E e^{-t s^2})^m] dt/t; as m
  grows c = (log E s^2 - E log s^2)/2;
* normal variables of correlation matrix R in a block: log(1'R 1)/(2 log m);
* a share q of exact zeros, taken as the number `floor` inside the logarithms: the number of others
  in a block is binomial, and -q log(floor) leads.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import binom

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.references import MOHAMMADI_2015, SIMSEKLI_2019
from linsgd.result import Guarantee, Result

NORMAL_LOG = -(np.euler_gamma + math.log(2)) / 2  # E log|Z|
NORMAL_SPREAD = math.pi**2 / 8  # Var log|Z|
FLOOR = 2.0**-52  # added inside the logarithms by the published code
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BlockIndex(Result):
    """The limit of the block estimator of alpha for many blocks.

    Attributes
    ----------
    value : float
        1 over `inverse`; above 2 where no stable law has it.
    inverse : float
        The limit of 1/alpha, in which the estimator is linear.
    block : int
        m.
    order : str
        "exact", or what is neglected.
    error : float
        Estimated error of `inverse` as an evaluation of its formula.
    guarantee : Guarantee
        "numerical".
    """

    references = (MOHAMMADI_2015, SIMSEKLI_2019)
    value: float
    inverse: float
    block: int
    order: str
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL

    def deviation(self, blocks: int) -> float:
        """Return the standard deviation of the estimate of alpha from a number of blocks.

        By the spread of log|Y| of normal sums, pi/sqrt(8): alpha^2 pi/(sqrt(8 blocks) log m), up to
        a factor 1 + O(1/m + alpha/sqrt(blocks)). With few blocks the estimate has the bias
        deviation^2/alpha and may be negative.

        Parameters
        ----------
        blocks : int
            At least 1.
        """
        count = domains.integer("blocks", blocks, "[1, inf)")
        spread = math.sqrt(NORMAL_SPREAD / count) / math.log(self.block)
        return self.value**2 * spread


def block_index_of_products(batch_size: int, block: int) -> BlockIndex:
    r"""Return the block index of minibatch gradients at the optimum of linear regression.

    Parameters
    ----------
    batch_size : int
        b: each value is a sum of b products of independent normal variables.
    block : int
        m, at least 2.

    Returns
    -------
    BlockIndex
        Exact for every block.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    .. math:: \frac1\alpha = \frac{\psi(b m/2) - \psi(b/2)}{2 \log m},

    about 2 - 2/(b log m) for large b, although the noise has exponential tails.

    References
    ----------
    Of the estimator: M. Mohammadi, A. Mohammadpour, H. Ogata, Metrika 78 (2015) 549; the limit is
    derived here.

    Examples
    --------
    >>> import linsgd
    >>> [round(linsgd.levy.block_index_of_products(1, m).value, 3) for m in (10, 100, 1000)]
    [1.327, 1.57, 1.69]
    """
    b = domains.integer("batch_size", batch_size, "[1, inf)")
    m = domains.integer("block", block, "[2, inf)")
    inverse = float(digamma(b * m / 2) - digamma(b / 2)) / (2 * math.log(m))
    return _found(inverse, m, "exact", ROUNDING)


def block_index_of_law(pdf: Callable[[float], float], block: int) -> BlockIndex:
    r"""Return the block index of independent values of a symmetric law of finite variance.

    Parameters
    ----------
    pdf : callable
        Density at x > 0 of a symmetric law, of any scale.
    block : int
        m, at least 2.

    Returns
    -------
    BlockIndex
        For large m.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the law has no variance.

    Notes
    -----
    .. math:: \frac1\alpha = \frac12 + \frac{c}{\log m}, \qquad
        c = \log \mathrm{sd}(X) + E\log|Z| - E\log|X|,

    with c >= 0 for mixtures of normal laws and c < 0, alpha above 2, for the uniform law.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> import linsgd, math
    >>> round(linsgd.levy.block_index_of_law(lambda x: math.exp(-x) / 2, 100).value, 3)
    1.777
    """
    m = domains.integer("block", block, "[2, inf)")

    def mean(function: Callable[[float], float]) -> tuple[float, float]:
        # x = e^t
        def integrand(t: float) -> float:
            x = math.exp(t)
            return 2 * float(pdf(x)) * x * function(x)

        parts = [quad(integrand, *ends, limit=400) for ends in ((-60, -5), (-5, 5), (5, 40))]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    mass, _ = mean(lambda x: 1.0)
    if abs(mass - 1) > 1e-6:
        domains.refuse("pdf", f"of mass {mass:.6g} on both sides", "densities of mass 1")
    variance, variance_error = mean(lambda x: x * x)
    beyond = 2 * float(pdf(math.exp(39.0))) * math.exp(3 * 39.0)
    if beyond > 1e-9 * variance:
        domains.refuse("pdf", "of infinite variance", "densities of finite variance")
    logarithm, log_error = mean(math.log)
    constant = math.log(variance) / 2 + NORMAL_LOG - logarithm
    error = (log_error + variance_error / variance) / math.log(m) + ROUNDING
    return _found(0.5 + constant / math.log(m), m, "up to O(1/(m log m))", error)


def block_index_of_normals(
    block: int,
    scales: ArrayLike | None = None,
    correlation: ArrayLike | float = 0.0,
    zeros: float = 0.0,
    floor: float = FLOOR,
) -> BlockIndex:
    r"""Return the block index of normal noise of unequal scales, or correlated, or with zeros.

    Parameters
    ----------
    block : int
        m, at least 2.
    scales : array_like (d,), optional
        Standard deviations, positive, of coordinates that enter in random order.
    correlation : float or array_like (m, m)
        Of the values within a block: one number for all pairs, or their correlation matrix.
    zeros : float
        Share of values that are exactly 0, in [0, 1), placed at random.
    floor : float
        The number that stands for a zero inside the logarithms, positive.

    Returns
    -------
    BlockIndex
        Exact; 2 for independent values of one scale.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or two of the three causes are combined.

    Notes
    -----
    The noise is normal: alpha below 2 is here an artefact of pooling. For one correlation c

    .. math:: \frac1\alpha = \frac{\log(m (1 - c) + c m^2)}{2 \log m},

    for unequal scales about
    :math:`\frac12 + \frac{\log E s^2 - E \log s^2}{2 \log m}`, and a share q of zeros adds about
    :math:`36 q/\log m`.

    References
    ----------
    Derived here; the number inside the logarithms is that of the code of U. Simsekli, L. Sagun, M.
    Gurbuzbalaban (2019), as read.

    Examples
    --------
    >>> import linsgd
    >>> [round(linsgd.levy.block_index_of_normals(100, correlation=c).value, 2)
    ...  for c in (0.01, 0.1, 0.5)]
    [1.74, 1.32, 1.08]
    """
    m = domains.integer("block", block, "[2, inf)")
    q = domains.real("zeros", zeros, "[0, 1)")
    small = domains.real("floor", floor, "(0, 1)")
    correlated = np.ndim(correlation) > 0 or correlation != 0
    if (scales is not None) + correlated + (q > 0) > 1:
        domains.refuse("zeros", zeros, "alone: of scales, correlation and zeros one may be given")
    if scales is not None:
        return _found(_unequal(domains.array("scales", scales, (None,)), m), m, "exact", 1e-9)
    if q > 0:
        return _found(_with_zeros(m, q, small), m, "exact", ROUNDING)
    inverse = math.log(_summed_correlation(correlation, m)) / (2 * math.log(m))
    return _found(inverse, m, "exact", ROUNDING)


def _found(inverse: float, m: int, order: str, error: float) -> BlockIndex:
    value = 1 / inverse if inverse > 0 else math.inf
    return BlockIndex(value=value, inverse=inverse, block=m, order=order, error=error)


def _summed_correlation(correlation: ArrayLike | float, m: int) -> float:
    """Return 1'R 1, the variance of a block's sum over that of one value."""
    if np.ndim(correlation) == 0:
        c = domains.real("correlation", correlation, f"({-1 / (m - 1)!r}, 1]")
        return m * (1 - c) + c * m * m
    R = domains.array("correlation", correlation, (m, m))
    if not np.allclose(np.diag(R), 1) or not np.allclose(R, R.T):
        domains.refuse("correlation", R, "symmetric matrices with ones on the diagonal")
    total = float(R.sum())
    if total <= 0:
        domains.refuse("correlation", R, "matrices whose entries have a positive sum")
    return total


def _unequal(scales: FloatArray, m: int) -> float:
    """Return 1/alpha of normal values whose scales are drawn at random."""
    if scales.min() <= 0:
        i = int(scales.argmin())
        domains.refuse(f"scales[{i}]", float(scales[i]), "(0, inf)")
    # the scale of all does not matter
    log_squares = 2 * np.log(scales)
    squares = np.exp(log_squares - log_squares.max())

    def integrand(u: float) -> float:
        t = math.exp(u)
        return math.exp(-t) - float(np.mean(np.exp(-t * squares))) ** m

    # t from far below 1/sum to where both terms vanish
    lowest = -math.log(m) - 40
    highest = math.log(800 / squares.min())
    edges = np.linspace(lowest, highest, 1 + math.ceil((highest - lowest) / 4))
    x, w = np.polynomial.legendre.leggauss(20)
    log_sum = 0.0
    for left, right in itertools.pairwise(edges):
        nodes = (left + right) / 2 + (right - left) / 2 * x
        log_sum += sum(w * [integrand(float(u)) for u in nodes]) * (right - left) / 2
    mean_log = float(np.mean(np.log(squares)))
    return (log_sum - mean_log) / (2 * math.log(m))


def _with_zeros(m: int, q: float, floor: float) -> float:
    """Return 1/alpha of normal values with a share q of zeros."""
    others = np.arange(1, m + 1)
    chances = binom.pmf(others, m, 1 - q)
    sums = float(chances @ (np.log(others) / 2 + NORMAL_LOG)) + q**m * math.log(floor)
    values = (1 - q) * NORMAL_LOG + q * math.log(floor)
    return (sums - values) / math.log(m)
