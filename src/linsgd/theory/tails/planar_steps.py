r"""One random step of the plane as weighted images of a vector: what moments over steps are sums over.

Without momentum the plane holds two features, along the eigenvectors of H, and a step is A = a - lr H_b; with momentum
it holds (w, v) of one feature, and a step is M0 + q M1 with q the batch's mean of x^2. Batches of data, and of signs
(of which only the number of equal products x_1 x_2 matters), are finitely many. One uniform or Student feature vector
is integrated: |M u|^s has a kink where M u = 0 or nearest to it. The range is cut there, and the nodes on either side
crowd doubly exponentially. A Student vector in the plane has a uniform angle in the coordinates that make it round, and
P(|x| > r) = (1 + r^2 / (dof - 2))^{-dof / 2}.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import binom
from scipy.stats import t as student

from linsgd.domains import FloatArray
from linsgd.features import FiniteData, RademacherFeatures, StudentFeatures, UniformFeatures
from linsgd.theory.tails import batches
from linsgd.theory.tails.crowded import crowded
from linsgd.theory.tails.second_moment import axes, step_matrices
from linsgd.theory.tails.setting import Setting

_NEGLIGIBLE = 1e-20  # probability of nodes with bounded features that may be left out
Weighted = tuple[FloatArray, FloatArray]


class Step(Protocol):
    """A random step."""

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return the images (K, 2) of u (2,) and their weights (K,), by nodes that are `coarse` apart."""

    def annihilated(self) -> FloatArray:
        """Return unit vectors (n, 2) that single steps shrink most."""


def covers(setting: Setting) -> str:
    """Return why no step of the plane represents the setting, or nothing."""
    law = setting.features
    if setting.dimension != (1 if setting.momentum else 2):
        return "two features without momentum, or one with it"
    if _is_one(setting):
        return "steps that differ"
    if isinstance(law, RademacherFeatures):
        return "" if setting.batch < batches.MOST else f"a batch below {batches.MOST}"
    single = isinstance(law, UniformFeatures | StudentFeatures) and setting.batch == 1
    return "" if single or batches.few(setting) else "signs, few batches of data, or single uniform or Student features"


def _is_one(setting: Setting) -> bool:
    law = setting.features
    if isinstance(law, FiniteData):
        return len(law.y) == 1 or (not setting.replacement and setting.batch == len(law.y))
    return isinstance(law, RademacherFeatures) and setting.dimension == 1


def step_of(setting: Setting) -> Step:
    """Return the step of a setting."""
    if isinstance(setting.features, FiniteData | RademacherFeatures):
        return Atoms.of(setting)
    return OneFeature(setting) if setting.momentum else TwoFeatures(setting)


@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """Matrices (K, 2, 2) and their probabilities (K,)."""

    matrices: FloatArray
    probability: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "Atoms":
        """Return the step of every batch."""
        curvature, probability = _curvatures(setting)
        if setting.momentum:
            M0, M1 = step_matrices(setting)
            return cls(M0 + M1 * curvature, probability)
        return cls(setting.shrinkage * np.eye(2) - setting.lr * curvature, probability)

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return the image by each matrix."""
        return self.matrices @ u, self.probability

    def annihilated(self) -> FloatArray:
        """Return the last singular vectors of the matrices nearest to singular."""
        _, sizes, vectors = np.linalg.svd(self.matrices)
        nearest = np.argsort(sizes[:, 1] - 1e-3 * sizes[:, 0])[:16]
        found: FloatArray = vectors[nearest, 1]
        return found


def _curvatures(setting: Setting) -> Weighted:
    """Return the H_b (K, d, d) of every batch along the eigenvectors of H, and probabilities (K,)."""
    law, h, b = setting.features, setting.spectrum, setting.batch
    if isinstance(law, FiniteData):
        Q = axes(setting)
        X = law.X if Q is None else law.X @ Q
        return batches.means(X[:, :, None] * X[:, None, :], setting)
    if h.size == 1:
        return h[:, None, None], np.ones(1)
    equal = np.arange(b + 1)
    mixed = (2 * equal - b)[:, None, None] / b * math.sqrt(h[0] * h[1]) * (1 - np.eye(2))
    return np.diag(h) + mixed, binom.pmf(equal, b, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class OneFeature:
    """One feature vector a step, in one dimension, with momentum: x^2 from the distribution of |x|."""

    setting: Setting

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return images by nodes on either side of the x^2 whose step makes u shortest."""
        M0, M1 = step_matrices(self.setting)
        still, pushed = M0 @ u, M1 @ u
        nearest = max(-float(still @ pushed) / float(pushed @ pushed), 0.0) if pushed.any() else 0.0
        x, weight = self._nodes(math.sqrt(nearest), coarse / 4)  # one axis affords it
        return still + np.square(x)[:, None] * pushed, weight

    def _nodes(self, cut: float, coarse: float) -> Weighted:
        law, scale = self.setting.features, math.sqrt(float(self.setting.spectrum[0]))
        if isinstance(law, StudentFeatures):
            scale *= math.sqrt((law.dof - 2) / law.dof)
            above, beyond, weight = _cut(float(2 * student.sf(cut / scale, law.dof)), coarse)
            return scale * student.isf(beyond / 2, law.dof), weight
        above, beyond, weight = _cut(1 - cut / (math.sqrt(3) * scale), coarse)
        return math.sqrt(3) * scale * above, weight

    def annihilated(self) -> FloatArray:
        """Return none: no single step has mass."""
        return np.empty((0, 2))


