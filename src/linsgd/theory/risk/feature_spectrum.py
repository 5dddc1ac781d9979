r"""The deterministic equivalent of random features on few nodes: its argument, and its risk.

The equations are those of `deterministic`. The argument k of l = k (1 - df(k)/d) is found at every
point of the contour from its value on the positive axis, by Newton's method along an arc.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray
from linsgd.theory.risk.contour import ComplexArray, contour
from linsgd.theory.risk.measures import Panels, compressed, power_tail

SUMMED = 2000  # modes that are summed one by one; the rest errs by (weight/2000)^2/24
TURNS, NEWTON, POLISH = 3, 1, 4  # of the path from the positive axis, and of Newton's method
TABLE = 200  # real arguments from which the path begins
LIGHT = 1e-10  # of the largest weight of the contour: points below it are left out
WIDE = Panels(np.inf, np.inf)


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
        h = j**-exponent
        explicit = [compressed(h, j**-weight, WIDE, n) for weight in weights]
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
        inverse = 1 / (self.h + np.asarray(k)[..., None])
        return np.asarray(inverse @ self.trace_weights)

    def misfit(self) -> float:
        """Return the risk k sum h b^2/(h + k)/2 of the best predictor: l = 0, where df(k) = d."""
        low = np.log(self.features**-3.0) - 60
        high = np.log(self.trace)
        for _ in range(80):
            middle = (low + high) / 2
            freedom = float(np.real(self.freedom(np.exp(middle))))
            if freedom > self.features:
                low = middle
            else:
                high = middle
        k = np.exp(high)
        return float(k * np.sum(self.target_weights / (self.h + k))) / 2

    def arguments(self, scales: ComplexArray) -> ComplexArray:
        """Return k (S,) at l (S,), by Newton's method along a path from the positive axis."""
        sizes = np.abs(scales)
        angles = np.angle(scales)
        trace = self.trace
        top = np.log(float(sizes.max()) + 2 * trace / self.features + trace)
        bottom = np.log(sizes.min()) - 2
        table = np.exp(np.linspace(bottom, top, TABLE))
        found = table * (1 - np.real(self.freedom(table)) / self.features)
        inside = found > 0
        log_k = np.interp(np.log(sizes), np.log(found[inside]), np.log(table[inside]))
        k = np.exp(log_k).astype(complex)
        for turn in range(1, TURNS + 1):
            # k ~ l^p along the path, p = (l/k) dk/dl, then Newton's method
            before = sizes * np.exp(1j * angles * (turn - 1) / TURNS)
            slope = self._residual(k)[1]
            power = before / (k * slope)
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
        scale = k * (1 - freedom / self.features)
        slope = 1 - squares / self.features
        return scale, slope

    def risks(
        self, lr: float, batch_size: float, times: FloatArray, noise_std: float = 0.0
    ) -> FloatArray:
        """Return the risk (K,) at the times (K,), in steps."""
        points = [contour(float(time)) for time in times]
        s = np.array([nodes for nodes, _ in points])
        weights = np.array([weight for _, weight in points])
        sizes = np.abs(weights[0])
        heavy = sizes > LIGHT * sizes.max()
        s = s[:, heavy]
        weights = weights[:, heavy]
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
        within = inverse @ (self.trace_weights * self.h)
        kernel = within + k / self.features * freedom**2
        feeding = lr / (2 * batch_size) * kernel
        labels = noise_std**2 * feeding / s
        total: ComplexArray = (forgetting + labels) / (1 - feeding)
        return total
