r"""Where one step sends a direction of the plane or of space: a quadrature rule for Gaussian features.

With H = diag(l), e the direction of H^{1/2} u, X the norm of b normal variables and z normal in the
d - 1 directions across e (a batch of b features is one chi-square and one normal vector),

    A u = a u - c X^2 H u - c X |H^{1/2} u| H^{1/2} z,      c = lr / b.

What is integrated behaves like |A u|^s: it is smooth but at the point where A u = 0 and, when the
spectrum is uneven, varies fast near it and wherever a coordinate of A u changes sign. So each
variable t in turn is graded by

    x(t) = t / w + sum_k r_k asinh((t - t_k) / w_k)      (and, for X, by asinh log towards X = 0),

and the trapezoidal rule in x converges geometrically: t_k are the X at which A u can vanish or lose
a coordinate. Of the variables in z each decides one coordinate of A u for good, the one that still
varies most (Cholesky's factor of the covariance of A u, pivoted). It is graded where A u is least
in that coordinate and those before, the last in all: not sooner, as a third coordinate that is far
from 0 would draw the nodes away from where the first changes sign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from linsgd.domains import FloatArray
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere.image_kernels import along_lines

_DEPTH = 42.0  # log of the weights that are left out, below the largest that is possible
_LAST_DEPTH = {2: 42.0, 3: 26.0}  # below the largest, once all variables are known
_NEAREST = {
    2: 1e-4,
    3: 1e-3,
}  # how close to A u = 0 X is graded: what is closer counts like its d-th power
_CLOSE = {2: 1e-4, 3: 1e-2}  # the same for z
_GRADED = 1.5  # r_k
_BOTH = 8.0  # orders below which the untilted law is covered too, and its mass made 1

Map = Callable[[FloatArray], FloatArray]


class Images(NamedTuple):
    """Nodes of the law of A u: log weights (n,), log |A u| / |u| in the norm asked for (n,), squares (n, d) of A u."""

    log_weight: FloatArray
    growth: FloatArray
    squared: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class GaussianStep:
    """One step: shrinkage a, step c per sample, batch b, eigenvalues (d,) from the largest."""

    a: float
    c: float
    b: int
    spectrum: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "GaussianStep":
        """Return the step of a setting, its largest eigenvalue scaled to 1."""
        spectrum = np.sort(setting.spectrum)[::-1]
        return cls(
            setting.shrinkage,
            setting.lr * float(spectrum[0]) / setting.batch,
            setting.batch,
            spectrum / spectrum[0],
        )

    def images(self, u: FloatArray, s: float, norm: FloatArray, coarse: float) -> Images:
        """Return nodes of A u for moments of order `s` in the norm sum_i norm_i y_i^2; step `coarse` in x."""
        d, root, scale = u.size, np.sqrt(self.spectrum), np.sqrt(norm)
        lean = root * u
        length = float(np.linalg.norm(lean))
        e = lean / length
        start, pull = scale * self.a * u, scale * self.c * root * lean
        aims, levers = _deciding(
            (np.eye(d) - np.outer(e, e)) * np.outer(root * scale, root * scale)
        )
        levers *= -self.c * length
        X, log_weight = self._batch(e, length, (start, pull, levers[0]), s, coarse)
        mean = start - X[:, None] ** 2 * pull
        reach = 8.5 + np.sqrt(2 * max(s, 0.0))
        table, log_steps = _table(_CLOSE[d], reach, coarse)
        for aim, lever, others in zip(
            aims, levers, [*(levers[1:] ** 2).sum(axis=1), 0.0], strict=True
        ):
            centre = np.clip(-(mean @ aim) / (aim @ lever * X), -50 - reach, 50 + reach)
            first, last = (
                np.searchsorted(table, -reach - centre),
                np.searchsorted(table, reach - centre),
            )
            line = (lever, float(others), s, centre, first, last, table, log_steps)
            X, mean, log_weight, tilted = along_lines(X, mean, log_weight, *line)
            depth = _DEPTH if others else _LAST_DEPTH[d]
            kept = tilted > tilted.max() - depth
            if s < _BOTH:
                kept |= log_weight > -depth
            mean, X, log_weight = mean[kept], X[kept], log_weight[kept]
        size = np.einsum("ni,ni->n", mean, mean)
        if s < _BOTH:
            log_weight = log_weight - np.log(np.exp(log_weight).sum())
        growth = 0.5 * np.log(np.maximum(size, 1e-300) / float(norm @ u**2))
        return Images(log_weight, growth, mean * mean / norm)

    def _batch(
        self,
        e: FloatArray,
        length: float,
        line: tuple[FloatArray, FloatArray, FloatArray],
        s: float,
        coarse: float,
    ) -> tuple[FloatArray, FloatArray]:
        """Return X and log weights."""
        low, high = self._window(line, s)
        zero = np.sqrt(max(self.a, 1e-300) / self.c)
        nearest = _NEAREST[e.size]
        beside = np.sqrt(np.maximum(1 - e * e, 0)) / (2 * np.maximum(e, 1e-300))
        centres = [(zero / length, nearest)]
        centres += [
            (t, max(w, nearest)) for t, w in zip(zero / np.sqrt(self.spectrum), beside, strict=True)
        ]
        centres = [(t, w) for t, w in centres if low < t < high and w < 2]

        def forward(t: FloatArray) -> FloatArray:
            x: FloatArray = t / 0.6 - 3 * np.arcsinh(-np.log(-np.expm1(-t)) / 3)
            for tk, wk in centres:
                x = x + _GRADED * np.arcsinh((t - tk) / wk)
            return x

        def slope(t: FloatArray) -> FloatArray:
            end = np.log(-np.expm1(-t))
            dx: FloatArray = 1 / 0.6 - 3 / np.sqrt(end**2 + 9) * np.exp(-t) / np.expm1(-t)
            for tk, wk in centres:
                dx = dx + _GRADED / np.sqrt((t - tk) ** 2 + wk**2)
            return dx

        guesses = [np.geomspace(low, high, 3000)]
        for tk, wk in centres:
            far = np.arcsinh((high + 1) / wk)
            guesses.append(tk + wk * np.sinh(np.linspace(-far, far, 1500)))
        guess = np.sort(np.concatenate(guesses))
        X, log_step = _nodes(forward, slope, guess[(guess >= low) & (guess <= high)], coarse)
        log_mass = (self.b / 2 - 1) * np.log(2) + gammaln(self.b / 2)
        return X, (self.b - 1) * np.log(X) - X**2 / 2 + log_step - log_mass

    def _window(
        self, line: tuple[FloatArray, FloatArray, FloatArray], s: float
    ) -> tuple[float, float]:
        """Return the range of X that matters: the integrand is maximised over z along its strongest lever."""
        start, pull, lever = line
        top = np.sqrt(self.b) + 10 + 3 * np.sqrt(max(s, 0.0))
        X = np.union1d(np.geomspace(np.exp(-36 / self.b - 3), top, 500), np.linspace(0.5, top, 200))
        density = self.b * np.log(X) - X**2 / 2
        z = np.linspace(-1, 1, 61) * (3 + 1.5 * np.sqrt(max(s, 0.0)))
        mean, side = start - X[:, None] ** 2 * pull, X[:, None] * z
        size = (
            (mean**2).sum(axis=1)[:, None]
            + 2 * side * (mean @ lever)[:, None]
            + side**2 * (lever @ lever)
        )
        tilted = density + np.max(0.5 * s * np.log(np.maximum(size, 1e-300)) - z**2 / 2, axis=1)
        matters = (tilted > tilted.max() - _DEPTH) | (
            (density > density.max() - _DEPTH) & (s < _BOTH)
        )
        return float(X[matters][0]), float(X[matters][-1])


def _deciding(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return for d - 1 normal variables the combination of coordinates to grade by, and what each adds, (d - 1, d)."""
    aims, levers = [], []
    for _ in range(len(covariance) - 1):
        axis = int(covariance.diagonal().argmax())
        levers.append(covariance[axis] / np.sqrt(covariance[axis, axis]))
        aims.append(np.where(np.arange(len(covariance)) <= max(axis, 1), levers[-1], 0))
        covariance = covariance - np.outer(levers[-1], levers[-1])
    return np.array([*aims[:-1], levers[-1]]), np.array(levers)