@dataclass(frozen=True, slots=True, eq=False)
class TwoFeatures:
    """One feature vector a step, in two dimensions, without momentum: A u = 0 at x = u sqrt(a / lr)."""

    setting: Setting

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return images by nodes around the x whose step makes u vanish; x and -x are the same."""
        a, lr = self.setting.shrinkage, self.setting.lr
        zero = u / np.linalg.norm(u) * math.sqrt(max(a, 0.0) / lr)
        x, weight = (self._of_student if isinstance(self.setting.features, StudentFeatures) else self._of_uniform)(
            u, zero if zero[0] > 0 else -zero, coarse
        )
        return a * u - lr * (x @ u)[:, None] * x, weight

    def _of_uniform(self, u: FloatArray, zero: FloatArray, coarse: float) -> Weighted:
        """Return the half of the square where x_1 > 0, cut at zero and along x_2 at its mirror image too."""
        half = np.sqrt(3 * self.setting.spectrum)
        first, _, weight = _cut(1 - zero[0] / half[0], coarse)
        second, _, other = _cut(1 - abs(zero[1]) / half[1], coarse)
        second, other = np.concatenate([second, -second]), np.concatenate([other, other]) / 2
        x = np.stack([part.ravel() for part in np.meshgrid(first, second, indexing="ij")], axis=1) * half
        product = np.outer(weight, other).ravel()
        kept = product > _NEGLIGIBLE
        return x[kept], product[kept]

    def _of_student(self, u: FloatArray, zero: FloatArray, coarse: float) -> Weighted:
        """Return the half plane of angles from that of zero on, in round coordinates, cut at zero and where x'u = 0."""
        dof, root = self.setting.features.dof, np.sqrt(self.setting.spectrum)  # type: ignore[attr-defined]
        round_zero = zero / root
        _, beyond, weight = _cut((1 + float(round_zero @ round_zero) / (dof - 2)) ** (-dof / 2), coarse)
        radius = np.sqrt((dof - 2) * np.expm1(-2 / dof * np.log(beyond)))
        start, blind = math.atan2(round_zero[1], round_zero[0]), math.atan2(root[0] * u[0], -root[1] * u[1])
        turn, _, other = _cut(1 - (blind - start) / np.pi % 1.0, coarse)
        angle = start + np.pi * turn
        across = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return (radius[:, None, None] * across * root).reshape(-1, 2), np.outer(weight, other).ravel()

    def annihilated(self) -> FloatArray:
        """Return none: no single step has mass."""
        return np.empty((0, 2))


def _cut(beyond: float, coarse: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes of [0, 1] that crowd at the ends and at 1 - beyond, what they leave to 1, and their weights."""
    near, far, weight = crowded(5.5, coarse)
    if not 0 < beyond < 1:
        return near, far, weight
    below = 1 - beyond
    return (
        np.concatenate([below * near, below + beyond * near]),
        np.concatenate([beyond + below * far, beyond * far]),
        np.concatenate([below * weight, beyond * weight]),
    )
