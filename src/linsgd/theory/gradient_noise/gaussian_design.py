r"""The minibatch gradient with Gaussian features, exactly.

With delta = w - w*, label noise e of variance s^2 and v = s^2 + delta'H delta, one sample has the
gradient x (x'delta - e). For normal e and a batch of b samples with replacement,

    g = H delta Q/b + sqrt(v Q)/b z,

with independent Q ~ chi2_b and z ~ N(0, H - H delta delta'H / v): a normal mean-variance mixture,
because given the b residuals, whose squares sum to v Q, every x is normal. So

    E g = H delta,    Cov g = (v H + H delta delta'H)/b,
    E exp(i t'g) = [1 - 2 i t'H delta/b + (v t'H t - (t'H delta)^2)/b^2]^{-b/2},

and along u, u'g = sqrt(u'Hu v)/b S with the `ProductNormal` sum S of correlation
rho = u'H delta/sqrt(u'Hu v). Labels of another symmetric law enter the third and fourth moments of
one sample through E e^2 and E e^4 only:

    E (u'g)^3 = 9 a q c + 6 c^3 + 9 a c s^2,
    E (u'g)^4 = 9 a^2 q^2 + 72 a q c^2 + 24 c^4 + 6 s^2 (3 a^2 q + 12 a c^2) + 3 a^2 E e^4,

with a = u'Hu, q = delta'H delta, c = u'H delta.
"""

import math
from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.gradient_noise.product_normal import ProductNormal


@dataclass(frozen=True, slots=True, eq=False)
class GaussianDesign:
    """The law of g at one w.

    Attributes
    ----------
    problem : LinearRegression
        With Gaussian features.
    batch_size : int
        b.
    delta : ndarray (d,)
        w - w* along the eigenvectors of H.
    """

    problem: LinearRegression
    batch_size: int
    delta: FloatArray

    @property
    def exact(self) -> bool:
        """Whether the whole law is known and not only its moments: for normal labels."""
        return self.problem.noise_std == 0 or type(self.problem.noise) is GaussianNoise

    @property
    def residual_variance(self) -> float:
        """The second moment v of one residual, noise variance + delta'H delta."""
        return self.problem.noise_variance + float(self.delta**2 @ self.problem.eigenvalues)

    def mean(self) -> FloatArray:
        """Return H delta (d,) along the eigenvectors of H."""
        return self.problem.eigenvalues * self.delta

    def covariance(self) -> FloatArray:
        """Return (v H + H delta delta'H)/b (d, d) along the eigenvectors of H."""
        mean = self.mean()
        own = np.diag(self.residual_variance * self.problem.eigenvalues)
        return (own + np.outer(mean, mean)) / self.batch_size

    def moments(self, u: FloatArray) -> tuple[float, float, float]:
        """Return the second to fourth central moments of u'g of one sample."""
        h = self.problem.eigenvalues
        a, q, c = float(u**2 @ h), float(self.delta**2 @ h), float(u @ self.mean())
        s2, noise = self.problem.noise_variance, self.problem.noise
        fourth_label = 0.0 if s2 == 0 or noise is None else noise.kurtosis * s2**2
        second = a * q + 2 * c**2 + s2 * a
        third = 9 * a * q * c + 6 * c**3 + 9 * a * c * s2
        fourth = 9 * a**2 * q**2 + 72 * a * q * c**2 + 24 * c**4
        fourth += 6 * s2 * (3 * a**2 * q + 12 * a * c**2) + 3 * a**2 * fourth_label
        return (
            second - c**2,
            third - 3 * c * second + 2 * c**3,
            fourth - 4 * c * third + 6 * c**2 * second - 3 * c**4,
        )

    def along(self, u: FloatArray) -> tuple[ProductNormal, float]:
        """Return the law of S and the factor of u'g = factor S, for normal labels."""
        size = math.sqrt(float(u**2 @ self.problem.eigenvalues) * self.residual_variance)
        rho = float(u @ self.mean()) / size if size > 0 else 0.0
        # without label noise a direction along delta has |rho| = 1 up to rounding
        rho = max(-1.0, min(1.0, rho))
        rounded = math.copysign(1.0, rho) if 1 - abs(rho) < 1e-15 else rho
        return ProductNormal(rounded, self.batch_size), size / self.batch_size

    def cf(self, t: FloatArray) -> complex:
        """Return E exp(i t'g) at t (d,), for normal labels."""
        b, along_mean = self.batch_size, float(t @ self.mean())
        spread = self.residual_variance * float(t**2 @ self.problem.eigenvalues) - along_mean**2
        return complex(1 + max(spread, 0.0) / b**2, -2 * along_mean / b) ** (-b / 2)

    def log_mgf(self, u: FloatArray, q: FloatArray) -> FloatArray:
        """Return log E exp(q (u'g - E u'g)) at q (n,), inf beyond the rates of the tails."""
        b, c = self.batch_size, float(u @ self.mean())
        spread = self.residual_variance * float(u**2 @ self.problem.eigenvalues) - c**2
        # 1 - 2 q c/b - (v u'H u - c^2) q^2/b^2, positive between its two roots around 0
        x = -2 * q * c / b - max(spread, 0.0) * (q / b) ** 2
        inside = np.maximum(x, -1.0)
        with np.errstate(divide="ignore"):
            found: FloatArray = -b / 2 * np.log1p(inside) - q * c
        return np.where(x > -1, found, np.inf)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n gradients (n, d) along the eigenvectors of H, for normal labels in O(d) each."""
        if not self.exact:
            return self._sample_rows(n, rng)
        h, b = self.problem.eigenvalues, self.batch_size
        v, mean = self.residual_variance, self.mean()
        Q = rng.chisquare(b, (n, 1))
        u = rng.standard_normal((n, h.size)) * np.sqrt(h)
        if v > 0:
            # z = u - H delta (delta'u + s xi)/v has covariance H - H delta delta'H/v
            xi = math.sqrt(self.problem.noise_variance) * rng.standard_normal((n, 1))
            u -= mean * ((u @ self.delta)[:, None] + xi) / v
        found: FloatArray = mean * Q / b + np.sqrt(v * Q) / b * u
        return found

    def _sample_rows(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n gradients (n, d) as means over b drawn samples."""
        noise = self.problem.noise
        total = np.zeros((n, self.delta.size))
        for _ in range(self.batch_size):
            x = rng.standard_normal(total.shape) * np.sqrt(self.problem.eigenvalues)
            e = self.problem.noise_std * noise.sample(n, rng) if noise is not None else 0.0
            total += x * (x @ self.delta - e)[:, None]
        return total / self.batch_size
