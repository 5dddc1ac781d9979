"""Claims on given data follow from the exact theory of those data; nothing here is simulated.

The exact mean of each claim's observable is computed from the moments of the law, by code that the
claims do not use, and must lie in the acceptance set; a factor 2 of it must not.
"""

import itertools

import numpy as np
import pytest

from linsgd import LinearRegression, moments
from linsgd.claims import registry
from linsgd.claims.ensembles import small_lr
from linsgd.claims.experiment import SGDChains
from linsgd.claims.hodgkinson_mahoney_2021 import thresholds
from linsgd.claims.kunin_2024 import dissipation
from linsgd.claims.problems import NamedProblem
from linsgd.judge.claim import Simulation
from linsgd.judge.judge import judge, shortage
from linsgd.judge.observables import (
    Displacement,
    LaggedProduct,
    Linear,
    Quadratic,
    Stack,
    Total,
    Weighted,
)
from linsgd.theory.langevin.process import langevin


def raw_columns():
    """Eleven rows, columns of very different scale and offset, one outlying row."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(11, 3)) * [1.0, 40.0, 0.2] + [1.0, 300.0, 0.0]
    X[4] *= 3
    return X, X @ [2.0, -0.1, 5.0] + 3 * rng.standard_t(3, 11)


def with_constant():
    X, y = raw_columns()
    X[:, 0] = 1.0
    return X, y


def one_column():
    rng = np.random.default_rng(8)
    x = rng.gamma(1.0, size=(9, 1))
    return x, 4 - x[:, 0] ** 2


def fewer_rows_than_columns():
    rng = np.random.default_rng(9)
    return rng.normal(size=(4, 6)), rng.normal(size=4)


TABLES = {made.__name__: made for made in (raw_columns, with_constant, one_column)}
DEGENERATE = {
    "fewer rows than columns": fewer_rows_than_columns(),
    "one row": (np.array([[2.0, 1.0]]), np.array([3.0])),
    "labels on a plane": (lambda X: (X, X @ [2.0, -0.1, 5.0]))(raw_columns()[0]),
}


@pytest.fixture(scope="module", params=TABLES)
def selection(request):
    X, y = TABLES[request.param]()
    return registry.select(effort="full", data=LinearRegression.from_data(X, y))


def transition(problem, sgd):
    """The matrix of E z_{k+1} = M z_k about its mean, z = (w, v), without Nesterov's momentum."""
    d = problem.dimension
    force = (1 - sgd.dampening) * (problem.covariance() + sgd.weight_decay * np.eye(d))
    v = np.hstack([-force, sgd.momentum * np.eye(d)])
    return np.vstack([np.hstack([np.eye(d), np.zeros((d, d))]) + sgd.lr * v, v])


def states(experiment, law, at):
    """Mean and covariance of (w, v) at a step."""
    mean = np.concatenate([law.mean[at], law.velocity_mean[at]])
    cross = law.cross_covariance()[at]
    blocks = [[law.position_covariance()[at], cross], [cross.T, law.velocity_covariance()[at]]]
    return mean, np.block(blocks)


def second_moment(experiment, law, earlier, later, about):
    """E (z_later - about)(z_earlier - about)'."""
    (first, covariance), (last, _) = (states(experiment, law, at) for at in (earlier, later))
    lag = experiment.steps[later] - experiment.steps[earlier]
    M = np.linalg.matrix_power(transition(experiment.problem, experiment.sgd), lag)
    return M @ covariance + np.outer(last - about, first - about)


def expected(observable, experiment, law):
    """Exact mean of an observable of SGD's states."""
    seen = len(experiment.steps)
    match observable:
        case Weighted():
            return expected(observable.observable, experiment, law)
        case Stack():
            return np.concatenate([expected(p, experiment, law) for p in observable.parts])
        case Total():
            parts = [expected(part, experiment, law) for part in observable.parts]
            return np.dot(observable.weights, parts)
        case Linear():
            return (states(experiment, law, observable.at)[0] - observable.centre) @ (
                observable.directions
            )
        case Quadratic():
            at = observable.at % seen
            Z = second_moment(experiment, law, at, at, observable.centre)
            return ((Z @ observable.left) * observable.right).sum(axis=0) @ observable.weights
        case LaggedProduct():
            Z = second_moment(
                experiment, law, observable.earlier, observable.later, observable.centre
            )
            return ((Z @ observable.left) * observable.right).sum(axis=0) @ observable.weights
        case Displacement():
            i, j = observable.earlier % seen, observable.later % seen
            zero = np.zeros(2 * experiment.problem.dimension)
            pairs = [(i, i), (j, j), (i, j)]
            before, after, both = (second_moment(experiment, law, *pair, zero) for pair in pairs)
            moved = before + after - both - both.T
            D = observable.directions
            return observable.weight * np.array([np.trace(D.T @ moved @ D)])
    return None


