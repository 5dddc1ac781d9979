r"""One random step of the plane as weighted images of a vector, over which moments are sums.

Without momentum the plane holds two features, along the eigenvectors of H, and a step is A = a - lr
H_b; with momentum it holds (w, v) of one feature, and a step is M0 + q M1 with q the batch's mean
of x^2. Batches of data, and of signs (of which only the number of equal products x_1 x_2 matters),
are finitely many. One uniform or Student feature vector, and the q of any batch of Gaussian or
Student features, are integrated: |M u|^s has a kink where M u = 0 or nearest to it. The range is
cut there, and the nodes on either side crowd doubly exponentially.

Eigenfunctions have a kink in the direction that a singular step annihilates, as Nesterov's steps
do, and in the directions that the steps with q = 0, where the density of q begins, map to it. A
Student vector in the plane has a uniform angle in the coordinates that make it round, and P(|x| >
r) = (1 + r^2 / (dof - 2))^{-dof / 2}.
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
from linsgd.theory.tails.one_feature.tanh_sinh import UnitRule, tanh_sinh
from linsgd.theory.tails.setting import Setting

LARGEST_ORDER = 300.0
_REFERENCE = 0.2  # the `coarse` at which laws of sums are as fine as without momentum
_END = 5.5  # of the tanh-sinh rule: nodes come within exp(-pi sinh 5.5) = 1e-167 of the ends
_UNIFORM = 0.25  # over `coarse`, the step of the rule for one uniform feature, which has one axis
_FAINT = 45.0  # below the largest logarithm of a weight, tilted
_NEGLIGIBLE = 1e-20  # probability of nodes with bounded features that may be left out
_SINGULAR = 16  # matrices nearest to singular whose directions get nodes

Weighted = tuple[FloatArray, FloatArray]


class PlanarStep(Protocol):
    """A random step of the plane."""

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return the images of u.

        Parameters
        ----------
        u : ndarray (2,)
            A vector.
        coarse : float
            Distance of the nodes of integrated laws.

        Returns
        -------
        images : ndarray (K, 2)
            M u for K values of M.
        weights : ndarray (K,)
            Their probabilities.
        """

    def annihilated(self) -> FloatArray:
        """Return unit vectors (n, 2) that single steps shrink most."""


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if a step of the plane represents the setting."""
    law = setting.features
    if setting.dimension != (1 if setting.momentum else 2):
        return "two features without momentum, or one with it"
    if setting.constant:
        return "steps that differ"
    if isinstance(law, RademacherFeatures):
        return "" if setting.batch < batches.MOST else f"a batch below {batches.MOST}"
    single = isinstance(law, UniformFeatures | StudentFeatures) and setting.batch == 1
    summed = isinstance(law, GaussianFeatures | StudentFeatures) and setting.momentum > 0
    if single or summed or batches.few(setting):
        return ""
    return (
        "signs, few batches of data, single uniform or Student features, or one Gaussian or "
        "Student feature"
    )


def step_of(setting: Setting) -> PlanarStep:
    """Return the step of a setting."""
    if isinstance(setting.features, FiniteData | RademacherFeatures):
        return Atoms.of(setting)
    return OneFeature.of(setting) if setting.momentum else TwoFeatures(setting)


def adapted_root(setting: Setting, log_radius: float = 0.0) -> FloatArray:
    """Return R (2, 2) such that |R u| is the adapted norm for h(s)^{2/s} near exp(log_radius).

    The identity where no adapted norm is known.
    """
    moment = SecondMoment.of(setting)
    if moment is None:
        return np.eye(2)
    form = moment.form(log_radius)  # (2, 2, d) or (2, 2, d, d)
    if setting.momentum:
        Q = form.reshape(2, 2)
    else:
        Q = np.diag(form[0, 0]) if moment.diagonal else form[0, 0]
    return np.asarray(np.linalg.cholesky(Q).T, dtype=np.float64)


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
        matrices = setting.shrinkage * np.eye(2) - setting.step_size * curvature
        return cls(matrices, probability)

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return the image by each matrix."""
        images = self.matrices.reshape(-1, 2) @ u
        return images.reshape(-1, 2), self.probability

    def annihilated(self) -> FloatArray:
        """Return the last singular vectors of the matrices nearest to singular."""
        _, sizes, vectors = np.linalg.svd(self.matrices)
        largest, smallest = sizes.T
        nearest = np.argsort(smallest - 1e-3 * largest)[:_SINGULAR]
        found: FloatArray = vectors[nearest, 1]
        return found