def _nodes(
    forward: Map, slope: Map, guess: FloatArray, step: float
) -> tuple[FloatArray, FloatArray]:
    """Return the t at which x(t) is a multiple of `step`, and log steps in t, by Newton's method from a fine table."""
    x = forward(guess)
    targets = np.arange(np.ceil(x[0] / step), np.floor(x[-1] / step) + 1) * step
    t = np.interp(targets, x, guess)
    for _ in range(6):
        t = np.clip(t - (forward(t) - targets) / slope(t), t / 2, 2 * t)
    return t, np.log(step / slope(t))


@lru_cache(maxsize=64)
def _table(nearest: float, reach: float, coarse: float) -> tuple[FloatArray, FloatArray]:
    """Return distances from the centre of a line, of both signs, and log steps."""
    far = 3 * reach + 60
    guess = np.concatenate(
        [[nearest / 100], nearest * np.sinh(np.linspace(0.02, np.arcsinh(far / nearest), 4000))]
    )
    t, log_step = _nodes(
        lambda t: t / 0.6 + _GRADED * np.arcsinh(t / nearest),
        lambda t: 1 / 0.6 + _GRADED / np.sqrt(t * t + nearest**2),
        guess,
        coarse,
    )
    middle = coarse / (1 / 0.6 + _GRADED / nearest)
    return np.concatenate([-t[::-1], [0.0], t]), np.concatenate(
        [log_step[::-1], [np.log(middle)], log_step]
    )
