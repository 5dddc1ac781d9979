r"""One random step of the plane as weighted images of a vector: what moments over steps are sums over.

Without momentum the plane holds two features, along the eigenvectors of H, and a step is A = a - lr
H_b; with momentum it holds (w, v) of one feature, and a step is M0 + q M1 with q the batch's mean
of x^2. Batches of data, and of signs (of which only the number of equal products x_1 x_2 matters),
are finitely many. One uniform or Student feature vector, and the q of any batch of Gaussian or
Student features, are integrated: |M u|^s has a kink where M u = 0 or nearest to it. The range is
cut there, and the nodes on either side crowd doubly exponentially.

Eigenfunctions have a kink where a step annihilates, as Nesterov's do, and in directions that steps
with q = 0, where the density of q begins, take there. A Student vector in the plane has a uniform
angle in the coordinates that make it round, and P(|x| > r) = (1 + r^2 / (dof - 2))^{-dof / 2}.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import binom

from linsgd.domains import FloatArray
from linsgd.problems.features import (
    FiniteData,
    GaussianFeatures,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.theory.tails.moments.second_moment import SecondMoment, step_matrices
from linsgd.theory.tails.one_feature import batches
from linsgd.theory.tails.one_feature.student_sum import GAUSSIAN, square_sum
from linsgd.theory.tails.one_feature.tanh_sinh import crowded
from linsgd.theory.tails.setting import Setting

_REFERENCE = (
    0.2  # the `coarse` at which laws of sums are as fine as for one feature without momentum
)
LARGEST_ORDER = 300.0
_FAINT = 45.0  # below the largest logarithm of a weight, tilted
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
    if setting.constant:
        return "steps that differ"
    if isinstance(law, RademacherFeatures):
        return "" if setting.batch < batches.MOST else f"a batch below {batches.MOST}"
    single = isinstance(law, UniformFeatures | StudentFeatures) and setting.batch == 1
    if (
        single
        or batches.few(setting)
        or (setting.momentum and isinstance(law, GaussianFeatures | StudentFeatures))
    ):
        return ""
    return "signs, few batches of data, single uniform or Student features, or one Gaussian or Student feature"


def step_of(setting: Setting) -> Step:
    """Return the step of a setting."""
    if isinstance(setting.features, FiniteData | RademacherFeatures):
        return Atoms.of(setting)
    return OneFeature.of(setting) if setting.momentum else TwoFeatures(setting)


def norm(setting: Setting, log_radius: float = 0.0) -> FloatArray:
    """Return R (2, 2) such that |R u| is the norm of `second_moment` for h(s)^{2/s} near exp(log_radius), if known."""
    moment = SecondMoment.of(setting)
    if moment is None:
        return np.eye(2)
    form = moment.form(log_radius)
    form = form[..., None] * np.eye(setting.dimension) if moment.diagonal else form
    return np.linalg.cholesky(form[..., 0, 0] if setting.momentum else form[0, 0]).T


@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """Matrices (K, 2, 2) and their probabilities (K,)."""

    matrices: FloatArray
    probability: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "Atoms":
        """Return the step of every batch."""
        return cls.of_curvatures(setting, *_curvatures(setting))

    @classmethod
    def of_curvatures(
        cls, setting: Setting, curvature: FloatArray, probability: FloatArray
    ) -> "Atoms":
        """Return the steps of batches whose H_b are (K, d, d)."""
        if setting.momentum:
            M0, M1 = step_matrices(setting)
            return cls(M0 + M1 * curvature, probability)
        return cls(setting.shrinkage * np.eye(2) - setting.lr * curvature, probability)

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return the image by each matrix."""
        return (self.matrices.reshape(-1, 2) @ u).reshape(-1, 2), self.probability

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
        return batches.means(law.X[:, :, None] * law.X[:, None, :], setting)
    if h.size == 1:
        return h[:, None, None], np.ones(1)
    equal = np.arange(b + 1)
    mixed = (2 * equal - b)[:, None, None] / b * math.sqrt(h[0] * h[1]) * (1 - np.eye(2))
    return np.diag(h) + mixed, binom.pmf(equal, b, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class OneFeature:
    """One Gaussian, Student-t or single uniform feature with momentum: M0 + q M1, q the batch's mean of x^2."""

    setting: Setting
    M0: FloatArray
    M1: FloatArray
    R: FloatArray
    kinks: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "OneFeature":
        """Return the step of a setting; its kinks are the vector that a q annihilates, and those q = 0 takes to it."""
        M0, M1 = step_matrices(setting)
        fixed = float(np.linalg.det(M0))
        change = float(np.linalg.det(M0 + M1)) - fixed
        kinks = np.empty((0, 2))
        if fixed * change < 0:  # the determinant is linear in q
            vanishing, back = np.linalg.svd(M0 - fixed / change * M1)[2][1], np.linalg.inv(M0)
            kinks = np.array([vanishing, back @ vanishing, back @ back @ vanishing])
        return cls(setting, M0, M1, norm(setting), kinks)

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return images by nodes on either side of the q whose step makes |R u| least, where it turns u fastest."""
        still, pushed = self.M0 @ u, self.M1 @ u
        a, b = self.R @ still, self.R @ pushed
        nearest = max(-float(a @ b) / float(b @ b), 0.0) if b.any() else 0.0
        variance = float(self.setting.spectrum[0])
        if isinstance(self.setting.features, UniformFeatures):
            q, weight = self._of_uniform(nearest / variance, coarse)
        else:
            turns = [(_cross(still, kink), _cross(pushed, kink)) for kink in self.kinks]
            turned = [-rest / turn for rest, turn in turns if turn]
            q, weight = self._of_student([cut / variance for cut in (nearest, *turned)], coarse)
        return still + (q * variance)[:, None] * pushed, weight

    def _of_student(self, cuts: list[float], coarse: float) -> Weighted:
        """Return nodes of S / b and, beyond the last, of its power law."""
        b, dof = self.setting.batch, min(getattr(self.setting.features, "dof", GAUSSIAN), GAUSSIAN)
        law = square_sum(dof, b, coarse / _REFERENCE)
        zero, *kinks = (math.log(cut * b) if cut > 0 else -math.inf for cut in cuts)
        nodes = law.nodes(zero, LARGEST_ORDER, tuple(kinks))
        beyond, _, share = crowded(5.5, coarse)
        v = np.append(nodes.v, nodes.end - 2 / dof * np.log(beyond))
        log_weight = np.append(nodes.log_weight, nodes.log_beyond + np.log(share))
        tilted = log_weight + LARGEST_ORDER * np.maximum(v - math.log(b), 0)
        kept = tilted > min(tilted.max(), 0.0) - _FAINT
        return np.exp(v[kept]) / b, np.exp(log_weight[kept])

    def _of_uniform(self, cut: float, coarse: float) -> Weighted:
        x, _, weight = _cut(1 - math.sqrt(cut / 3), coarse / 4)  # one axis affords it
        return 3 * x**2, weight

    def annihilated(self) -> FloatArray:
        """Return the kinks of the eigenfunction."""
        return self.kinks


@dataclass(frozen=True, slots=True, eq=False)
class TwoFeatures:
    """One feature vector a step, in two dimensions, without momentum: A u = 0 at x = u sqrt(a / lr)."""

    setting: Setting

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return images by nodes around the x whose step makes u vanish; x and -x are the same."""
        a, lr = self.setting.shrinkage, self.setting.lr
        zero = u / np.linalg.norm(u) * math.sqrt(max(a, 0.0) / lr)
        x, weight = (
            self._of_student
            if isinstance(self.setting.features, StudentFeatures)
            else self._of_uniform
        )(u, zero if zero[0] > 0 else -zero, coarse)
        return a * u - lr * (x @ u)[:, None] * x, weight

    def _of_uniform(self, u: FloatArray, zero: FloatArray, coarse: float) -> Weighted:
        """Return the half of the square where x_1 > 0, cut at zero and along x_2 at its mirror image too."""
        half = np.sqrt(3 * self.setting.spectrum)
        first, _, weight = _cut(1 - zero[0] / half[0], coarse)
        second, _, other = _cut(1 - abs(zero[1]) / half[1], coarse)
        second, other = np.concatenate([second, -second]), np.concatenate([other, other]) / 2
        x = (
            np.stack([part.ravel() for part in np.meshgrid(first, second, indexing="ij")], axis=1)
            * half
        )
        product = np.outer(weight, other).ravel()
        kept = product > _NEGLIGIBLE
        return x[kept], product[kept]

    def _of_student(self, u: FloatArray, zero: FloatArray, coarse: float) -> Weighted:
        """Return the half plane of angles from that of zero on, in round coordinates, cut at zero and where x'u = 0."""
        dof, root = self.setting.features.dof, np.sqrt(self.setting.spectrum)  # type: ignore[attr-defined]
        round_zero = zero / root
        _, beyond, weight = _cut(
            (1 + float(round_zero @ round_zero) / (dof - 2)) ** (-dof / 2), coarse
        )
        radius = np.sqrt((dof - 2) * np.expm1(-2 / dof * np.log(beyond)))
        start, blind = (
            math.atan2(round_zero[1], round_zero[0]),
            math.atan2(root[0] * u[0], -root[1] * u[1]),
        )
        turn, _, other = _cut(1 - (blind - start) / np.pi % 1.0, coarse)
        angle = start + np.pi * turn
        across = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return (radius[:, None, None] * across * root).reshape(-1, 2), np.outer(
            weight, other
        ).ravel()

    def annihilated(self) -> FloatArray:
        """Return none: no single step has mass."""
        return np.empty((0, 2))


def _cross(a: FloatArray, b: FloatArray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


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
