r"""A quadrature rule for the image of a direction of the plane or of space under one step.

With H = diag(l), e the direction of H^{1/2} u, X the norm of b normal variables and z normal in the
d - 1 directions across e (a batch of b Gaussian features is one chi-square and one normal vector),

    A u = a u - c X^2 H u - c X |H^{1/2} u| H^{1/2} z,      c = lr / b.

The integrands behave like |A u|^s: they are smooth but at the point where A u = 0 and, when the
spectrum is uneven, vary fast near it and wherever a coordinate of A u changes sign. So each
variable t in turn is graded by

    x(t) = t / w + sum_k r_k asinh((t - t_k) / w_k)      (and, for X, by asinh log towards X = 0),

and the trapezoidal rule in x converges geometrically: t_k are the X at which A u can vanish or lose
a coordinate. Of the variables in z each determines one coordinate of A u, the one that still varies
most (Cholesky's factor of the covariance of A u, pivoted). It is graded where A u is least in that
coordinate and those before, the last in all: not sooner, as a third coordinate that is far from 0
would draw the nodes away from where the first changes sign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from linsgd.domains import FloatArray
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere.quadrature_kernels import along_lines

_DEPTH = 42.0  # log of the weights that are left out, below the largest that is possible
_LAST_DEPTH = {2: 42.0, 3: 26.0}  # below the largest, once all variables are known
# how close to A u = 0 X is graded, by dimension: the rest counts like its d-th power
_NEAREST = {2: 1e-4, 3: 1e-3}
_CLOSE = {2: 1e-4, 3: 1e-2}  # the same for z
_GRADED = 1.5  # r_k
_WIDTH = 0.6  # w, in standard deviations of a normal variable
_TOWARDS_ZERO = 3.0  # of asinh log near X = 0
_BOTH = 8.0  # orders below which the untilted law is covered too, and its mass made 1
_NARROW = 2.0  # widths of a grading beyond which it is of no use
_FARTHEST = 50.0  # beyond its reach, a centre of z is as good as nothing

Map = Callable[[FloatArray], FloatArray]


class StepNodes(NamedTuple):
    """Nodes of the law of A u.

    Attributes
    ----------
    log_weight, growth : ndarray (n,)
        Log weights, and log |A u| / |u| in the norm that was asked for.
    squared : ndarray (n, d)
        Squares of the coordinates of A u.
    """

    log_weight: FloatArray
    growth: FloatArray
    squared: FloatArray


class _Path(NamedTuple):
    """A u = start - X^2 pull + X sum_i z_i lever_i, in the coordinates of the norm, each (d,).

    `e` is the direction of H^{1/2} u and `length` its length.
    """

    e: FloatArray
    length: float
    start: FloatArray
    pull: FloatArray
    centres: FloatArray
    levers: FloatArray


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
        c = setting.step_size * float(spectrum[0]) / setting.batch
        return cls(setting.shrinkage, c, setting.batch, spectrum / spectrum[0])

    def nodes(self, u: FloatArray, s: float, norm: FloatArray, coarse: float) -> StepNodes:
        """Return nodes of A u.

        Parameters
        ----------
        u : ndarray (d,)
            A vector.
        s : float
            Order of the moments that the nodes serve.
        norm : ndarray (d,)
            q of the norm sum_i q_i y_i^2.
        coarse : float
            Step in x.
        """
        path = self._path(u, norm)
        X, log_weight = self._batch_nodes(path, s, coarse)
        image = path.start - X[:, None] ** 2 * path.pull
        for i in range(u.size - 1):
            X, image, log_weight = self._add_variable(path, i, X, image, log_weight, s, coarse)
        if s < _BOTH:
            log_weight = log_weight - np.log(np.exp(log_weight).sum())
        squared = np.maximum(np.einsum("ni,ni->n", image, image), 1e-300)
        growth = 0.5 * np.log(squared / float(norm @ u**2))
        return StepNodes(log_weight, growth, image * image / norm)

    def _path(self, u: FloatArray, norm: FloatArray) -> _Path:
        """Return A u as a function of X and z."""
        root = np.sqrt(self.spectrum)
        scale = np.sqrt(norm)
        length = float(np.linalg.norm(root * u))
        e = root * u / length
        # z across e has the covariance 1 - e e', and is multiplied by H^{1/2} and the norm
        factor = root * scale
        covariance = (np.eye(u.size) - np.outer(e, e)) * np.outer(factor, factor)
        centres, levers = _pivoted_cholesky(covariance)
        return _Path(
            e=e,
            length=length,
            start=scale * self.a * u,
            pull=scale * self.c * self.spectrum * u,
            centres=centres,
            levers=-self.c * length * levers,
        )

    def _add_variable(
        self,
        path: _Path,
        i: int,
        X: FloatArray,
        mean: FloatArray,
        log_weight: FloatArray,
        s: float,
        coarse: float,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return X (n,), A u (n, d) and log weights (n,) with the i-th normal variable."""
        d = mean.shape[1]
        lever = path.levers[i]
        reach = 8.5 + np.sqrt(2 * max(s, 0.0))  # beyond it |z|^s e^{-z^2 / 2} is negligible
        table, log_steps = _line(_CLOSE[d], reach, coarse)
        # z at which A u is least in the coordinates that are determined by now
        aim = path.centres[i]
        farthest = _FARTHEST + reach
        least = -(mean @ aim) / (aim @ lever * X)
        centre = np.clip(least, -farthest, farthest)
        first = np.searchsorted(table, -reach - centre)
        last = np.searchsorted(table, reach - centre)
        others = float((path.levers[i + 1 :] ** 2).sum())
        X, mean, log_weight, tilted = along_lines(
            X, mean, log_weight, lever, others, s, centre, first, last, table, log_steps
        )
        # nodes that matter to the moment of order s, or to the untilted law
        depth = _DEPTH if others else _LAST_DEPTH[d]
        kept = tilted > tilted.max() - depth
        if s < _BOTH:
            kept |= log_weight > -depth
        return X[kept], mean[kept], log_weight[kept]

    def _batch_nodes(self, path: _Path, s: float, coarse: float) -> tuple[FloatArray, FloatArray]:
        """Return X (n,) and log weights (n,)."""
        b = self.b
        low, high = self._window(path, s)
        grading = _Grading(self._graded_places(path, low, high))
        # a table of t that is as fine as the nodes everywhere
        guesses = [np.geomspace(low, high, 3000)]
        for tk, wk in grading.places:
            far = np.arcsinh((high + 1) / wk)
            x = np.linspace(-far, far, 1500)
            guesses.append(tk + wk * np.sinh(x))
        guess = np.sort(np.concatenate(guesses))
        guess = guess[(guess >= low) & (guess <= high)]
        X, log_step = _uniform_nodes(grading.x, grading.slope, guess, coarse)
        # the density of a chi variable of b degrees of freedom
        log_mass = (b / 2 - 1) * np.log(2) + gammaln(b / 2)
        log_weight = (b - 1) * np.log(X) - X**2 / 2 + log_step - log_mass
        return X, log_weight

    def _graded_places(self, path: _Path, low: float, high: float) -> list[tuple[float, float]]:
        """Return the (t_k, w_k) of X: where A u may vanish, and lose a coordinate."""
        e = path.e
        nearest = _NEAREST[path.e.size]
        # A u = 0 at X = sqrt(a / c) / |H^{1/2} u|
        root = np.sqrt(max(self.a, 1e-300) / self.c)
        places = [(root / path.length, nearest)]
        # a coordinate vanishes near sqrt(a / (c l_i)), the nearer the more e is along it
        across = np.sqrt(np.maximum(1 - e * e, 0))
        widths = across / (2 * np.maximum(e, 1e-300))
        for t, w in zip(root / np.sqrt(self.spectrum), widths, strict=True):
            places.append((t, max(w, nearest)))
        return [(t, w) for t, w in places if low < t < high and w < _NARROW]

    def _window(self, path: _Path, s: float) -> tuple[float, float]:
        """Return the range of X that matters, with z at its worst along the strongest lever."""
        root_s = np.sqrt(max(s, 0.0))
        top = np.sqrt(self.b) + 10 + 3 * root_s
        near_zero = np.geomspace(np.exp(-36 / self.b - 3), top, 500)
        X = np.union1d(near_zero, np.linspace(0.5, top, 200))
        log_density = self.b * np.log(X) - X**2 / 2
        # log of the density times the largest |A u|^s e^{-z^2 / 2} for z within its reach
        z = np.linspace(-1, 1, 61) * (3 + 1.5 * root_s)
        squared = self._squared_length(path, X, z)
        log_power = 0.5 * s * np.log(np.maximum(squared, 1e-300)) - z**2 / 2
        tilted = log_density + log_power.max(axis=1)
        matters = tilted > tilted.max() - _DEPTH
        if s < _BOTH:
            matters |= log_density > log_density.max() - _DEPTH
        kept = X[matters]
        return float(kept[0]), float(kept[-1])

    def _squared_length(self, path: _Path, X: FloatArray, z: FloatArray) -> FloatArray:
        """Return |mean + X z lever|^2 (X, z) along the strongest lever, mean = start - X^2 pull.

        That is |mean|^2 + 2 X z mean'lever + (X z)^2 |lever|^2.
        """
        lever = path.levers[0]
        mean = path.start - X[:, None] ** 2 * path.pull
        Xz = X[:, None] * z
        squared = (mean**2).sum(axis=1)[:, None] + 2 * Xz * (mean @ lever)[:, None]
        length: FloatArray = squared + Xz**2 * (lever @ lever)
        return length


