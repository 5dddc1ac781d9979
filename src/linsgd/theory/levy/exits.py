r"""Exits by one large jump: SGD with stable noise of index alpha < 2.

The stable process of unit scale has the jumps nu(dy) = c |y|^{-1 - alpha} dy,

    c = Gamma(1 + alpha) sin(pi alpha/2)/pi,

so that a jump of amplitude eps leaves (m - b', m + a) at the rate eps^alpha (c/alpha) (a^-alpha +
b'^-alpha), whatever the potential does inside: the width decides, not the height (Imkeller and
Pavlyukevich 2006, for eps -> 0). One step of SGD takes the time e (`linsgd.theory.levy.noise`) and
e eps^alpha = (e sigma_b)^alpha. Between wells with minima m_i, separated by the s_j, the process at
the time t/eps^alpha becomes a Markov chain with

    q_ij = (c/alpha) | |s_{j-1} - m_i|^-alpha - |s_j - m_i|^-alpha |,    s_0 = -inf, s_n = inf,

which reaches every well in one jump. Two wells are occupied in proportion to |m_i - s|^alpha.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.result import Guarantee, Result
from linsgd.stable import Stable
from linsgd.theory.levy.noise import driven, effective_lr
from linsgd.theory.levy.result import AsymptoticStatus, ExitTime

ORDER = "leading as lr -> 0 at fixed interval"
ROUNDING = 1e-13


def jump_constant(alpha: float) -> float:
    r"""Return c of the jumps c |y|^(-1-alpha) dy of the stable process of unit scale.

    Parameters
    ----------
    alpha : float
        In (0, 2).

    Returns
    -------
    float
        :math:`c_\alpha = \Gamma(1 + \alpha) \sin(\pi \alpha/2)/\pi`, to 1e-13; it vanishes as
        :math:`2 - \alpha`.

    Raises
    ------
    ValueError
        If alpha lies outside its domain.

    Notes
    -----
    :math:`P(|S| > x) \sim 2 c_\alpha x^{-\alpha}/\alpha`. The mean time until a jump of one sign
    exceeds d is :math:`\alpha d^\alpha/c_\alpha = 2 \Gamma(1 - \alpha) \cos(\pi\alpha/2) d^\alpha`
    per unit of :math:`\epsilon^{-\alpha}`. Theorems written with jumps :math:`|y|^{-1 - \alpha} dy`
    have c = 1: they are another process, 3 to 6 times faster at alpha 1.2 to 1.8.

    References
    ----------
    G. Samorodnitsky, M. S. Taqqu, Stable Non-Gaussian Random Processes (1994).

    Examples
    --------
    >>> import linsgd
    >>> [round(linsgd.levy.jump_constant(alpha), 4) for alpha in (1.2, 1.5, 1.8)]
    [0.3335, 0.2992, 0.1649]
    """
    alpha = domains.real("alpha", alpha, "(0, 2)")
    # sin(pi alpha/2) = sin(pi (2 - alpha)/2), accurate next to 2
    sine = math.sin(math.pi * min(alpha, 2 - alpha) / 2)
    return math.gamma(1 + alpha) * sine / math.pi


def exit_time(
    sgd: SGD, noise: Stable, right: float, left: float = -math.inf, minimum: float = 0.0
) -> ExitTime:
    r"""Return the mean number of steps until stable noise throws SGD out of an interval.

    Parameters
    ----------
    sgd : SGD
        The optimizer, with independent batches.
    noise : Stable
        Of one sample's gradient, of index below 2.
    right, left : float
        Ends of the interval, right > minimum > left; left = -inf for a one-sided exit.
    minimum : float
        Of the loss, where the walk stays between jumps.

    Returns
    -------
    ExitTime
        In steps, to leading order as lr -> 0; the exit time is then exponentially distributed. The
        relative correction is of order (e sigma_b)^alpha and lr times the curvature
        (`recursion_exit_time` gives the exact mean).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    recursion_exit_time, wells

    Notes
    -----
    With :math:`e = \eta (1 - \tau)/(1 - \beta)` and :math:`a, b'` the distances to the ends,

    .. math:: E k = \frac{\alpha}{c_\alpha (e \sigma b^{1/\alpha - 1})^\alpha
        (a^{-\alpha} + b'^{-\alpha})},

    a power of the width, independent of curvature and barrier height.

    References
    ----------
    P. Imkeller, I. Pavlyukevich, "First exit times of SDEs driven by stable Levy processes",
    Stoch. Proc. Appl. 116 (2006) 611 (reconstructed; normalised to the unit-scale process).

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.02, batch_size=16)
    >>> round(linsgd.levy.exit_time(sgd, linsgd.Stable(1.5), 1.0, -1.0).mean, 1)
    3544.9
    """
    law = _jumping(sgd, noise)
    minimum = domains.real("minimum", minimum)
    right = domains.real("right", right, f"({minimum!r}, inf]")
    left = domains.real("left", left, f"[-inf, {minimum!r})")
    if math.isinf(right) and math.isinf(left):
        domains.refuse("right", right, "finite values if left = -inf")
    ends = (right - minimum) ** -law.alpha + (minimum - left) ** -law.alpha
    log_mean = -_log_rate(sgd, law) - math.log(ends)
    return ExitTime(
        mean=math.exp(log_mean) if log_mean < 709 else math.inf,
        log_mean=log_mean,
        unit="steps",
        order=ORDER,
        error=ROUNDING,
        status=AsymptoticStatus.OK if log_mean >= 0 else AsymptoticStatus.OUTSIDE,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Wells(Result):
    """The Markov chain on the wells of a loss, in the limit of small lr.

    Attributes
    ----------
    rates : ndarray (n, n)
        Rates per step from well i to well j; the rows sum to 0.
    occupation : ndarray (n,)
        Stationary probabilities.
    mean_stay : ndarray (n,)
        Mean steps in each well before a jump to another one.
    order : str
        The limit in which they hold.
    error : float
        Estimated relative error of the numbers as evaluations of their formula.
    guarantee : Guarantee
        "numerical".
    """

    rates: FloatArray
    occupation: FloatArray
    mean_stay: FloatArray
    order: str = field(default=ORDER)
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL

    def transition(self, steps: float) -> FloatArray:
        """Return the probabilities (n, n) of the wells after a number of steps, at least 0."""
        time = domains.real("steps", steps, "[0, inf)")
        found: FloatArray = expm(self.rates * time)
        return found


def wells(minima: ArrayLike, saddles: ArrayLike, sgd: SGD, noise: Stable) -> Wells:
    r"""Return the Markov chain by which stable noise moves SGD between wells.

    Parameters
    ----------
    minima : array_like (n,)
        Ascending, n >= 2.
    saddles : array_like (n - 1,)
        Between them.
    sgd : SGD
        The optimizer, with independent batches.
    noise : Stable
        Of one sample's gradient, of index below 2.

    Returns
    -------
    Wells
        Rates per step, stationary occupation and mean stays, to leading order as lr -> 0.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or minima and saddles do not alternate.

    Notes
    -----
    .. math:: q_{ij} = \frac{c_\alpha}{\alpha} (e \sigma b^{1/\alpha - 1})^\alpha
        \left| |s_{j-1} - m_i|^{-\alpha} - |s_j - m_i|^{-\alpha} \right|.

    For two wells the occupation is proportional to :math:`|m_i - s|^\alpha`; normal noise would
    give :math:`e^{-U(m_i)/T}/\sqrt{U''(m_i)}`.

    References
    ----------
    P. Imkeller, I. Pavlyukevich, "Metastable behaviour of small noise Levy-driven diffusions",
    ESAIM Prob. Stat. 12 (2008) 412 (reconstructed).

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.01)
    >>> linsgd.levy.wells([-1, 2], [0], sgd, linsgd.Stable(1.5)).occupation.round(3)
    array([0.261, 0.739])
    """
    law = _jumping(sgd, noise)
    m = domains.array("minima", minima, (None,))
    if m.size < 2:
        domains.refuse("minima", minima, "at least two minima")
    s = domains.array("saddles", saddles, (m.size - 1,))
    if not (np.all(m[:-1] < s) and np.all(s < m[1:])):
        domains.refuse("saddles", saddles, "one between each two successive minima")
    ends = np.concatenate([[-np.inf], s, [np.inf]])
    reach = np.abs(ends - m[:, None]) ** -law.alpha
    jumps = np.abs(np.diff(reach, axis=1))
    np.fill_diagonal(jumps, 0.0)
    leaving = jumps.sum(axis=1)
    rates = math.exp(_log_rate(sgd, law)) * (jumps - np.diag(leaving))
    return Wells(
        rates=rates,
        occupation=_stationary(jumps),
        mean_stay=-1 / np.diag(rates),
        error=ROUNDING * m.size,
    )


def _stationary(jumps: FloatArray) -> FloatArray:
    """Return the stationary law of a chain by elimination without subtraction.

    Grassmann, Taksar, Heyman 1985: state n - 1 is removed and its visits are given to the others.
    """
    A, n = jumps.copy(), len(jumps)
    leaving = np.zeros(n)
    for k in range(n - 1, 0, -1):
        leaving[k] = A[k, :k].sum()
        A[:k, :k] += np.outer(A[:k, k] / leaving[k], A[k, :k])
    share = np.zeros(n)
    share[0] = 1.0
    for k in range(1, n):
        share[k] = share[:k] @ A[:k, k] / leaving[k]
    found: FloatArray = share / share.sum()
    return found


def _log_rate(sgd: SGD, law: Stable) -> float:
    """Return log((e sigma_b)^alpha c/alpha), the rate of jumps beyond distance 1 of one sign."""
    strength = law.alpha * (math.log(effective_lr(sgd)) + math.log(law.scale))
    return strength + math.log(jump_constant(law.alpha) / law.alpha)


def _jumping(sgd: SGD, noise: Stable) -> Stable:
    """Return the noise of one step, of index below 2."""
    law = driven(sgd, noise)
    if law.alpha == 2:
        domains.refuse("noise.alpha", 2.0, "[0.3, 2): normal noise does not jump; use kramers_time")
    return law
