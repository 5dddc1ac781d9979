"""A printed formula is the tested one: evaluated at a claim's own numbers it gives the claim's
prediction.
"""

import numpy as np
import pytest
import sympy

from linsgd import LinearRegression, moments
from linsgd.claims import case, ensembles, problems, registry
from linsgd.claims.hodgkinson_mahoney_2021.momentum import threshold
from linsgd.claims.hodgkinson_mahoney_2021.thresholds import _leading
from linsgd.claims.kunin_2024.stationary_law import frozen_noise
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import b, beta, eta, h_lambda, sigma_g, zeta

GAUSSIAN = problems.gaussian()


def formula(name):
    return registry.claims(name)[0].formula


def values(made, i):
    """Numbers for the letters along mode i; the gradient's variance from the exact law."""
    sgd, curvature = made.sgd, made.curvature[i]
    variance = made.law.velocity_variance[-1][made.modes[i]]
    noise = variance * (1 - sgd.momentum) * (2 * (1 + sgd.momentum) - sgd.lr * curvature) / 2
    return {
        eta: sgd.lr,
        beta: sgd.momentum,
        zeta: sgd.dampening,
        h_lambda: curvature,
        sigma_g: np.sqrt(noise),
    }


@pytest.mark.parametrize("i", range(4))
def test_the_position_variance_follows_from_the_velocity_variance(i):
    made = ensembles.heavy_ball(GAUSSIAN)
    right = formula("kunin_2024/stationary_position_variance").rhs.subs(values(made, i))
    assert float(right) == pytest.approx(made.law.position_variance[-1][made.modes[i]], rel=1e-4)


@pytest.mark.parametrize(
    "name", ["stationary_velocity_variance", "stationary_position_variance_nesterov"]
)
def test_printed_variances_belong_to_one_noise(name):
    """The velocity's printed variance, and Nesterov's position, with the noise that the law's other
    moment implies.
    """
    made = ensembles.heavy_ball(GAUSSIAN) if "velocity" in name else ensembles.nesterov(GAUSSIAN)
    derived = stationary_covariance("exact", nesterov=made.sgd.nesterov)
    other, own = ("position", "velocity") if "velocity" in name else ("velocity", "position")
    moment = {"position": made.law.position_variance, "velocity": made.law.velocity_variance}
    for i, mode in enumerate(made.modes):
        numbers = values(made, i)
        unit = float(derived[other].subs({**numbers, sigma_g: 1}))
        noise = moment[other][-1][mode] / unit
        right = formula(f"kunin_2024/{name}").rhs.subs({**numbers, sigma_g: np.sqrt(noise)})
        assert float(right) == pytest.approx(moment[own][-1][mode], rel=1e-4)


def test_the_excess_loss_follows_from_the_steps():
    for name, made in (
        ("", ensembles.heavy_ball(GAUSSIAN)),
        ("_dampened", ensembles.dampened(GAUSSIAN)),
    ):
        relation = formula(f"kunin_2024/fluctuation_dissipation{name}")
        numbers = {eta: made.sgd.lr, beta: made.sgd.momentum, zeta: made.sgd.dampening}
        moved = made.sgd.lr**2 * made.law.velocity_variance[-1].sum()
        mean_square = next(iter(relation.rhs.atoms(sympy.Function("E"))))
        right = relation.rhs.subs(mean_square, moved).subs(numbers)
        assert float(right) == pytest.approx(float(made.law.excess_loss[-1]), rel=1e-4)


def test_the_ratio_of_temperatures_is_that_of_the_exact_law():
    made = ensembles.dampened(GAUSSIAN)
    ratio = formula("wu_2021/kinetic_and_potential_temperature").rhs.subs(values(made, 0))
    variance = made.law.position_variance[-1][made.modes]
    exact = made.sgd.lr * made.law.velocity_variance[-1][made.modes] / (made.curvature * variance)
    np.testing.assert_allclose(exact, float(ratio), rtol=1e-4)


def test_noise_frozen_at_the_minimum_of_a_law_without_decay_is_that_of_the_labels():
    problem = LinearRegression.gaussian([2.0, 1.0], noise_std=0.5)
    made = case.at_steps(
        problems.NamedProblem("law", problem), ensembles.stable_sgd(problem, 0.3, batch_size=3), [4]
    )
    np.testing.assert_allclose(frozen_noise(made), 0.25 * np.array([2.0, 1.0]) / 3, rtol=1e-12)


def test_the_covariance_of_the_gaussian_gradient_has_its_closed_form():
    claim = registry.claims("wu_2021/gradient_noise_covariance")[0]
    problem = GAUSSIAN.problem
    H, delta = problem.covariance(), -problem.optimum
    u = H @ delta
    covariance = ((1 + delta @ u) * H + np.outer(u, u)) / 4
    Q = problem.eigenvectors
    rotated = Q.T @ covariance @ Q
    i, j = np.triu_indices(4)
    spread = np.sqrt(np.diag(rotated))
    np.testing.assert_allclose(
        claim.prediction, rotated[i, j] / (spread[i] * spread[j]), rtol=1e-12
    )


def test_the_moment_operator_of_isotropic_features_has_its_closed_form():
    problem, lr, b, d = LinearRegression.gaussian(np.ones(5)), 0.3, 4, 5
    made = ensembles.stable_sgd(problem, 0.5, batch_size=b)
    sgd = type(made)(lr=lr, batch_size=b)
    growth, form = _leading(problem, sgd)
    assert growth == pytest.approx(1 - 2 * lr + lr**2 * (b + d + 1) / b)
    np.testing.assert_allclose(form, form[0, 0] * np.eye(5), atol=1e-9)


@pytest.mark.parametrize("name", ["heavy_ball_threshold", "nesterov_threshold"])
def test_the_threshold_with_momentum_solves_its_printed_equation(name):
    claim = registry.claims(f"hodgkinson_mahoney_2021/{name}")[0]
    residual = claim.formula.lhs - claim.formula.rhs
    for size, lr in zip((1, 4), claim.prediction, strict=True):
        numbers = {beta: 0.9, b: size, threshold: lr}
        assert float(residual.subs(numbers)) == pytest.approx(0.0, abs=1e-9)
        assert abs(float(residual.subs({**numbers, threshold: 1.1 * lr}))) > 1e-3


def test_a_case_has_settled_where_it_says():
    made = ensembles.heavy_ball(GAUSSIAN)
    later = moments(made.problem, made.sgd, [2 * made.steps[-1]], made.start)
    np.testing.assert_allclose(made.law.position_variance, later.position_variance, rtol=1e-4)
