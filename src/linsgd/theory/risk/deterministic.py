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
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result
from linsgd.theory.risk.contour import ComplexArray, contour
from linsgd.theory.risk.coverage import check_homogenized
from linsgd.theory.risk.measures import Panels, compressed, power_tail
from linsgd.theory.risk.result import RiskStatus
from linsgd.theory.risk.run import Schedules

SUMMED = 2000  # modes that are summed one by one; the rest errs by (weight/2000)^2/24
SOFT = 1e-10  # of the softest scale that is resolved: modes below it are one node
TURNS, NEWTON, POLISH = 3, 1, 4  # of the path from the positive axis, and of Newton's method
TABLE = 200  # real arguments from which the path begins
LIGHT = 1e-10  # of the largest weight of the contour: points below it are left out
WIDE = Panels(np.inf, np.inf)


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
    size = _checked_size(law, features)
    times = domains.step_list("steps", steps)
    if times.min() < 1:
        domains.refuse("steps", int(times.min()), "[1, inf)")
    softest = 1 / (2 * sgd.lr * float(times.max()))
    slowest = SOFT * min(softest, features**-law.exponent)
    fine, coarse = (FeatureSpectrum.of(law.exponent, law.source, size, slowest, n) for n in (10, 8))
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


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSpectrum:
    """The spectrum of D on few nodes, and the number of features.

    Attributes
    ----------
    h : ndarray (J,)
        Nodes.
    trace_weights, target_weights : ndarray (J,)
        h and h b^2, summed over the modes of a node; each is zero where the other has its nodes.
    features : float
        d.
    """

    h: FloatArray
    trace_weights: FloatArray
    target_weights: FloatArray
    features: float

    @classmethod
    def of(
        cls,
        exponent: float,
        source: float,
        size: tuple[float, float],
        slowest: float,
        n: int,
        summed: int = SUMMED,
    ) -> FeatureSpectrum:
        """Return the spectrum of d features of v coordinates; softer than `slowest` is one node."""
        features, coordinates = size
        first = int(min(summed, coordinates))
        weights = np.array([exponent, exponent + 2 * source])
        j = np.arange(first, 0.0, -1.0)
        explicit = [compressed(j**-exponent, j**-weight, WIDE, n) for weight in weights]
        # beyond the explicit modes both measures have the same nodes
        tails = [power_tail(first, exponent, weight, slowest, coordinates, n) for weight in weights]
        sizes = [each.nodes.size for each in explicit]
        none = [np.zeros(size) for size in sizes]
        return cls(
            h=np.concatenate([explicit[0].nodes, explicit[1].nodes, tails[0].nodes]),
            trace_weights=np.concatenate([explicit[0].weights, none[1], tails[0].weights]),
            target_weights=np.concatenate([none[0], explicit[1].weights, tails[1].weights]),
            features=features,
        )

    @property
    def trace(self) -> float:
        """The trace of D."""
        return float(self.trace_weights.sum())

    def freedom(self, k: FloatArray | ComplexArray) -> NDArray[np.complex128]:
        """Return df(k)."""
        return np.asarray((1 / (self.h + np.asarray(k)[..., None])) @ self.trace_weights)

    def misfit(self) -> float:
        """Return the risk k sum h b^2/(h + k)/2 of the best predictor: l = 0, where df(k) = d."""
        low, high = np.log(self.features**-3.0) - 60, np.log(self.trace)
        for _ in range(80):
            middle = (low + high) / 2
            if float(np.real(self.freedom(np.exp(middle)))) > self.features:
                low = middle
            else:
                high = middle
        k = np.exp(high)
        return float(k * np.sum(self.target_weights / (self.h + k))) / 2

    def arguments(self, scales: ComplexArray) -> ComplexArray:
        """Return k (S,) at l (S,), by Newton's method along a path from the positive axis."""
        sizes, angles = np.abs(scales), np.angle(scales)
        top = np.log(float(sizes.max()) + 2 * self.trace / self.features + self.trace)
        table = np.exp(np.linspace(np.log(sizes.min()) - 2, top, TABLE))
        found = table * (1 - np.real(self.freedom(table)) / self.features)
        inside = found > 0
        k = np.exp(np.interp(np.log(sizes), np.log(found[inside]), np.log(table[inside])))
        k = k.astype(complex)
        for turn in range(1, TURNS + 1):
            # k ~ l^p along the path, then Newton's method
            power = sizes * np.exp(1j * angles * (turn - 1) / TURNS) / (k * self._residual(k)[1])
            k = k * np.exp(1j * angles / TURNS * power)
            target = sizes * np.exp(1j * angles * turn / TURNS)
            for _ in range(POLISH if turn == TURNS else NEWTON):
                value, slope = self._residual(k)
                k = k - (value - target) / slope
        return k

    def _residual(self, k: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        """Return l = k (1 - df(k)/d) and dl/dk."""
        inverse = 1 / (self.h + k[:, None])
        freedom = inverse @ self.trace_weights
        squares = (inverse * inverse) @ (self.trace_weights * self.h)
        return k * (1 - freedom / self.features), 1 - squares / self.features

    def risks(
        self, lr: float, batch_size: float, times: FloatArray, noise_std: float = 0.0
    ) -> FloatArray:
        """Return the risk (K,) at the times (K,), in steps."""
        points = [contour(float(time)) for time in times]
        s, weights = (np.array([each[i] for each in points]) for i in (0, 1))
        heavy = np.abs(weights[0]) > LIGHT * np.abs(weights[0]).max()
        s, weights = s[:, heavy], weights[:, heavy]
        total = self._transform(lr, batch_size, s.ravel(), noise_std).reshape(s.shape)
        risks: FloatArray = np.real(np.sum(weights * total, axis=1)) / 2
        return risks

    def _transform(
        self, lr: float, batch_size: float, s: ComplexArray, noise_std: float
    ) -> ComplexArray:
        """Return T^ (S,) at s (S,)."""
        scale = s / (2 * lr)
        k = self.arguments(scale)
        inverse = 1 / (self.h + k[:, None])
        freedom = inverse @ self.trace_weights
        forgetting = k / scale * (inverse @ self.target_weights) / (2 * lr)
        kernel = inverse @ (self.trace_weights * self.h) + k / self.features * freedom**2
        feeding = lr / (2 * batch_size) * kernel
        total: ComplexArray = (forgetting + noise_std**2 * feeding / s) / (1 - feeding)
        return total
