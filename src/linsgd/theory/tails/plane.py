r"""Two uneven Gaussian features without momentum: the transfer operator on directions of the plane.

With S = diag(l_1, l_2), u a unit vector at angle t, u' the one across it, C ~ chi2_b, g ~ N(0, 1), c = lr / b,

    A u = (a - c C u'Su) u - c sqrt(C) y u',       y = sqrt(C) (u'.S u) + sqrt(det S) g

where u'Su stands for the curvature along u. The only zero of A u is where both coefficients vanish; C is split at the
first and y at 0, as for isotropic features, which sends that point to infinity. Even functions of the angle suffice,
by reflection: the basis is cos 2kt.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.tails import collocation
from linsgd.theory.tails.chi_square import sinh_nodes
from linsgd.theory.tails.radial import RadialLaw
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

WORST = 10.0  # condition number: beyond it odd orders need more cosines than are tried
_REACH = 9.0  # standard deviations of y
_DEEP = -34.0  # log of the smallest |y| over its deviation


def covers(setting: Setting) -> str:
    """Return why this method cannot serve, or nothing."""
    if not (setting.gaussian and setting.dimension == 2 and setting.spectrum.max() <= WORST * setting.spectrum.min()):
        return f"two Gaussian features of condition number at most {WORST:g}"
    return "momentum 0" if setting.momentum else ""


@dataclass(frozen=True, slots=True, eq=False)
class PlaneStep:
    """One step: shrinkage a, step c per sample, batch b, eigenvalues (2,)."""

    a: float
    c: float
    b: int
    spectrum: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "PlaneStep":
        """Return the step of a setting."""
        return cls(setting.shrinkage, setting.lr / setting.batch, setting.batch, setting.spectrum)

    @property
    def degrees(self) -> tuple[int, ...]:
        """Numbers of cosines, to be tried in turn."""
        return (6, 12, 20, 32)

    def image(self, angle: float, s: float, coarse: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log |A u|, cos 2t of the image and the weights."""
        cos, sin = np.cos(angle), np.sin(angle)
        along = float(self.spectrum @ [cos**2, sin**2])
        lean = float(self.spectrum[1] - self.spectrum[0]) * sin * cos
        sigma = float(np.sqrt(self.spectrum.prod()))
        law = RadialLaw(2, self.b, self.a, self.c * along)
        log_x, p, log_weight, _ = law.batch_nodes(s, coarse)
        weight_c = np.exp(log_weight - np.logaddexp.reduce(log_weight))
        root, lowest = np.exp(log_x / 2), 1e-14 * weight_c.max()
        kept = (weight_c > lowest) | (weight_c * np.exp(max(s, 0.0) * np.log(1 + self.c * along * root**2)) > lowest)
        root, p, weight_c = root[kept], p[kept], weight_c[kept]
        drift = root * lean / sigma
        top = np.log(np.abs(drift).max() + _REACH + 2 * np.sqrt(max(s, 0.0)))
        tau, log_step = sinh_nodes(float(min(top, np.log1p(np.abs(drift).max()))), 0.06, (_DEEP, float(top)), coarse)
        y = np.concatenate([np.exp(tau), -np.exp(tau)])
        density = np.exp(-((y - drift[:, None]) ** 2) / 2 + np.tile(tau + log_step, 2)) / np.sqrt(2 * np.pi)
        q = -self.c * sigma * root[:, None] * y
        length = p[:, None] ** 2 + q**2
        turn = np.exp(2j * angle) * (p[:, None] + 1j * q) ** 2 / np.maximum(length, 1e-300)
        weight = weight_c[:, None] * density
        return 0.5 * np.log(np.maximum(length, 1e-300)).ravel(), turn.real.ravel(), weight.ravel()

    def log_spectral(self, s: float, degree: int) -> Interval:
        """Return log h(s) with its Collatz-Wielandt bounds."""

        def rows(angles: FloatArray, coarse: float) -> collocation.Rows:
            basis = np.cos(2 * np.arange(degree) * angles[:, None])
            return basis, np.array([self._apply(s, degree, angle, coarse) for angle in angles])

        nodes = (np.arange(degree) + 0.5) * np.pi / (2 * degree)
        between = np.linspace(0, np.pi / 2, degree + 2)
        return collocation.enclosed(rows(nodes, 1.0), rows(between, 0.8))

    def _apply(self, s: float, degree: int, angle: float, coarse: float) -> FloatArray:
        log_growth, cosine, weight = self.image(angle, s, coarse)
        weight = weight * np.exp(s * log_growth)
        before, now = np.ones_like(cosine), cosine
        sums = [weight.sum(), weight @ cosine]
        for _ in range(degree - 2):
            before, now = now, 2 * cosine * now - before
            sums.append(weight @ now)
        return np.array(sums)


def log_spectral(setting: Setting, s: float, seed: int = 0) -> Interval:
    """Return log h(s)."""
    return collocation.log_spectral(PlaneStep.of(setting), s)


def lyapunov(setting: Setting, seed: int = 0) -> Interval:
    """Return rho."""
    return collocation.lyapunov(PlaneStep.of(setting))


def exponent(setting: Setting, seed: int = 0) -> Interval:
    """Return the root of log h."""
    return collocation.exponent(PlaneStep.of(setting))
