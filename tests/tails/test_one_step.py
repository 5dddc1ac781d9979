"""One-step bounds: the exponent itself for one feature, sampled for more, and vacuous ones."""

import math

import numpy as np
import pytest
from scipy.stats import chi2

import linsgd
from linsgd.theory.tails.one_step.bounds import SingularValueLaw
from linsgd.theory.tails.one_step.wishart import WhiteWishart
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


@pytest.mark.parametrize(
    ("lr", "b", "decay"), [(0.5, 1, 0.0), (0.3, 20, 0.0), (1.8, 1, 0.0), (0.4, 2, 0.7)]
)
def test_one_feature_leaves_no_gap(lr, b, decay):
    sgd = SGD(lr=lr, batch_size=b, weight_decay=decay)
    bounds, alpha = (
        linsgd.one_step_bounds(gaussian([1.0]), sgd),
        linsgd.tail_exponent(gaussian([1.0]), sgd),
    )
    for side in (bounds.lower, bounds.upper):
        assert side.status == "ok"
        assert abs(side.value - alpha.value) <= side.error + (alpha.upper - alpha.lower)
        assert side.error < 1e-8 * alpha.value


@pytest.mark.parametrize(
    ("lr", "b", "lower", "upper"),
    [(1.0, 4, 1.147396772052, 10.572354766065), (0.7, 4, 3.960732761574, 16.370975544362)],
)
def test_two_features(lr, b, lower, upper):
    sgd = SGD(lr=lr, batch_size=b)
    bounds, alpha = (
        linsgd.one_step_bounds(gaussian([1.0] * 2), sgd),
        linsgd.tail_exponent(gaussian([1.0] * 2), sgd),
    )
    assert bounds.lower.value == pytest.approx(lower, abs=2e-12)
    assert bounds.upper.value == pytest.approx(upper, abs=2e-11)
    assert bounds.lower.value < alpha.value < bounds.upper.value


@pytest.mark.cases(1)
@pytest.mark.parametrize(("d", "b", "lr", "decay"), [(3, 5, 0.8, 0.3), (4, 3, 0.35, 0.6)])
def test_the_moments_of_sampled_norms_are_one(d, b, lr, decay):
    # 6 standard errors: false alarm 2e-9; a bound that is 10 % off is seen
    sgd = SGD(lr=lr, batch_size=b, weight_decay=decay)
    bounds = linsgd.one_step_bounds(gaussian([1.0] * d), sgd)
    rng = np.random.default_rng(5)
    y = np.linalg.svd(rng.standard_normal((400_000, b, d)), compute_uv=False)
    eigenvalues = (1 - lr * decay) - lr / b * y**2
    if b < d:
        eigenvalues = np.pad(eigenvalues, ((0, 0), (0, 1)), constant_values=1 - lr * decay)
    largest = np.abs(eigenvalues).max(axis=1)

    def mean(powers):
        return powers.mean(), powers.std() / np.sqrt(len(powers))

    value, error = mean(largest**bounds.lower.value)
    assert abs(value - 1) < 6 * error
    wrong, error = mean(largest ** (1.1 * bounds.lower.value))
    assert abs(wrong - 1) > 6 * error
    if b >= d:  # the upper moment itself is carried by steps too rare for a sample
        smallest = np.abs(eigenvalues).min(axis=1)
        stretch = SingularValueLaw.of(Setting.of(gaussian([1.0] * d), sgd), upper=True)
        for t in (0.1, 0.5, 1.0):
            p = math.exp(stretch.log_exceedance(t))
            assert abs(np.mean(smallest > t) - p) < 6 * np.sqrt(p * (1 - p) / len(smallest)) + 1e-12


