"""Random features in the limit, compute-optimal exponents, frontiers, critical batches, edges."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import linsgd
from linsgd import SGD, LinearRegression, PowerLaw
from linsgd.theory.risk.compute_optimal import balance, phase, risk_terms
from linsgd.theory.risk.feature_spectrum import FeatureSpectrum


def test_the_argument_solves_its_equation_on_the_contour():
    spectrum = FeatureSpectrum.of(1.4, 0.7, (50.0, 800.0), 1e-12, 10)
    scales = np.geomspace(1e-6, 10, 9) * np.exp(1j * np.linspace(0, 2.6, 9))
    k = spectrum.arguments(scales)
    h = np.arange(1.0, 801.0) ** -1.4  # every mode, instead of nodes
    freedom = np.sum(h / (h + k[:, None]), axis=1)
    assert k * (1 - freedom / 50) == pytest.approx(scales, rel=1e-8)


def test_the_limit_is_that_of_single_draws_of_the_features():
    law = PowerLaw(exponent=1.2, source=0.4, dimension=500, noise_std=0.1)
    sgd, at = SGD(lr=0.02, batch_size=4), [1, 30, 1000]
    limit = linsgd.random_features_curve(law, 200, sgd, at)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(6):
        problem = linsgd.random_features(law, 200, rng)
        misfit = (problem.noise_variance - 0.1**2) / 2
        curve = linsgd.risk_curve(problem, sgd, at, theory="homogenized")
        drawn.append([*(curve.excess_risk + misfit), misfit])
    expected, spread = np.mean(drawn, axis=0), np.std(drawn, axis=0, ddof=1) / np.sqrt(6)
    found = np.array([*limit.risk, limit.misfit])
    # 5 % and six standard errors of six draws
    assert np.all(np.abs(found - expected) < 0.02 * expected + 6 * spread)
    assert np.all(spread < 0.05 * expected)
    assert limit.error.max() < 1e-5


def test_the_limit_without_projection_is_the_power_law_itself():
    # v = 60 coordinates and very many features: W W' = I
    law = PowerLaw(exponent=1.3, source=0.4, dimension=60, noise_std=0.2)
    spectrum = FeatureSpectrum.of(1.3, 0.4, (1e9, 60.0), 1e-12, 10)
    at = np.array([1.0, 20.0, 900.0])
    found = spectrum.risks(0.1, 4, at, 0.2)
    exact = linsgd.risk_curve(law, SGD(lr=0.1, batch_size=4), at.astype(int), theory="homogenized")
    assert found == pytest.approx(exact.excess_risk, rel=1e-6)


# 2 alpha, beta; exponents of risk and size after the published table of phases, as reconstructed
PHASES = {
    "Ia": (2.0, 0.3, -((1 - 1 / 3) * (1 + 0.3 - 0.5)), 1 / 3, "capacity = forgotten"),
    "Ib": (0.9, 0.3, -(0.45 + 0.3 - 0.5), 0.5, "capacity = forgotten"),
    "II": (1.6, 0.7, -(1.6 + 1.4 - 1) / (2 * 1.5), 0.7 / 1.5, "embedding = forgotten"),
    "III": (1.6, 1.2, -(4 * 0.8 - 1) / (4 * 0.8), 0.5, "embedding = noise"),
    "IVa": (0.9, 0.8, -0.45, 0.5, "capacity = noise"),
}


@pytest.mark.parametrize(
    ("exponent", "source", "risk", "size", "name"), PHASES.values(), ids=PHASES
)
def test_the_balance_of_terms_is_the_table_of_phases(exponent, source, risk, size, name):
    terms = risk_terms(exponent, source)
    x, value = balance(terms)
    assert (-value, x) == pytest.approx((risk, size), rel=1e-12)
    assert phase(terms, x) == name


@pytest.mark.parametrize("law", [(2.0, 0.3), (1.6, 1.2), (0.8, 0.3)])
def test_measured_exponents_are_the_predicted_ones(law):
    found = linsgd.compute_optimal(*law)
    assert found.risk_exponent == pytest.approx(found.predicted_risk, abs=0.01)
    assert found.size_exponent == pytest.approx(found.predicted_size, abs=0.02)
    assert abs(found.risk_exponent - found.predicted_risk) < found.risk_error + 1e-3


@pytest.mark.parametrize("law", [(2.5, 0.5), (1.1, 0.5), (0.6, 0.917), (1.5, 1.0)])
def test_the_error_holds_what_logarithms_and_slow_powers_leave(law):
    found = linsgd.compute_optimal(*law)
    assert 1e-5 < abs(found.risk_exponent - found.predicted_risk) < found.risk_error < 0.06


def test_a_risk_without_digits_gives_no_exponent():
    found = linsgd.compute_optimal(0.6, 1.3, decades=60)
    assert found.status == "unresolved"
    assert np.isnan([found.risk_exponent, found.size_exponent]).all()


def test_a_frontier_is_the_least_risk_of_exact_curves():
    law = PowerLaw(exponent=1.5, source=0.4, noise_std=0.1)
    grid = {"dimensions": [4, 32], "batch_sizes": [1, 8], "steps": [5, 50, 500]}
    found = linsgd.risk_frontier(law, SGD(lr=0.3), **grid)
    infinite = linsgd.risk_curve(law, SGD(lr=0.3), [0]).excess_risk[0]
    h, b = np.arange(1.0, 33.0) ** -1.5, np.arange(1.0, 33.0) ** -0.4
    missing = 2 * infinite - h @ b**2
    problem = LinearRegression.gaussian(h, noise_std=np.sqrt(0.01 + missing), optimum=b)
    curve = linsgd.risk_curve(problem, SGD(lr=0.3, batch_size=8), grid["steps"])
    assert found.risk[1, 1] == pytest.approx(curve.excess_risk + missing / 2, rel=1e-8)
    for budget, least in zip(found.compute, found.least_risk, strict=True):
        cost = np.multiply.outer(np.multiply.outer([4, 32], [1, 8]), grid["steps"])
        assert least == found.risk[cost <= budget * (1 + 1e-9)].min()


def test_the_critical_batch_brackets_the_factor():
    law = PowerLaw(exponent=1.5, source=0.5, dimension=30, noise_std=1.0)
    found = linsgd.critical_batch_size(law, SGD(lr=0.1), target=0.02)
    assert found.status == "ok"
    assert found.upper == 2 * found.lower
    i = list(found.batch_sizes).index(found.lower)
    assert found.savings[i - 1 if found.savings[i] < np.sqrt(2) else i] >= np.sqrt(2)
    assert found.savings.max() < 2.05
    # the best learning rate of one batch by a plain scan of the exact curve
    size, steps = int(found.batch_sizes[i]), int(np.floor(found.steps[i]))
    risks = [
        linsgd.risk_curve(law, SGD(lr, size), [int(steps * 0.97)]).excess_risk[0]
        for lr in found.lr[i] * np.geomspace(0.3, 3, 25)
    ]
    assert min(risks) > 0.02
    reached = linsgd.risk_curve(law, SGD(found.lr[i], size), [steps + 1]).excess_risk[0]
    assert reached <= 0.02 * (1 + 1e-6)


def test_targets_out_of_reach_are_a_status():
    problem = LinearRegression.gaussian([1.0], optimum=[1.0], noise_std=0.0)
    found = linsgd.critical_batch_size(problem, SGD(lr=0.1), target=0.4)
    assert found.status in ("below_one", "ok")
    with pytest.raises(ValueError, match=r"target = 0\.6"):
        linsgd.critical_batch_size(problem, SGD(lr=0.1), target=0.6)


def test_thresholds_are_where_each_theory_begins_to_grow():
    problem = PowerLaw(exponent=1.1, source=0.5, dimension=40)
    found = linsgd.risk_thresholds(problem, SGD(lr=0.1, batch_size=2))
    exact = linsgd.stability(problem.problem(), SGD(lr=0.1, batch_size=2))
    assert found.exact == pytest.approx(exact.lr_mean_square, rel=1e-9)
    assert found.mean == pytest.approx(exact.lr_mean, rel=1e-12)
    assert found.homogenized == pytest.approx(4 / problem.eigenvalues().sum(), rel=1e-9)
    for factor, status in ((0.99, "ok"), (1.01, "unstable")):
        sgd = SGD(lr=factor * found.homogenized, batch_size=2)
        curve = linsgd.risk_curve(problem, sgd, [10, 100_000, 200_000], theory="homogenized")
        assert curve.status == status
        if factor < 1:
            assert curve.excess_risk[2] < curve.excess_risk[1]


def test_gradient_flow_has_no_feedback():
    problem = LinearRegression.gaussian([1.0, 0.3], optimum=[1.0, 2.0], noise_std=0.5)
    sgd, at = SGD(lr=0.4, batch_size=2), [0, 1, 5, 60]
    found = linsgd.risk_curve(problem, sgd, at, theory="gradient_flow").excess_risk
    h = np.array([1.0, 0.3])

    def slope(t, m):
        return -0.8 * h * m + 0.16 / 2 * h * 0.25

    path = solve_ivp(slope, (0, 60), [1.0, 4.0], "DOP853", at, rtol=1e-12, atol=1e-14)
    assert found == pytest.approx(h @ path.y / 2, rel=1e-9)
    assert linsgd.risk_curve(problem, SGD(lr=50.0), [1], theory="gradient_flow").status == "ok"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda law: linsgd.random_features_curve(law, 0, SGD(lr=0.1), [1]), "features = 0"),
        (lambda law: linsgd.random_features_curve(law, 5, SGD(lr=0.1), [0]), "steps = 0"),
        (lambda law: linsgd.random_features_curve(law, 5, SGD(0.1, 1, 0.5), [1]), "momentum = 0.5"),
        (
            lambda _: linsgd.random_features_curve(
                PowerLaw(exponent=0.9, source=1.0), 5, SGD(lr=0.1), [1]
            ),
            "exponent = 0.9",
        ),
        (lambda _: linsgd.compute_optimal(0.4, 1.0), "exponent = 0.4"),
        (lambda _: linsgd.compute_optimal(0.8, 0.05), "source = 0.05"),
        (
            lambda _: linsgd.risk_frontier(
                PowerLaw(exponent=1.5, source=1.0, dimension=3), SGD(lr=0.1), [1], [1], [1]
            ),
            "law.dimension = 3",
        ),
        (lambda law: linsgd.risk_frontier(law, SGD(lr=0.1), [0], [1], [1]), "dimensions = 0"),
        (lambda law: linsgd.risk_thresholds(law, SGD(0.1, 1, 0.5)), "momentum = 0.5"),
    ],
)
def test_bad_input_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call(PowerLaw(exponent=1.5, source=0.5))


def test_gaussian_features_like_a_data_set_have_its_spectrum():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(80, 4)) * [3.0, 1.0, 0.5, 0.1]
    y = X @ [1.0, -1.0, 2.0, 0.0] + rng.standard_t(5, 80)
    like = linsgd.gaussian_like(LinearRegression.from_data(X, y))
    best, squares, *_ = np.linalg.lstsq(X, y)
    assert like.covariance() == pytest.approx(X.T @ X / 80, rel=1e-9, abs=1e-12)
    assert like.optimum == pytest.approx(best, rel=1e-9)
    assert like.noise_variance == pytest.approx(squares[0] / 80, rel=1e-9)
    with pytest.raises(ValueError, match="finite variance"):
        linsgd.gaussian_like(LinearRegression.gaussian([1.0], noise=linsgd.StudentNoise(dof=1.5)))