def exact_means(claims):
    """Yield each simulated claim whose observable has an exact mean here, with that mean."""
    for claim in claims:
        evidence = claim.evidence
        if not isinstance(evidence, Simulation) or not isinstance(evidence.experiment, SGDChains):
            continue
        experiment = evidence.experiment
        nesterov_step = experiment.sgd.nesterov and isinstance(evidence.observable, Total)
        if nesterov_step or experiment.sgd.sampling == "epoch":
            continue
        law = moments(experiment.problem, experiment.sgd, experiment.steps, experiment.start)
        mean = expected(evidence.observable, experiment, law)
        if mean is not None:
            yield claim, mean


@pytest.mark.cases(2)
def test_the_exact_mean_is_accepted_and_a_factor_two_is_not(selection):
    judged = list(exact_means(selection.claims))
    assert len(judged) >= 18
    for claim, mean in judged:
        accepted = claim.acceptance
        half = np.minimum(accepted.upper - mean, mean - accepted.lower)
        assert np.all(half >= 0.3 * accepted.unit * (not accepted.half_line)), claim.id
        if accepted.half_line:
            continue
        # identities of the form "left less right" are 0; what is lost there is stated by mutants
        wrong = np.where(np.abs(mean) < accepted.unit, mean + 2 * accepted.unit, 2 * mean)
        assert accepted.excludes(wrong, wrong).any(), claim.id


@pytest.mark.cases(2)
def test_mutants_are_outside_and_what_is_left_out_says_why(selection):
    for claim in selection.claims:
        assert len(claim.mutants) >= 2
        assert all(claim.acceptance.is_clear_of(wrong) for wrong in claim.mutants.values())
    for name, why in selection.left_out.items():
        assert len(why) > 20, name
        assert "nan" not in why.split(), name


@pytest.mark.cases(1)
def test_the_theory_of_epochs_decides_about_no_data_of_ones_own(selection):
    for name in (
        "linsgd/epochs_end_below_independent_batches",
        "kunin_2024/fluctuation_dissipation_fails_for_epochs",
    ):
        assert "of leading order" in selection.left_out[f"{name} on data"]
    assert all(
        claim.evidence.experiment.sgd.sampling != "epoch"
        for claim, _ in exact_means(selection.claims)
    )


@pytest.mark.cases(2)
@pytest.mark.parametrize("X_y", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_data_are_judged_as_what_they_are(X_y):
    selection = registry.select(data=LinearRegression.from_data(*X_y))
    for claim, mean in exact_means(selection.claims):
        assert np.all(claim.acceptance.contains(mean, mean)), claim.id
    made = {claim.id for claim in selection.claims}
    # no gradient noise at the minimum, so none to compare with the Langevin equation's
    assert "kunin_2024/langevin_variance_at_small_lr" not in made
    assert "kunin_2024/noise_is_not_proportional_away_from_the_minimum" not in made


def test_residuals_of_the_size_of_rounding_are_no_noise():
    X = raw_columns()[0]
    exactly = registry.select(data=LinearRegression.from_data(X, X @ [2.0, -0.1, 5.0]))
    named = "kunin_2024/langevin_variance_at_small_lr on data"
    assert "no noise" in exactly.left_out[named]
    y = X @ [2.0, -0.1, 5.0]
    y[3] += 1e-3 * np.abs(y).max()
    noisy = registry.select(data=LinearRegression.from_data(X, y))
    assert named not in noisy.left_out or "no noise" not in noisy.left_out[named]


def test_shipped_approximations_hold_where_they_are_claimed():
    made = registry.claims("kunin_2024", problem="gaussian")
    errors = [c.approximation_error for c in made if c.approximation_error is not None]
    assert len(errors) >= 8
    assert max(errors) < 2 / 3


def test_an_approximation_that_fails_says_by_how_much():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(32, 5)) * np.geomspace(1, 300, 5)
    data = LinearRegression.from_data(X, X[:, 0] + rng.normal(size=32))
    (claim,) = registry.claims("kunin_2024/local_displacement_is_a_product_of_powers", data=data)
    assert claim.approximation_error > 1
    assert claim.statement.startswith("Fails on this problem, by ")
    assert claim.acceptance.contains(claim.prediction, claim.prediction).all()
    assert "the approximation holds" in claim.mutants


