"""Tails, thresholds and moments of optimizers other than SGD, against independent computations."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import linsgd
from linsgd import LinearRegression
from linsgd.montecarlo.snapshots import snapshots
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.optimizers.scheduled_sgd import ScheduledSGD
from linsgd.theory.tails.other_optimizers import EXPONENTS, _largest_singular_value, largest_ratio
from linsgd.theory.tails.split_newton import spectral

ONE = LinearRegression.gaussian([1.0])
MATRIX = LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.6]], 0.5, [0.8, -0.5])
DATA = LinearRegression.from_data([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]], [1.0, 0.0, 2.0])


def test_every_optimizer_that_is_simulated_has_an_answer():
    assert set(UPDATES) - {linsgd.SGD, ScheduledSGD} == set(EXPONENTS)


@pytest.mark.parametrize(
    ("problem", "optimizer", "status", "guarantee"),
    [
        (DATA, linsgd.ClippedSGD(0.1), "light", "rigorous"),
        (MATRIX, linsgd.NormalizedSGD(0.1, weight_decay=0.1), "light", "rigorous"),
        (MATRIX, linsgd.SignSGD(0.1), "light", "rigorous"),
        (DATA, linsgd.SignSGD(0.1), "unresolved", "rigorous"),
        (MATRIX, linsgd.SignSGD(0.1, weight_decay=0.1), "unresolved", "rigorous"),
        (MATRIX, linsgd.Adam(0.1), "light", "numerical"),
        (DATA, linsgd.Adam(0.1), "unresolved", "rigorous"),
        (MATRIX, linsgd.Adam(0.1, betas=(0.9, 0.8)), "unresolved", "rigorous"),
        (MATRIX, linsgd.NAdam(0.1), "light", "numerical"),
        (MATRIX, linsgd.RMSprop(0.1), "light", "numerical"),
        (MATRIX, linsgd.RMSprop(0.1, centered=True), "unresolved", "rigorous"),
        (MATRIX, linsgd.Lion(0.1), "light", "numerical"),
        (DATA, linsgd.AdamW(0.1, weight_decay=0.1), "light", "rigorous"),
        (MATRIX, linsgd.AdamW(0.1, weight_decay=30.0), "no_stationary_law", "rigorous"),
        (MATRIX, linsgd.Muon(0.1, shape=(1, 2), weight_decay=0.0), "light", "numerical"),
        (MATRIX, linsgd.Adagrad(0.1), "degenerate", "rigorous"),
        (MATRIX, linsgd.Adagrad(0.1, lr_decay=0.1), "no_stationary_law", "rigorous"),
        (MATRIX, linsgd.NaturalGradient(0.1), "unresolved", "rigorous"),
        (MATRIX, linsgd.StochasticNewton(0.5, 1, damping=0.1), "light", "rigorous"),
        (MATRIX, linsgd.StochasticNewton(2.5, 4), "no_stationary_law", "rigorous"),
    ],
    ids=str,
)
def test_the_kind_of_a_tail_has_its_reason(problem, optimizer, status, guarantee):
    found = linsgd.tail_exponent(problem, optimizer)
    assert (found.status, found.guarantee) == (status, guarantee)
    assert found.reason
    assert math.isinf(found.value) == (status == "light")


def test_newtons_exponent_is_batch_less_features_plus_one_or_that_of_the_labels():
    for lr in (0.1, 1.0, 1.9):
        assert linsgd.tail_exponent(MATRIX, linsgd.StochasticNewton(lr, 7)).value == 6
    labels = LinearRegression.gaussian([1.0, 0.2], noise=linsgd.StudentNoise(dof=3))
    assert linsgd.tail_exponent(labels, linsgd.StochasticNewton(0.5, 7)).value == 3
    quiet = LinearRegression.gaussian([1.0], noise_std=0.0)
    assert linsgd.tail_exponent(quiet, linsgd.StochasticNewton(0.5, 7)).status == "degenerate"


def test_newton_with_the_exact_curvature_is_sgd_on_white_features():
    ill = LinearRegression.gaussian([1.0, 1e-4], 0.5, [1.0, 2.0])
    newton, sgd = linsgd.StochasticNewton(0.9, 3, curvature="exact"), linsgd.SGD(0.9, 3)
    white = LinearRegression.gaussian([1.0, 1.0], 0.5)
    assert linsgd.tail_exponent(ill, newton).value == linsgd.tail_exponent(white, sgd).value
    assert linsgd.stability(ill, newton).lr_mean_square == pytest.approx(2 * 3 / (3 + 2 + 1))
    law = linsgd.stationary_moments(ill, newton)
    # Sig = lr sigma^2/(g b - lr d) H^-1 with g = 2 - (1 + 1/b) lr, for Gaussian features exact
    expected = 0.9 * 0.25 / ((2 - 0.9 * 4 / 3) * 3 - 0.9 * 2) / ill.eigenvalues
    assert law.position_variance == pytest.approx(expected, rel=1e-12)


def test_newtons_moments_are_those_of_its_own_recursion():
    """w' = (1 - lr) w + lr s with s the batch's solution, Cov s = noise^2 H^-1/(b - d - 1)."""
    lr, b = 0.6, 8
    law = linsgd.stationary_moments(MATRIX, linsgd.StochasticNewton(lr, b))
    S = 0.25 * np.linalg.inv(MATRIX.covariance()) / (b - 3)
    A = np.array([[1 - lr, 0], [-1, 0]])  # of (w, v), v' = s - w
    B = np.array([[lr], [1.0]])
    Z = np.zeros((4, 4))
    for _ in range(200):
        Z = np.kron(A, np.eye(2)) @ Z @ np.kron(A, np.eye(2)).T + np.kron(B @ B.T, S)
    assert law.position_covariance() == pytest.approx(Z[:2, :2], rel=1e-10)
    assert law.cross_covariance() == pytest.approx(Z[:2, 2:], rel=1e-10)
    assert law.velocity_covariance() == pytest.approx(Z[2:, 2:], rel=1e-10)
    few = linsgd.stationary_moments(MATRIX, linsgd.StochasticNewton(lr, 3))
    assert few.status == "infinite_variance"
    assert linsgd.stability(MATRIX, linsgd.StochasticNewton(lr, 3)).lr_mean_square == 0
    assert linsgd.stability(MATRIX, linsgd.StochasticNewton(lr, 3)).almost_sure


def test_a_second_batch_of_curvature_gives_the_root_of_a_fisher_moment():
    for b, lr in ((4, 0.5), (3, 1.0), (9, 0.7)):
        found = linsgd.tail_exponent(ONE, linsgd.StochasticNewton(lr, b, curvature="split"))

        def moment(s, b=b, lr=lr):
            law = stats.f(b, b)
            parts = [
                quad(lambda x: abs(1 - lr * x) ** s * law.pdf(x), *ends, limit=400)[0]
                for ends in ((0, 1 / lr), (1 / lr, 10), (10, 1e3), (1e3, 1e6))
            ]
            return sum(parts)

        assert found.lower < found.value < min(found.upper, b / 2)
        half = found.value / 2
        assert moment(half) == pytest.approx(spectral(b, lr, half), rel=1e-3)
        assert spectral(b, lr, found.value) == pytest.approx(1, abs=1e-9)
    with pytest.raises(ValueError, match=r"^dimension = 2"):
        linsgd.tail_exponent(MATRIX, linsgd.StochasticNewton(0.5, 4, curvature="split"))


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8), (0.0, 0.9)])
def test_the_bound_on_adams_steps_is_attained(betas):
    """By gradients (b1/b2)^j, j steps ago; none of a thousand random sequences exceeds it."""
    first, second = betas
    j = np.arange(20_000)

    def ratio(g):
        mean = (1 - first) * (first ** j[: len(g)] * g).sum()
        return abs(mean) / math.sqrt((1 - second) * (second ** j[: len(g)] * g**2).sum())

    bound = largest_ratio(betas)
    with np.errstate(under="ignore"):
        assert ratio((first / second) ** j) == pytest.approx(bound, rel=1e-6)
        rng = np.random.default_rng(0)
        assert all(ratio(rng.standard_cauchy(100)) <= bound for _ in range(1000))


def test_muons_polynomial_keeps_singular_values_below_its_bound():
    rng = np.random.default_rng(0)
    bounds = [_largest_singular_value(steps) for steps in range(1, 6)]
    for _ in range(100):
        X = rng.standard_normal((3, 5)) * rng.exponential(size=5)
        X /= np.linalg.norm(X)
        for bound in bounds:
            S = X @ X.T
            X = 3.4445 * X + (-4.775 * S + 2.0315 * S @ S) @ X
            assert np.linalg.norm(X, 2) <= bound


def test_a_decoupled_decay_keeps_the_weights_within_their_bound():
    adamw = linsgd.AdamW(0.5, weight_decay=1.0, betas=(0.5, 0.8))
    bound = 0.5 * largest_ratio((0.5, 0.8)) / 0.5
    far = LinearRegression.gaussian([1.0], 3.0, [50.0])
    w = snapshots(far, adamw, [10, 100, 200], range(256))[..., 0]
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.5 * bound


def test_a_method_is_chosen_for_sgd_only():
    with pytest.raises(ValueError, match=r"^method = 'scalar' .* 'auto' for Adam"):
        linsgd.tail_exponent(ONE, linsgd.Adam(0.1), method="scalar")
    with pytest.raises(ValueError, match="Gaussian for StochasticNewton"):
        linsgd.tail_exponent(DATA, linsgd.StochasticNewton(0.5, 4))


def test_the_law_of_sign_descent_is_that_of_its_steps():
    """The chance of a step down from draws: within 5 standard errors, a fixed seed."""
    problem = LinearRegression.gaussian([2.0], 0.7, [0.3])
    sign = linsgd.SignSGD(0.1, batch_size=3)
    rng, n = np.random.default_rng(0), 400_000
    x, e = rng.normal(scale=2**0.5, size=(n, 3)), rng.normal(scale=0.7, size=(n, 3))
    for start in (-0.4, 0.35):
        law = linsgd.sign_descent_law(problem, sign, steps=1, start=start)
        down = law.probabilities[law.points < start - 0.3 - 0.05].sum()
        share = np.mean((x * (x * (start - 0.3) - e)).sum(axis=1) > 0)
        assert abs(down - share) < 5 * math.sqrt(0.25 / n)
        assert abs(down - (1 - share)) > 0.1
    even, odd = (linsgd.sign_descent_law(problem, sign, steps=k, start=0.0) for k in (600, 601))
    stationary = linsgd.sign_descent_law(problem, sign)
    assert (even.variance + odd.variance) / 2 == pytest.approx(stationary.variance, rel=1e-6)
    for t in (0.15, 0.45):
        mean = (even.beyond(t) + odd.beyond(t)) / 2
        assert mean == pytest.approx(stationary.beyond(t), rel=1e-5)
    with pytest.raises(ValueError, match="one Gaussian feature"):
        linsgd.sign_descent_law(MATRIX, sign)


def test_the_variance_of_adam_solves_the_equation_of_its_diffusion():
    """P H S + S H P = lr P C P with C = noise^2 H/b and P = diag(C_ii^(1/2) + eps)^-1."""
    H, lr, b, eps = MATRIX.covariance(), 0.01, 4, 0.05
    found = linsgd.adaptive_variance(MATRIX, linsgd.Adam(lr, b, eps=eps))
    C = 0.25 * H / b
    P = np.diag(1 / (np.sqrt(np.diag(C)) + eps))
    S = np.diag(found.variance)
    assert pytest.approx(lr * P @ C @ P, rel=1e-12) == P @ H @ S + S @ H @ P
    momentum = linsgd.adaptive_variance(MATRIX, linsgd.RMSprop(lr, b, eps=eps, momentum=0.5))
    assert momentum.variance == pytest.approx(2 * found.variance)
    with pytest.raises(ValueError, match=r"^weight_decay = 0.1"):
        linsgd.adaptive_variance(MATRIX, linsgd.Adam(lr, b, 0.1))
