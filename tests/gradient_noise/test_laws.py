"""The law of the minibatch gradient against enumeration, quadrature and plain sampling."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import linsgd
from linsgd.problems.features.law import PrincipalAxesLaw
from linsgd.theory.gradient_noise.normal_distance import third_absolute_moment, total_variation
from linsgd.theory.gradient_noise.product_normal import ProductNormal, log_bessel

H = np.array([[1.0, 0.3], [0.3, 0.5]])
W = np.array([0.7, -0.4])
U = np.array([1.0, 2.0])
ROWS = np.array([[1.0, 0.2], [-0.5, 2.0], [0.3, -1.0], [2.0, 1.0], [0.1, 0.4]])
LABELS = np.array([0.5, 1.0, -1.0, 0.0, 2.0])


def gaussian(**options):
    return linsgd.LinearRegression.gaussian(H, noise_std=0.8, optimum=[0.2, 0.1], **options)


def central(values, weights=None):
    """Return variance, skewness and excess kurtosis."""
    mean = np.average(values, weights=weights)
    second, third, fourth = (np.average((values - mean) ** k, weights=weights) for k in (2, 3, 4))
    return second, third / second**1.5, fourth / second**2 - 3


@pytest.mark.parametrize("sampling", ["replacement", "without_replacement", "poisson"])
@pytest.mark.parametrize("b", [1, 2, 3])
def test_finite_data_against_every_batch(sampling, b):
    problem = linsgd.LinearRegression.from_data(ROWS, LABELS)
    gradients = ROWS * (ROWS @ W - LABELS)[:, None]
    weights = None
    if sampling == "replacement":
        batches = [gradients[list(rows)].mean(0) for rows in itertools.product(range(5), repeat=b)]
    elif sampling == "without_replacement":
        batches = [gradients[list(rows)].mean(0) for rows in itertools.combinations(range(5), b)]
    else:
        kept = np.array(list(itertools.product([0, 1], repeat=5)))
        batches = kept @ gradients / b
        weights = np.prod(np.where(kept, b / 5, 1 - b / 5), axis=1)
    noise = linsgd.gradient_noise(problem, W, b, sampling=sampling)
    variance, skewness, kurtosis = central(np.array(batches) @ U, weights)
    assert U @ noise.covariance @ U == pytest.approx(variance, rel=1e-10, abs=0)
    assert noise.skewness(U) == pytest.approx(skewness, rel=1e-9, abs=0)
    assert noise.excess_kurtosis(U) == pytest.approx(kurtosis, rel=1e-9, abs=0)
    assert noise.mean == pytest.approx(gradients.mean(0))


@pytest.mark.parametrize("N", [2, 3])
def test_few_rows_without_replacement(N):
    problem = linsgd.LinearRegression.from_data(ROWS[:N], LABELS[:N])
    gradients = ROWS[:N] * (ROWS[:N] @ W - LABELS[:N])[:, None]
    for b in range(1, N):
        batches = [gradients[list(rows)].mean(0) for rows in itertools.combinations(range(N), b)]
        noise = linsgd.gradient_noise(problem, W, b, replacement=False)
        assert noise.excess_kurtosis(U) == pytest.approx(central(np.array(batches) @ U)[2])


def test_a_batch_and_its_complement_mirror_each_other():
    problem = linsgd.LinearRegression.from_data(ROWS, LABELS)
    one, rest = (linsgd.gradient_noise(problem, W, b, replacement=False) for b in (1, 4))
    assert rest.covariance == pytest.approx(one.covariance / 16)
    assert rest.skewness(U) == pytest.approx(-one.skewness(U))
    assert rest.excess_kurtosis(U) == pytest.approx(one.excess_kurtosis(U))


@pytest.mark.parametrize("noise", ["gaussian", "laplace", "rademacher"])
def test_moments_of_one_sample_by_quadrature(noise):
    problem = gaussian(noise=noise)
    law = linsgd.gradient_noise(problem, W, 1)
    delta = W - problem.optimum
    # u'x and x'delta are jointly normal: Gauss-Hermite in two variables is exact for polynomials
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    weights = weights / weights.sum()
    x = (np.linalg.cholesky(H) @ np.stack(np.meshgrid(nodes, nodes)).reshape(2, -1)).T
    w = np.outer(weights, weights).ravel()
    label = {"gaussian": (1, 0, 3), "laplace": (1, 0, 6), "rademacher": (1, 0, 1)}[noise]
    raw = [0.0] * 5
    for k in range(1, 5):
        for j in range(k + 1):
            moment = {0: 1.0, 1: 0.0, 2: label[0], 3: label[1], 4: label[2]}[j] * 0.8**j
            term = (x @ U) ** k * (x @ delta) ** (k - j)
            raw[k] += math.comb(k, j) * (-1) ** j * moment * float(w @ term)
    m, m2, m3, m4 = raw[1:]
    variance = m2 - m**2
    assert U @ law.covariance @ U == pytest.approx(variance)
    assert law.skewness(U) == pytest.approx((m3 - 3 * m * m2 + 2 * m**3) / variance**1.5)
    fourth = m4 - 4 * m * m3 + 6 * m**2 * m2 - 3 * m**4
    assert law.excess_kurtosis(U) == pytest.approx(fourth / variance**2 - 3)


@pytest.mark.parametrize("b", [1, 2, 5])
def test_density_cumulants_and_characteristic_function_agree(b):
    law = linsgd.gradient_noise(gaussian(), W, b)
    mean, std = law.cumulant(U, 1), math.sqrt(law.cumulant(U, 2))

    def moment(function):
        parts = [mean - 60 * std, -1.0, 0.0, 1.0, mean + 60 * std]
        pieces = itertools.pairwise(parts)
        return sum(
            quad(lambda x: function(x) * law.pdf(U, [x])[0], *piece, limit=300, epsabs=1e-11)[0]
            for piece in pieces
        )

    assert mean == pytest.approx(float(U @ law.mean))
    assert moment(lambda x: 1.0) == pytest.approx(1, abs=1e-8)
    assert moment(lambda x: (x - mean) ** 3) == pytest.approx(law.cumulant(U, 3), rel=1e-7, abs=0)
    t = 0.7
    assert moment(lambda x: math.cos(t * x)) == pytest.approx(law.cf(t * U).real, abs=1e-8)
    assert moment(lambda x: math.sin(t * x)) == pytest.approx(law.cf(t * U).imag, abs=1e-8)
    assert law.skewness(U) == pytest.approx(law.cumulant(U, 3) / std**3)
    assert law.excess_kurtosis(U) == pytest.approx(law.cumulant(U, 4) / std**4)


@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
def test_samples_have_the_stated_moments(noise):
    # Each z-score of a fixed seed; a right law passes 5 with probability 1 - 6e-7.
    law = linsgd.gradient_noise(gaussian(noise=noise), W, 3)
    g = law.sample(200_000, np.random.default_rng(0))
    error = math.sqrt(law.covariance[0, 0] / len(g))
    assert abs(g[:, 0].mean() - law.mean[0]) < 5 * error
    c = g @ U - law.mean @ U
    variance = U @ law.covariance @ U
    spread = math.sqrt((law.excess_kurtosis(U) + 2) / len(g)) * variance
    assert abs(np.mean(c**2) - variance) < 5 * spread
    assert abs(np.mean(c**2) - 1.1 * variance) > 5 * spread


def test_fast_samples_equal_explicit_batches_in_law():
    law = linsgd.gradient_noise(gaussian(), W, 3)
    fast = law.sample(20_000, np.random.default_rng(1)) @ U
    slow = law._problem.from_eigenbasis(law._law._sample_rows(20_000, np.random.default_rng(2))) @ U
    assert stats.ks_2samp(fast, slow).pvalue > 1e-6
    assert stats.ks_2samp(fast, 1.1 * slow).pvalue < 1e-3


@pytest.mark.parametrize(("rho", "expected"), [(0.0, 2.69e-4), (0.5, 6.84e-3), (0.9, 8.28e-3)])
def test_kolmogorov_distance_at_batch_512(rho, expected):
    law = ProductNormal(rho, 512)
    assert law.kolmogorov() == pytest.approx(expected, rel=2e-3, abs=0)


def test_distance_of_a_symmetric_direction_falls_as_one_over_the_batch():
    assert ProductNormal(0.0, 4096).kolmogorov() * 4096 == pytest.approx(0.1376, rel=2e-3, abs=0)


@pytest.mark.parametrize(("rho", "expected"), [(0.0, 8 / math.pi), (0.5, 2.87), (0.9, 3.06)])
def test_third_absolute_moment(rho, expected):
    assert third_absolute_moment(rho) == pytest.approx(expected, rel=2e-3, abs=0)


def test_third_absolute_moment_of_equal_factors():
    x = quad(lambda s: abs(s - 1) ** 3 * stats.chi2.pdf(s, 1), 0, 1)[0]
    x += quad(lambda s: abs(s - 1) ** 3 * stats.chi2.pdf(s, 1), 1, 80)[0]
    assert third_absolute_moment(1.0) == pytest.approx(x / 2**1.5, rel=1e-6, abs=0)


@pytest.mark.parametrize(("d", "b", "expected"), [(64, 1024, 0.0148), (2000, 2000, 0.1664)])
def test_total_variation_depends_on_features_over_batch(d, b, expected):
    assert total_variation(d, b) == pytest.approx(expected, rel=5e-3, abs=0)
    limit = math.sqrt(1 + d / b)
    x = math.sqrt(2 * math.log(limit) / (1 - limit**-2))
    assert total_variation(d, b) == pytest.approx(
        2 * (stats.norm.cdf(x) - stats.norm.cdf(x / limit)), rel=0.05, abs=0
    )


def test_total_variation_in_one_dimension_by_integration():
    law = ProductNormal(0.0, 3)  # S/sqrt(3) is normal on the scale sqrt(Q/3)
    gap = quad(
        lambda s: abs(
            math.exp(law.log_density(np.array([s * math.sqrt(3)]))[0]) * math.sqrt(3)
            - stats.norm.pdf(s)
        ),
        -40,
        40,
        points=[-2.5, -1, 0, 1, 2.5],
        limit=500,
    )[0]
    assert total_variation(1, 3) == pytest.approx(gap / 2, abs=1e-6)


@pytest.mark.parametrize("nu", [0.0, 3.5, 249.5, 2000.0])
@pytest.mark.parametrize("x", [0.05, 3.0, 400.0])
def test_logarithm_of_the_bessel_function(nu, x):
    exact = float(mp.log(mp.besselk(nu, x)))
    assert float(log_bessel(nu, np.array([x]))[0]) == pytest.approx(exact, rel=1e-11, abs=1e-9)


def test_normal_distances_are_ordered():
    distance = linsgd.gradient_noise(gaussian(), W, 32).normal_distance(U)
    assert distance.edgeworth == pytest.approx(distance.kolmogorov, rel=0.02, abs=0)
    assert distance.berry_esseen > 5 * distance.kolmogorov


def test_mardia_kurtosis_from_samples():
    law = linsgd.gradient_noise(gaussian(), [0.2, 0.1], 4)
    g = law.sample(400_000, np.random.default_rng(3))
    squares = np.einsum("ni,ij,nj->n", g, np.linalg.inv(law.covariance), g) ** 2
    error = squares.std() / math.sqrt(len(g))
    assert abs(squares.mean() - law.mardia_kurtosis()) < 5 * error
    assert abs(squares.mean() - 8) > 5 * error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linsgd.gradient_noise(gaussian(), W, 0), "batch_size = 0"),
        (lambda: linsgd.gradient_noise(gaussian(), W, 2, replacement=False), "sampling"),
        (lambda: linsgd.gradient_noise(gaussian(), [1.0], 2), "w"),
        (lambda: linsgd.gradient_noise(gaussian(), W, 2).skewness([0, 0]), "u = "),
        (lambda: linsgd.gradient_noise(gaussian(), W, 2).total_variation(), "w = "),
        (lambda: linsgd.gradient_noise(gaussian(noise="laplace"), W, 2).cf(U), "normal labels"),
    ],
)
def test_what_is_not_known_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("noise", ["gaussian", "laplace"])
@pytest.mark.parametrize("law", ["uniform", "rademacher"])
def test_independent_features_by_quadrature(law, noise):
    kind = {"uniform": linsgd.UniformFeatures, "rademacher": linsgd.RademacherFeatures}[law]
    problem = linsgd.LinearRegression.from_features(
        kind(H), noise_std=0.8, optimum=[0.2, 0.1], noise=noise
    )
    found = linsgd.gradient_noise(problem, W, 1)
    # Gauss-Legendre in each white coordinate is exact for polynomials
    x, w = np.polynomial.legendre.leggauss(12) if law == "uniform" else ([-1, 1], [1, 1])
    x, w = np.asarray(x) * (math.sqrt(3) if law == "uniform" else 1), np.asarray(w) / 2
    h, Q = np.linalg.eigh(H)
    points = np.stack(np.meshgrid(x, x)).reshape(2, -1).T * np.sqrt(h) @ Q.T
    weights = np.outer(w, w).ravel()
    p, q = points @ U, points @ (W - problem.optimum)
    labels = {0: 1, 2: 0.64, 4: {"gaussian": 3, "laplace": 6}[noise] * 0.64**2}
    raw = [
        sum(
            math.comb(k, j) * labels[j] * float(weights @ (p**k * q ** (k - j)))
            for j in (0, 2, 4)
            if j <= k
        )
        for k in range(5)
    ]
    m = raw[1]
    second = raw[2] - m**2
    third = raw[3] - 3 * m * raw[2] + 2 * m**3
    fourth = raw[4] - 4 * m * raw[3] + 6 * m**2 * raw[2] - 3 * m**4
    assert U @ found.mean == pytest.approx(m)
    assert U @ found.covariance @ U == pytest.approx(second)
    assert found.skewness(U) == pytest.approx(third / second**1.5, rel=1e-9)
    assert found.excess_kurtosis(U) == pytest.approx(fourth / second**2 - 3, rel=1e-9)


def student(dof, **options):
    features = linsgd.StudentFeatures(H, dof=dof)
    return linsgd.LinearRegression.from_features(
        features, noise_std=0.8, optimum=[0.2, 0.1], **options
    )


def test_student_features_tend_to_gaussian_ones():
    exact = linsgd.gradient_noise(gaussian(), W, 3)
    near = linsgd.gradient_noise(student(1e7), W, 3)
    assert near.covariance == pytest.approx(exact.covariance, rel=1e-5)
    assert near.skewness(U) == pytest.approx(exact.skewness(U), rel=1e-5)
    assert near.excess_kurtosis(U) == pytest.approx(exact.excess_kurtosis(U), rel=1e-5)


def test_student_features_by_mixing():
    # given the scale s the features are Gaussian of covariance s^2 H
    dof = 9.5
    found = linsgd.gradient_noise(student(dof), W, 1)

    def mean(function):
        def integrand(t):
            return stats.chi2.pdf(t, dof) * function((dof - 2) / t)

        return sum(quad(integrand, *ends, limit=300)[0] for ends in ((0, 2), (2, 20), (20, 300)))

    delta = W - [0.2, 0.1]
    a, q, c = U @ H @ U, delta @ H @ delta, U @ H @ delta
    m = mean(lambda s2: s2 * c)
    second = mean(lambda s2: s2**2 * (a * q + 2 * c**2) + 0.64 * s2 * a) - m**2
    assert U @ found.covariance @ U == pytest.approx(second, rel=1e-6)


def test_missing_moments_of_student_features():
    found = linsgd.gradient_noise(student(6.0), W, 2)
    assert np.isfinite(found.covariance).all()
    assert found.excess_kurtosis(U) == math.inf
    at_optimum = linsgd.gradient_noise(student(6.0), [0.2, 0.1], 2)
    assert math.isfinite(at_optimum.excess_kurtosis(U))


def test_cumulant_function_has_the_cumulants():
    law = linsgd.gradient_noise(gaussian(), W, 3)
    with mp.workdps(40):
        c, b = mp.mpf(float(U @ law.mean)), 3
        # b Var = v u'H u + c^2
        spread = mp.mpf(law.cumulant(U, 2)) * b - 2 * c**2
        exact = -mp.mpf(b) / 2 * mp.log(1 - 2 * c / b * 0.1 - spread * (mp.mpf("0.1") / b) ** 2)
        exact -= c * mp.mpf("0.1")
    assert law.log_mgf(U, [0.1])[0] == pytest.approx(float(exact), rel=1e-9)
    # the second difference at 0 is the variance
    near = law.log_mgf(U, [1e-3, -1e-3]).sum() / 1e-6
    assert near == pytest.approx(law.cumulant(U, 2), rel=1e-4)
    assert law.log_mgf(U, [1e3])[0] == math.inf


def test_distribution_function_is_the_integral_of_the_density():
    law = linsgd.gradient_noise(gaussian(), W, 4)
    mass = quad(lambda x: law.pdf(U, [x])[0], -1.0, 1.5, points=[0.0])[0]
    below = law.cdf(U, [-1.0, 1.5])
    assert below[1] - below[0] == pytest.approx(mass, abs=1e-8)


def test_a_feature_law_of_ones_own_is_refused_by_name():
    class Cross(PrincipalAxesLaw):
        name = "cross"

        def white(self, shape, rng):
            return rng.standard_normal(shape)

    problem = linsgd.LinearRegression.from_features(Cross(np.array([1.0, 0.5])))
    with pytest.raises(ValueError, match="Cross"):
        linsgd.gradient_noise(problem, W, 2)