def test_chains_that_shrink_are_counted_as_by_hand():
    X, y = one_column()
    named = NamedProblem("data", LinearRegression.from_data(X, y), own=True)
    case, form = thresholds._far_case(named, 1.05, 3, size=1)
    mu, shrunk = case.problem.solution(case.sgd.weight_decay), 0
    for rows in itertools.product(range(9), repeat=3):
        w = case.start[0]
        for r in rows:
            gradient = X[r] * (X[r] @ w - y[r]) + case.sgd.weight_decay * w
            w = w - case.sgd.lr * gradient
        shrunk += abs(w - mu)[0] < abs(case.start[0] - mu)[0]
    fewest, most = thresholds._share_that_shrinks(case, form)
    assert fewest == most == pytest.approx(shrunk / 9**3)


def test_growth_is_tested_below_the_threshold_of_the_mean():
    X, y = raw_columns()
    name = "hodgkinson_mahoney_2021/mean_square_grows_above_the_threshold"
    for scale in (1.0, 2.0**-20):
        selection = registry.select(name, data=LinearRegression.from_data(X * scale, y))
        for claim in selection.claims:
            assert claim.prediction[0] - claim.acceptance.unit[0] > 1
            assert claim.mutants["without noise: the form of the mean"][0] < 1


def test_the_entropy_production_is_enclosed_whatever_the_columns_scales():
    X, y = raw_columns()
    values = []
    for scales in ([1.0, 1.0, 1.0], [1e-3, 1.0, 1e4]):
        named = NamedProblem("data", LinearRegression.from_data(X * scales, y), own=True)
        process = langevin(named.problem, small_lr(named).sgd)
        lower, upper = dissipation._dissipation(process)
        closed = process.entropy_production().value
        assert lower[0] <= closed <= upper[0]
        assert upper[0] - lower[0] < 1e-6 * closed
        values.append(closed)
    assert values[0] != pytest.approx(values[1], rel=0.01)


@pytest.mark.parametrize("noise", [1.0, 1e4])
def test_the_start_is_as_far_as_the_labels_noise_needs(noise):
    X, _ = raw_columns()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    rng = np.random.default_rng(3)
    data = LinearRegression.from_data(X, X.sum(axis=1) + noise * rng.normal(size=11))
    for claim in registry.claims(["kunin_2024/mean_path"], data=data):
        assert shortage(claim, 2**19) == ""


def test_a_larger_batch_is_taken_where_a_small_one_is_too_noisy():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60, 3))
    claims = {}
    for noise in (0.1, 8.0):
        data = LinearRegression.from_data(X, X @ [1.0, -1.0, 0.5] + noise * rng.normal(size=60))
        (claims[noise],) = registry.claims("linsgd/weight_decay_moves_the_mean", data=data)
    sizes = [claims[noise].evidence.experiment.sgd.batch_size for noise in (0.1, 8.0)]
    assert sizes[0] == 4 < sizes[1]


@pytest.mark.cases(1)
@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 0.0), (1.0, 1e6), (1e9, 0.0)])
def test_weights_are_held_whatever_the_scale_of_the_data(scale, offset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = X.sum(axis=1) + rng.normal(size=40) + offset
    problem = LinearRegression.from_data(scale * X + offset, y)
    epochs = [
        "wu_2021/noise_of_an_epoch_sums_to_zero",
        "wu_2021/batches_of_an_epoch_are_anticorrelated",
    ]
    for verdict in judge(registry.claims(epochs, data=problem)):
        assert verdict.as_expected, verdict.id


@pytest.mark.parametrize(("features", "labels"), [(1e-60, 1.0), (1e60, 1.0), (1.0, 1e20)])
def test_data_in_units_beyond_doubles_are_refused_by_name(features, labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2))
    y = X @ [1.0, 2.0] + rng.normal(size=20)
    data = LinearRegression.from_data(features * X, labels * y)
    with pytest.raises(ValueError, match=r"the root mean square of the .* units"):
        registry.claims(data=data)