class _Grading(NamedTuple):
    """The map x(t) of X, given the places (t_k, w_k) at which it is steep."""

    places: list[tuple[float, float]]

    def x(self, t: FloatArray) -> FloatArray:
        """Return t / w + sum_k r asinh((t - t_k) / w_k), and asinh log(1 - e^-t) towards 0."""
        to_zero = np.arcsinh(-np.log(-np.expm1(-t)) / _TOWARDS_ZERO)
        x: FloatArray = t / _WIDTH - _TOWARDS_ZERO * to_zero
        for tk, wk in self.places:
            x = x + _GRADED * np.arcsinh((t - tk) / wk)
        return x

    def slope(self, t: FloatArray) -> FloatArray:
        """Return dx / dt."""
        end = np.log(-np.expm1(-t))
        to_zero = np.exp(-t) / np.expm1(-t) / np.sqrt(end**2 + _TOWARDS_ZERO**2)
        dx: FloatArray = 1 / _WIDTH - _TOWARDS_ZERO * to_zero
        for tk, wk in self.places:
            dx = dx + _GRADED / np.sqrt((t - tk) ** 2 + wk**2)
        return dx


def _pivoted_cholesky(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return centres and levers (d - 1, d) of the normal variables, in the order of the pivots.

    Lever i is what variable i adds. Centre i is the combination of coordinates by which it is
    graded: those up to its own, for the last variable all.
    """
    d = len(covariance)
    centres, levers = [], []
    for _ in range(d - 1):
        axis = int(covariance.diagonal().argmax())
        lever = covariance[axis] / np.sqrt(covariance[axis, axis])
        up_to_own = np.arange(d) <= max(axis, 1)
        centres.append(np.where(up_to_own, lever, 0))
        levers.append(lever)
        covariance = covariance - np.outer(lever, lever)
    centres[-1] = levers[-1]
    return np.array(centres), np.array(levers)


def _uniform_nodes(
    x: Map, slope: Map, guess: FloatArray, step: float
) -> tuple[FloatArray, FloatArray]:
    """Return the t (n,) at which x(t) is a multiple of `step`, and log dt (n,).

    By Newton's method from the fine table `guess` of t.
    """
    at_guess = x(guess)
    first = np.ceil(at_guess[0] / step)
    last = np.floor(at_guess[-1] / step)
    targets = np.arange(first, last + 1) * step
    t = np.interp(targets, at_guess, guess)
    for _ in range(6):
        newton = t - (x(t) - targets) / slope(t)
        t = np.clip(newton, t / 2, 2 * t)
    return t, np.log(step / slope(t))


@lru_cache(maxsize=64)
def _line(nearest: float, reach: float, coarse: float) -> tuple[FloatArray, FloatArray]:
    """Return distances from the centre of a line, of both signs, and log steps, each (t,)."""

    def x(t: FloatArray) -> FloatArray:
        graded: FloatArray = t / _WIDTH + _GRADED * np.arcsinh(t / nearest)
        return graded

    def slope(t: FloatArray) -> FloatArray:
        dx: FloatArray = 1 / _WIDTH + _GRADED / np.sqrt(t * t + nearest**2)
        return dx

    far = 3 * reach + 60
    fine = np.sinh(np.linspace(0.02, np.arcsinh(far / nearest), 4000))
    guess = np.concatenate([[nearest / 100], nearest * fine])
    t, log_step = _uniform_nodes(x, slope, guess, coarse)
    # both signs, and the node at the centre
    log_middle = np.log(coarse / (1 / _WIDTH + _GRADED / nearest))
    distances = np.concatenate([-t[::-1], [0.0], t])
    log_steps = np.concatenate([log_step[::-1], [log_middle], log_step])
    return distances, log_steps