def _curvatures(setting: Setting) -> Weighted:
    """Return the H_b (K, d, d) of every batch, and probabilities (K,)."""
    law = setting.features
    h = setting.spectrum
    b = setting.batch
    if isinstance(law, FiniteData):
        products = law.X[:, :, None] * law.X[:, None, :]
        return batches.means(products, setting)
    if h.size == 1:
        return h[:, None, None], np.ones(1)
    # two signs: x_1 x_2 is + in k of the b vectors, binomially
    k = np.arange(b + 1)
    mean_product = (2 * k - b) / b * math.sqrt(h[0] * h[1])
    off_diagonal = 1 - np.eye(2)
    curvature = np.diag(h) + mean_product[:, None, None] * off_diagonal
    return curvature, binom.pmf(k, b, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class OneFeature:
    """One Gaussian, Student-t or single uniform feature with momentum.

    The step is M0 + q M1 (2, 2), q the batch's mean of x^2; |R u| is the adapted norm, and `kinks`
    (n, 2) are the directions in which eigenfunctions have one.
    """

    setting: Setting
    M0: FloatArray
    M1: FloatArray
    R: FloatArray
    kinks: FloatArray

    @classmethod
    def of(cls, setting: Setting) -> "OneFeature":
        """Return the step of a setting."""
        M0, M1 = step_matrices(setting)
        kinks = np.empty((0, 2))
        # det(M0 + q M1) is linear in q; where it vanishes for a q > 0, a vector is annihilated
        fixed = float(np.linalg.det(M0))
        change = float(np.linalg.det(M0 + M1)) - fixed
        if fixed * change < 0:
            singular = M0 - fixed / change * M1
            _, _, directions = np.linalg.svd(singular)
            vanishing = directions[1]
            back = np.linalg.inv(M0)
            kinks = np.array([vanishing, back @ vanishing, back @ back @ vanishing])
        return cls(setting, M0, M1, adapted_root(setting), kinks)

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return images by nodes that crowd about the q whose step makes |R u| least."""
        still = self.M0 @ u
        pushed = self.M1 @ u
        # |R (still + q pushed)| = |a + q b| is least at this q
        a = self.R @ still
        b = self.R @ pushed
        nearest = 0.0
        if b.any():
            nearest = max(-float(a @ b) / float(b @ b), 0.0)
        variance = float(self.setting.spectrum[0])
        if isinstance(self.setting.features, UniformFeatures):
            q, weight = self._of_uniform(nearest / variance, coarse)
        else:
            # and at the q whose images lie along a kink
            cuts = [nearest, *self._along_kinks(still, pushed)]
            q, weight = self._of_student([cut / variance for cut in cuts], coarse)
        return still + (q * variance)[:, None] * pushed, weight

    def _along_kinks(self, still: FloatArray, pushed: FloatArray) -> list[float]:
        """Return the q at which still + q pushed is parallel to a kink."""
        found = []
        for kink in self.kinks:
            turn = _cross(pushed, kink)
            if turn:
                found.append(-_cross(still, kink) / turn)
        return found

    def _of_student(self, cuts: list[float], coarse: float) -> Weighted:
        """Return nodes of S / b, cut at some, and beyond the last of its power law."""
        b = self.setting.batch
        features = self.setting.features
        dof = GAUSSIAN
        if isinstance(features, StudentFeatures):
            dof = min(features.dof, GAUSSIAN)
        law = square_sum(dof, b, coarse / _REFERENCE)
        zero, *kinks = (math.log(cut * b) if cut > 0 else -math.inf for cut in cuts)
        nodes = law.nodes(zero, LARGEST_ORDER, tuple(kinks))
        # beyond the end: P(v > end + x) = P(v > end) e^{-dof x / 2}, by its share of that
        share, _, share_weight = tanh_sinh(_END, coarse)
        beyond = nodes.end - 2 / dof * np.log(share)
        v = np.append(nodes.v, beyond)
        log_weight = np.append(nodes.log_weight, nodes.log_beyond + np.log(share_weight))
        # nodes that matter to moments of any order up to the largest
        tilted = log_weight + LARGEST_ORDER * np.maximum(v - math.log(b), 0)
        kept = tilted > min(tilted.max(), 0.0) - _FAINT
        return np.exp(v[kept]) / b, np.exp(log_weight[kept])

    def _of_uniform(self, cut: float, coarse: float) -> Weighted:
        """Return nodes of q = 3 x^2, x uniform on [0, 1]."""
        x, _, weight = _cut_rule(1 - math.sqrt(cut / 3), _UNIFORM * coarse)
        return 3 * x**2, weight

    def annihilated(self) -> FloatArray:
        """Return the kinks of the eigenfunction."""
        return self.kinks


@dataclass(frozen=True, slots=True, eq=False)
class TwoFeatures:
    """One feature vector a step, in two dimensions, without momentum.

    A u = a u - lr (x'u) x, so that A u = 0 at x = u sqrt(a / lr) / |u|.
    """

    setting: Setting

    def images(self, u: FloatArray, coarse: float) -> Weighted:
        """Return images by nodes about the x whose step makes u vanish; x and -x are the same."""
        a = self.setting.shrinkage
        lr = self.setting.step_size
        zero = u / np.linalg.norm(u) * math.sqrt(max(a, 0.0) / lr)
        zero = zero if zero[0] > 0 else -zero
        if isinstance(self.setting.features, StudentFeatures):
            x, weight = self._of_student(self.setting.features.dof, u, zero, coarse)
        else:
            x, weight = self._of_uniform(zero, coarse)
        return a * u - lr * (x @ u)[:, None] * x, weight

    def _of_uniform(self, zero: FloatArray, coarse: float) -> Weighted:
        """Return nodes of the half square x_1 > 0, cut at zero and where x_2 = +-zero_2."""
        half = np.sqrt(3 * self.setting.spectrum)  # x_i is uniform on [-half_i, half_i]
        first, _, first_weight = _cut_rule(1 - zero[0] / half[0], coarse)
        second, _, second_weight = _cut_rule(1 - abs(zero[1]) / half[1], coarse)
        # both signs of the second coordinate
        second = np.concatenate([second, -second])
        second_weight = np.concatenate([second_weight, second_weight]) / 2
        axes = np.meshgrid(first, second, indexing="ij")
        x = np.stack([axis.ravel() for axis in axes], axis=1) * half
        weight = np.outer(first_weight, second_weight).ravel()
        kept = weight > _NEGLIGIBLE
        return x[kept], weight[kept]

    def _of_student(self, dof: float, u: FloatArray, zero: FloatArray, coarse: float) -> Weighted:
        """Return nodes of half the plane in round coordinates, cut at zero and where x'u = 0."""
        root = np.sqrt(self.setting.spectrum)
        # the radius by its survival probability (1 + r^2 / (dof - 2))^{-dof / 2}
        round_zero = zero / root
        squared = float(round_zero @ round_zero)
        survival = (1 + squared / (dof - 2)) ** (-dof / 2)
        _, beyond, weight = _cut_rule(survival, coarse)
        radius = np.sqrt((dof - 2) * np.expm1(-2 / dof * np.log(beyond)))
        # the angle in half turns from that of zero on
        start = math.atan2(round_zero[1], round_zero[0])
        orthogonal = math.atan2(root[0] * u[0], -root[1] * u[1])
        cut = (orthogonal - start) / np.pi % 1.0
        turn, _, turn_weight = _cut_rule(1 - cut, coarse)
        angle = start + np.pi * turn
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        x = radius[:, None, None] * direction * root
        return x.reshape(-1, 2), np.outer(weight, turn_weight).ravel()

    def annihilated(self) -> FloatArray:
        """Return none: no single step has mass."""
        return np.empty((0, 2))


def _cross(a: FloatArray, b: FloatArray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def _cut_rule(beyond: float, coarse: float) -> UnitRule:
    """Return a rule of [0, 1] whose nodes crowd at the ends, and at 1 - beyond if it is inside."""
    x, complement, weight = tanh_sinh(_END, coarse)
    if not 0 < beyond < 1:
        return UnitRule(x, complement, weight)
    below = 1 - beyond
    return UnitRule(
        np.concatenate([below * x, below + beyond * x]),
        np.concatenate([beyond + below * complement, beyond * complement]),
        np.concatenate([below * weight, beyond * weight]),
    )
