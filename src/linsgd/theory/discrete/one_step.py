r"""Mean and variance of a quadratic form of w after one step of SGD from a fixed point, exactly.

The batch's gradient is its mean plus sum_i zeta_i / b, the zeta_i independent and centred, so that
with a the mean step from the centre c and s = sum_i zeta_i

    Y = (w_1 - c)'G (w_1 - c) = a'G a - 2 kappa a'G s + kappa^2 s'G s,    kappa = lr / b.

With C = E zeta zeta', T = E (zeta'G zeta) zeta and F = E (zeta'G zeta)^2,

    E Y   = a'G a + kappa^2 b tr(G C),
    Var Y = 4 kappa^2 b a'G C G a - 4 kappa^3 b a'G T
            + kappa^4 b (F + 2 (b - 1) tr(G C G C) - tr(G C)^2).

For a data set C, T and F are means over the rows. For Gaussian features and noise, with
delta = w_0 - w* and m = delta'H delta + noise_std^2, the sample's residual r is N(0, m), rho = r^2,
and given r the gradient x r is N(mu rho, rho Sigma), mu = H delta / m,
Sigma = H - H delta delta'H / m: moments of rho up to the fourth give the rest.
"""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True, eq=False)
class GradientMoments:
    """Moments of one sample's gradient at a point.

    Attributes
    ----------
    mean, third : ndarray (d,)
        Of the unregularised loss, and T of the module's docstring.
    covariance : ndarray (d, d)
        C.
    fourth : float
        F.
    """

    mean: FloatArray
    covariance: FloatArray
    third: FloatArray
    fourth: float


def quadratic_after_one_step(
    problem: LinearRegression, sgd: SGD, w: FloatArray, centre: FloatArray, form: FloatArray
) -> tuple[float, float]:
    """Return mean and variance of (w_1 - centre)'form (w_1 - centre) from w_0 = w at velocity 0.

    Parameters
    ----------
    problem : LinearRegression
        A data set, or Gaussian features and label noise.
    sgd : SGD
        Without momentum, with independent batches drawn with replacement.
    w, centre : ndarray (d,)
        The start and the point that the form is about.
    form : ndarray (d, d)
        Symmetric.

    Returns
    -------
    tuple of float
        Mean and variance.

    Raises
    ------
    ValueError
        If the problem or the optimizer is another.
    """
    if sgd.momentum or not sgd.replacement or sgd.sampling != "independent":
        domains.refuse("sgd", sgd, "SGD without momentum, batches drawn with replacement")
    gradient = _gradient_moments(problem, w, form)
    b = sgd.batch_size
    kappa = sgd.lr / b
    C = gradient.covariance
    descent = gradient.mean + sgd.weight_decay * w
    a = w - centre - sgd.lr * descent
    Ga = form @ a
    GC = form @ C
    trace = float(np.trace(GC))
    mean = a @ Ga + kappa**2 * b * trace
    # 4 kappa^2 b a'G C G a - 4 kappa^3 b a'G T + kappa^4 b (F + 2 (b - 1) tr(GCGC) - tr(GC)^2)
    square = float(np.sum(GC * GC.T))
    pairs = 2 * (b - 1) * square - trace**2
    variance = (
        4 * kappa**2 * b * Ga @ C @ Ga
        - 4 * kappa**3 * b * Ga @ gradient.third
        + kappa**4 * b * (gradient.fourth + pairs)
    )
    return float(mean), float(variance)


def _gradient_moments(
    problem: LinearRegression, w: FloatArray, form: FloatArray
) -> GradientMoments:
    """Return the moments of one sample's gradient at w."""
    law = problem.features
    if isinstance(law, FiniteData):
        residual = law.X @ w - law.y
        return _of_rows(law.X * residual[:, None], form)
    if isinstance(law, GaussianFeatures) and isinstance(problem.noise, GaussianNoise):
        return _gaussian(problem, w - problem.optimum, form)
    return domains.refuse("problem", law, "data sets, and Gaussian features with Gaussian noise")


def _of_rows(gradients: FloatArray, form: FloatArray) -> GradientMoments:
    """Return the moments of gradients (M, d) of equal probability."""
    mean = gradients.mean(axis=0)
    zeta = gradients - mean
    squares = ((zeta @ form) * zeta).sum(axis=1)
    return GradientMoments(
        mean=mean,
        covariance=zeta.T @ zeta / len(zeta),
        third=squares @ zeta / len(zeta),
        fourth=float(np.mean(squares**2)),
    )


def _gaussian(problem: LinearRegression, delta: FloatArray, form: FloatArray) -> GradientMoments:
    """Return the moments for Gaussian features and noise at w* + delta.

    With rho = m chi2_1 and A = rho - m: E A^2 = 2 m^2, E A^3 = 8 m^3, E A^4 = 60 m^4,
    E rho^2 = 3 m^2, E A rho = 2 m^2, E A^2 rho = 10 m^3; zeta = A mu + sqrt(rho) N(0, Sigma).
    """
    H = problem.covariance()
    mean = H @ delta
    m = float(delta @ mean) + problem.noise_variance
    if m == 0:
        zeros = np.zeros_like(mean)
        return GradientMoments(mean, np.zeros_like(H), zeros, 0.0)
    mu = mean / m
    Sigma = H - np.multiply.outer(mean, mean) / m
    # alpha = mu'G mu, beta = mu'G Sigma G mu, tau = tr(G Sigma), tau_2 = tr(G Sigma G Sigma)
    G_mu = form @ mu
    G_Sigma = form @ Sigma
    alpha = float(mu @ G_mu)
    beta = float(G_mu @ Sigma @ G_mu)
    tau = float(np.trace(G_Sigma))
    tau_2 = float(np.sum(G_Sigma * G_Sigma.T))
    # C = E[A^2] mu mu' + E[rho] Sigma
    outer = 2 * m**2 * np.multiply.outer(mu, mu)
    covariance = outer + m * Sigma
    # T = (E[A^3] alpha + E[A rho] tau) mu + 2 E[A rho] Sigma G mu
    along_mu = 8 * m**3 * alpha + 2 * m**2 * tau
    third = along_mu * mu + 4 * m**2 * Sigma @ G_mu
    # F = E[A^4] alpha^2 + 4 E[A^2 rho] beta + E[rho^2] (tau^2 + 2 tau_2) + 2 E[A^2 rho] alpha tau
    fourth = (
        60 * m**4 * alpha**2
        + 40 * m**3 * beta
        + 3 * m**2 * (tau**2 + 2 * tau_2)
        + 20 * m**3 * alpha * tau
    )
    return GradientMoments(mean, covariance, third, float(fourth))