def test_vacuous_sides_say_why():
    few = linsgd.one_step_bounds(gaussian([1.0] * 3), SGD(lr=0.3, batch_size=2))
    assert (few.lower.value, few.upper.value) == (0.0, math.inf)
    assert few.lower.status == few.upper.status == "vacuous"
    assert "batch 2 < 3 features" in few.lower.reason
    stretched = linsgd.one_step_bounds(gaussian([1.0] * 2), SGD(lr=1.0, batch_size=2))
    assert "E log sigma_max(A) >= 0" in stretched.lower.reason
    assert stretched.upper.value == pytest.approx(7.4288302, abs=1e-7)
    decayed = linsgd.one_step_bounds(gaussian([1.0] * 2), SGD(lr=0.5, weight_decay=0.5))
    assert (decayed.lower.status, decayed.upper.status) == ("ok", "vacuous")
    moving = linsgd.one_step_bounds(gaussian([1.0]), SGD(lr=0.1, momentum=0.9))
    assert "momentum" in moving.lower.reason
    uneven = linsgd.one_step_bounds(gaussian([1.0, 0.5]), SGD(lr=0.1, batch_size=5))
    assert (uneven.lower.status, math.isnan(uneven.upper.value)) == ("unresolved", True)
    assert type(uneven).from_dict(uneven.to_dict()).lower.reason == uneven.lower.reason


@pytest.mark.parametrize("x", [0.5, 3.0, 9.0])
def test_one_singular_value_is_chi(x):
    law = WhiteWishart(1, 5)
    (lo, hi), y = law.window(), math.sqrt(5) + x
    exact = chi2.sf(y * y, 5)
    assert law.some_in([(y, law.beyond(y))], [(lo, y)]) == pytest.approx(exact, rel=1e-12)
    assert math.exp(
        law.log_all_in([(y, law.beyond(y))]) - law.log_all_in([(lo, hi)])
    ) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("r", "n"), [(2, 3), (5, 5), (20, 60)])
def test_complements_and_refinement_agree(r, n):
    law, finer = WhiteWishart(r, n), WhiteWishart(r, n, 6)
    lo, hi = law.window()
    edge = math.sqrt(n) + math.sqrt(r) - 1
    some, all_below = (
        law.some_in([(edge, hi)], [(lo, edge)]),
        law.log_all_in([(lo, edge)]) - law.log_all_in([(lo, hi)]),
    )
    assert some == pytest.approx(-math.expm1(all_below), rel=1e-10)
    for x in (2.0, 8.0):
        cut = edge + 1 + x
        one, other = (w.some_in([(cut, w.beyond(cut))], [(lo, cut)]) for w in (law, finer))
        assert one == pytest.approx(other, rel=1e-11)


@pytest.mark.parametrize("lr", [1e-50, 1e-12, 1e-3, 0.006, 0.02])
def test_small_steps_are_enclosed_or_unresolved(lr):
    # a probability below a double's range is no 0: 0.006 gave a lower bound of three times the
    # exponent
    sgd = SGD(lr=lr, batch_size=4)
    bounds, alpha = (
        linsgd.one_step_bounds(gaussian([1.0] * 2), sgd),
        linsgd.tail_exponent(gaussian([1.0] * 2), sgd),
    )
    assert bounds.lower.status == ("ok" if lr == 0.02 else "unresolved")
    assert bounds.upper.status == ("ok" if lr >= 0.006 else "unresolved")
    if bounds.lower.status == "ok":
        assert bounds.lower.value < alpha.value
    if bounds.upper.status == "ok":
        assert bounds.upper.value > alpha.value


@pytest.mark.parametrize(("lr", "decay"), [(0.5, 5.0), (0.5, 4.0), (1e-50, 3e50), (1e50, 0.0)])
def test_steps_that_always_stretch_are_vacuous(lr, decay):
    bounds = linsgd.one_step_bounds(
        gaussian([1.0] * 2), SGD(lr=lr, batch_size=4, weight_decay=decay)
    )
    assert (bounds.lower.status, bounds.lower.value) == ("vacuous", 0.0)
    assert (bounds.upper.status, bounds.upper.value) == ("vacuous", math.inf)
