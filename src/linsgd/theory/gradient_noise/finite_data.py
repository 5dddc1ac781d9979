r"""The minibatch gradient of a finite data set at fixed w: moments under three ways of sampling.

Along u the rows have gradients c_n with mean m and central moments M_2, M_3, M_4 (divisor N). The
mean over a batch of b rows has central moments

with replacement:     M_2/b,   M_3/b^2,   [M_4 + 3 (b - 1) M_2^2]/b^3;

without replacement:  M_2 (N - b)/(b (N - 1)),   M_3 (N - b)(N - 2b)/(b^2 (N - 1)(N - 2)),
                      (N - b) {[N (N + 1) - 6 b (N - b)] M_4 + 3 N (N - b - 1)(b - 1) M_2^2}
                      / ((N - 1)(N - 2)(N - 3) b^3);

Poisson (each row with probability f = b/N, the sum divided by b), whose cumulants are sums over
rows of those of a Bernoulli variable times c_n/b, and so contain the mean gradient too:
                      kappa_n = N <c^n> k_n(f)/b^n,  k_2 = f (1 - f),  k_3 = k_2 (1 - 2f),
                      k_4 = k_2 (1 - 6 k_2).

A batch without replacement and its complement have opposite deviations, (N - b)/b times as large:
the noise at batch N - b has the mirrored shape of that at batch b.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FiniteRows:
    """Gradients of N rows (N, d) at one w, and how a batch of b is drawn from them."""

    gradients: FloatArray
    batch_size: int
    sampling: str

    @property
    def rows(self) -> int:
        """N."""
        return len(self.gradients)

    def mean(self) -> FloatArray:
        """Return the full gradient (d,)."""
        found: FloatArray = self.gradients.mean(axis=0)
        return found

    def covariance(self) -> FloatArray:
        """Return the covariance (d, d) of the minibatch gradient."""
        N, b = self.rows, self.batch_size
        if self.sampling == "poisson":
            found: FloatArray = self.gradients.T @ self.gradients * ((1 - b / N) / (b * N))
            return found
        centred = self.gradients - self.mean()
        scale = 1 / b if self.sampling == "replacement" else (N - b) / (b * max(N - 1, 1))
        covariance: FloatArray = centred.T @ centred * (scale / N)
        return covariance

    def moments(self, u: FloatArray) -> tuple[float, float, float]:
        """Return the second to fourth central moments of u'g of the batch."""
        N, b, c = self.rows, self.batch_size, self.gradients @ u
        if self.sampling == "poisson":
            second, third, fourth = (float(np.mean(c**k)) for k in (2, 3, 4))
            f = b / N
            k2 = f * (1 - f)
            variance = N * second * k2 / b**2
            kappa4 = N * fourth * k2 * (1 - 6 * k2) / b**4
            return variance, N * third * k2 * (1 - 2 * f) / b**3, kappa4 + 3 * variance**2
        M2, M3, M4 = (float(np.mean((c - c.mean()) ** k)) for k in (2, 3, 4))
        if self.sampling == "replacement":
            return M2 / b, M3 / b**2, (M4 + 3 * (b - 1) * M2**2) / b**3
        if b == N:
            return 0.0, 0.0, 0.0
        if N < 4:
            return self._enumerated(c)
        variance = M2 * (N - b) / (b * (N - 1))
        third = M3 * (N - b) * (N - 2 * b) / (b**2 * (N - 1) * (N - 2))
        own = (N * (N + 1) - 6 * b * (N - b)) * M4
        pairs = 3 * N * (N - b - 1) * (b - 1) * M2**2
        return variance, third, (N - b) * (own + pairs) / ((N - 1) * (N - 2) * (N - 3) * b**3)

    def _enumerated(self, c: FloatArray) -> tuple[float, float, float]:
        """Return the moments for N = 2 or 3, where one row is drawn or left out."""
        centred = c - c.mean()
        if self.batch_size > 1:
            centred = -centred / self.batch_size
        second, third, fourth = (float(np.mean(centred**k)) for k in (2, 3, 4))
        return second, third, fourth

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return n minibatch gradients (n, d)."""
        N, b = self.rows, self.batch_size
        if self.sampling == "poisson":
            kept = rng.random((n, N)) < b / N
            found: FloatArray = kept @ self.gradients / b
            return found
        if self.sampling == "replacement":
            chosen = rng.integers(N, size=(n, b))
        else:
            chosen = np.argsort(rng.random((n, N)), axis=1)[:, :b]
        batches: FloatArray = self.gradients[chosen].mean(axis=1)
        return batches
