r"""The batch at which a normality test of given size ceases to see that noise is not normal.

The mean of b samples of excess kurtosis gamma_2 has gamma_2/b; the sample kurtosis of n normal
values has the standard error sqrt(24/n). "Gaussian for b >= b*" therefore states the power of the
test: at b* = (gamma_2/2) sqrt(n/24) the kurtosis is two standard errors.
"""

import math
from dataclasses import dataclass

from scipy.stats import norm

from linsgd import domains
from linsgd.result import Guarantee, Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NormalityThreshold(Result):
    """Up to which batch n draws show that the noise is not normal.

    Attributes
    ----------
    batch_size : float
        b* at which the excess kurtosis is two standard errors.
    excess_kurtosis : float
        Of one sample.
    draws : int
        n minibatch gradients.
    order : str
        What is neglected.
    guarantee : Guarantee
        "numerical".
    """

    batch_size: float
    excess_kurtosis: float
    draws: int
    order: str = "leading in 1/b and 1/n"
    guarantee: Guarantee = Guarantee.NUMERICAL

    def power(self, batch_size: int, level: float = 0.05) -> float:
        """Return the probability that a two-sided test of the sample kurtosis rejects.

        Parameters
        ----------
        batch_size : int
            b, at least 1.
        level : float
            Of the test, in (0, 1).

        Returns
        -------
        float
            With the deviation of normal samples: up to 0.3 above that of Shapiro and Wilk's test
            near b*, both tend to 1 below and to the level above.
        """
        b = domains.integer("batch_size", batch_size, "[1, inf)")
        level = domains.real("level", level, "(0, 1)")
        shift = self.excess_kurtosis / b * math.sqrt(self.draws / 24)
        z = float(norm.isf(level / 2))
        return float(norm.sf(z - shift) + norm.sf(z + shift))


def normality_threshold(excess_kurtosis: float, draws: int) -> NormalityThreshold:
    r"""Return the batch from which n minibatch gradients look normal.

    Parameters
    ----------
    excess_kurtosis : float
        Of the gradient of one sample along the direction tested, not 0; 6 at the optimum of a
        regression with Gaussian features (`gradient_noise` gives it elsewhere).
    draws : int
        n, at least 20.

    Returns
    -------
    NormalityThreshold
        b* and the power at any batch.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    .. math:: b^* = \frac{|\gamma_2|}{2} \sqrt{\frac{n}{24}}.

    References
    ----------
    The standard error of the kurtosis is classical; the threshold is derived here.

    Examples
    --------
    >>> import linsgd
    >>> [round(linsgd.normality_threshold(6.0, n).batch_size) for n in (100, 1000, 5000)]
    [6, 19, 43]
    """
    kurtosis = domains.real("excess_kurtosis", excess_kurtosis, "[-2, inf)")
    if kurtosis == 0:
        domains.refuse("excess_kurtosis", 0.0, "values other than 0, which this test cannot see")
    n = domains.integer("draws", draws, "[20, inf)")
    threshold = abs(kurtosis) / 2 * math.sqrt(n / 24)
    return NormalityThreshold(batch_size=threshold, excess_kurtosis=kurtosis, draws=n)
