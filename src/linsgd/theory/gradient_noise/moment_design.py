r"""The minibatch gradient with features along principal axes: moments up to the fourth.

Along u one sample has the gradient p (q - e) with p = u'x and q = delta'x. Where the whitened
coordinates are independent with cumulants k_n, p and q have the joint cumulants

    kappa_{a,b} = k_{a+b} sum_i h_i^{(a+b)/2} u_i^a delta_i^b,

from which the joint moments follow by

    E p^a q^b = sum_{i<a, j<=b} C(a-1, i) C(b, j) kappa_{a-i, b-j} E p^i q^j.

Elliptical Student features are a normal vector times s, s^2 = (nu - 2)/chi2_nu: their moments of
order n are the normal ones times E s^n, infinite from n = nu on.
"""

import math
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.features import RademacherFeatures, StudentFeatures, UniformFeatures
from linsgd.problems.linear_regression import LinearRegression

# k_4, k_6, k_8 of a white coordinate; uniform: B_n (2 sqrt 3)^n/n with Bernoulli's numbers
CUMULANTS: dict[type, tuple[float, float, float]] = {
    UniformFeatures: (-6 / 5, 48 / 7, -432 / 5),
    RademacherFeatures: (-2.0, 16.0, -272.0),
    StudentFeatures: (0.0, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class MomentDesign:
    """Moments of g at one w, as `GaussianDesign` has them.

    Attributes
    ----------
    problem : LinearRegression
        With features of a type in `CUMULANTS`.
    batch_size : int
        b.
    delta : ndarray (d,)
        w - w* along the eigenvectors of H.
    """

    problem: LinearRegression
    batch_size: int
    delta: FloatArray

    def mean(self) -> FloatArray:
        """Return H delta (d,) along the eigenvectors of H."""
        return self.problem.eigenvalues * self.delta

    def covariance(self) -> FloatArray:
        """Return the covariance (d, d) along the eigenvectors of H; inf where it is."""
        h, mean = self.problem.eigenvalues, self.mean()
        label = np.diag(self.problem.noise_variance * h)
        if not mean.any():
            return label / self.batch_size
        radial = self._scale_moment(4)
        white = np.sqrt(h) * self.delta
        excess = np.diag(CUMULANTS[type(self.problem.features)][0] * white**2)
        # E z z' (z'a)^2 for white z: radial (2 a a' + |a|^2) + excess
        square = 2 * np.outer(white, white) + np.eye(h.size) * (white @ white)
        if math.isinf(radial):
            return np.where(np.eye(h.size) > 0, np.inf, np.nan)
        second = np.sqrt(np.outer(h, h)) * (radial * square + excess)
        return (second - np.outer(mean, mean) + label) / self.batch_size

    def moments(self, u: FloatArray) -> tuple[float, float, float]:
        """Return the second to fourth central moments of u'g of one sample."""
        noise, s2 = self.problem.noise, self.problem.noise_variance
        fourth = 0.0 if s2 == 0 or noise is None else noise.kurtosis * s2**2
        labels = {0: 1.0, 2: s2, 4: fourth}
        joint = self._joint_moments(u)
        raw = [1.0]
        for k in range(1, 5):
            terms = [
                math.comb(k, j) * label * joint[k][k - j] * self._scale_moment(2 * k - j)
                for j, label in labels.items()
                if j <= k and joint[k][k - j] != 0 and label != 0
            ]
            raw.append(sum(terms))
        m = raw[1]
        if not all(map(math.isfinite, raw)):
            finite = math.isfinite(raw[2])
            second = raw[2] - m**2 if finite else math.inf
            return second, math.nan if math.isinf(raw[3]) else raw[3], math.inf
        return (
            raw[2] - m**2,
            raw[3] - 3 * m * raw[2] + 2 * m**3,
            raw[4] - 4 * m * raw[3] + 6 * m**2 * raw[2] - 3 * m**4,
        )

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n gradients (n, d) along the eigenvectors of H, as means over b samples."""
        noise, total = self.problem.noise, np.zeros((n, self.delta.size))
        for _ in range(self.batch_size):
            x = self.problem.to_eigenbasis(self.problem.features.sample(n, rng))
            e = self.problem.noise_std * noise.sample(n, rng) if noise is not None else 0.0
            total += x * (x @ self.delta - e)[:, None]
        return total / self.batch_size

    def _joint_moments(self, u: FloatArray) -> list[list[float]]:
        """Return E p^a q^b for a, b <= 4, without the factor s of Student features."""
        cumulants = dict(zip((4, 6, 8), CUMULANTS[type(self.problem.features)], strict=True))
        cumulants[2] = 1.0
        p, q = np.sqrt(self.problem.eigenvalues) * [u, self.delta]

        def kappa(a: int, b: int) -> float:
            return cumulants.get(a + b, 0.0) * float(np.sum(p**a * q**b))

        found = [[0.0] * 5 for _ in range(5)]
        found[0][0] = 1.0
        for b in range(1, 5):
            terms = [math.comb(b - 1, j) * kappa(0, b - j) * found[0][j] for j in range(b)]
            found[0][b] = sum(terms)
        for a in range(1, 5):
            for b in range(5):
                found[a][b] = sum(
                    math.comb(a - 1, i) * math.comb(b, j) * kappa(a - i, b - j) * found[i][j]
                    for i in range(a)
                    for j in range(b + 1)
                )
        return found

    def _scale_moment(self, order: int) -> float:
        """Return E s^order of the common scale of a sample's features."""
        features = self.problem.features
        if type(features) is not StudentFeatures:
            return 1.0
        half, dof = order / 2, features.dof
        if dof <= order:
            return math.inf
        log_moment = math.lgamma(dof / 2 - half) - math.lgamma(dof / 2)
        return math.exp(half * math.log((dof - 2) / 2) + log_moment)
