r"""Random features of a power law, in the limit of many features: deterministic equivalents.

With features W'x, W_ij ~ N(0, 1/d), and D = diag(j^-a) the residual D^(1/2)(W w - b) of gradient
flow decays by the random matrix D^(1/2) W W' D^(1/2). For many features d its resolvent at -l is
that of D itself at -k, divided by m = l/k, where

    l = k (1 - df(k)/d),                     df(k) = sum h/(h + k),          h = j^-a,

so that the sums of homogenised SGD (module `homogenized`) become, at Laplace's s = 2 eta l,

    F^(s) = (1/(2 eta)) (k/l) sum h b^2/(h + k),
    K^(s) = (eta/(2 B)) (sum h^2/(h + k) + (k/d) df(k)^2),

B the batch size, and T^ = (F^ + sigma^2 K^/s)/(1 - K^), with T/2 the risk, the misfit included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result
from linsgd.theory.risk.coverage import check_finite_risk, check_homogenized
from linsgd.theory.risk.feature_spectrum import SUMMED, FeatureSpectrum
from linsgd.theory.risk.result import RiskStatus
from linsgd.theory.risk.run import Schedules

SOFT = 1e-10  # of the softest scale that is resolved: modes below it are one node


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RandomFeaturesRisk(Result):
    """The risk on random features in the limit of many features.

    Attributes
    ----------
    status : RiskStatus
        "unstable" where lr tr D/(2 batch) >= 1: the equation then grows for ever.
    steps : ndarray (K,)
        Numbers of steps.
    risk : ndarray (K,)
        E (w'W'x - b'x)^2/2, the misfit of the best features included.
    misfit : float
        The risk of the best predictor on the features.
    error : ndarray (K,)
        Relative, of solving the equations, from two resolutions; not that of the limit, which is of
        order 1/features.
    """

    status: RiskStatus
    steps: IntArray
    risk: FloatArray
    misfit: float
    error: FloatArray


def random_features_curve(
    law: PowerLaw, features: int, sgd: SGD, steps: ArrayLike
) -> RandomFeaturesRisk:
    r"""Return the risk of homogenised SGD on random features of a power law, for many features.

    Parameters
    ----------
    law : PowerLaw
        Of dimension v above `features`; None only where exponent > 1.
    features : int
        d, at least 1.
    sgd : SGD
        Without momentum and weight decay.
    steps : array_like (K,)
        Numbers of steps, each at least 1.

    Returns
    -------
    RandomFeaturesRisk
        The risk, with the misfit.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    random_features : The features of one draw of W, whose curve is exact.

    Notes
    -----
    The limit is a deterministic equivalent: the random matrix is replaced by its resolvent's limit.
    For one draw of W the relative difference is of order 1/d.

    References
    ----------
    .. [1] E. Paquette, C. Paquette, L. Xiao, J. Pennington, "4+3 Phases of Compute-Optimal Neural
       Scaling Laws" (2024), arXiv 2405.15074.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.4, source=0.7)
    >>> curve = linsgd.random_features_curve(law, 100, linsgd.SGD(lr=0.2), [10, 1000])
    >>> bool(curve.risk[0] > curve.risk[1] > curve.misfit > 0)
    True
    """
    accept(law, sgd, OPTIMIZERS, (PowerLaw,))
    check_homogenized(law, sgd, Schedules())
    check_finite_risk(law)
    size = _checked_size(law, features)
    times = domains.step_list("steps", steps)
    if times.min() < 1:
        domains.refuse("steps", int(times.min()), "[1, inf)")
    softest = 1 / (2 * sgd.lr * float(times.max()))
    slowest = SOFT * min(softest, features**-law.exponent)
    spectra = [FeatureSpectrum.of(law.exponent, law.source, size, slowest, n) for n in (10, 8)]
    fine, coarse = spectra
    found, rough = (
        2 * each.risks(sgd.lr, sgd.batch_size, times.astype(float), law.noise_std)
        for each in (fine, coarse)
    )
    summed = ((law.exponent + 2 * abs(law.source)) / SUMMED) ** 2 / 24
    feedback = sgd.lr * fine.trace / (2 * sgd.batch_size)
    return RandomFeaturesRisk(
        status=RiskStatus.OK if feedback < 1 else RiskStatus.UNSTABLE,
        steps=times,
        risk=found / 2,
        misfit=fine.misfit(),
        error=np.abs(found - rough) / np.abs(found) + summed,
    )


def _checked_size(law: PowerLaw, features: int) -> tuple[float, float]:
    """Return d and v."""
    highest = "inf" if law.dimension is None else f"{law.dimension}"
    features = domains.integer("features", features, f"[1, {highest})")
    if law.dimension is None and law.exponent <= 1:
        domain = "above 1 with infinitely many coordinates, whose trace must be finite"
        domains.refuse("exponent", law.exponent, domain)
    return float(features), float(law.dimension or np.inf)
