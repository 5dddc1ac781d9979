"""Estimated tail exponents: on laws whose exponent is known, and on data that are not enough."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.estimate.tail_index import tail_index
from linsgd.montecarlo.snapshots import snapshots

WITHOUT_AN_EXPONENT = {
    "log-normal, sigma 0.5": lambda rng, n: rng.lognormal(0, 0.5, n),
    "log-normal, sigma 1": lambda rng, n: rng.lognormal(0, 1, n),
    "log-normal, sigma 2": lambda rng, n: rng.lognormal(0, 2, n),
    "Weibull, shape 0.3": lambda rng, n: rng.weibull(0.3, n),
    "Weibull, shape 0.7": lambda rng, n: rng.weibull(0.7, n),
    "exponential": lambda rng, n: rng.exponential(size=n),
}


def draw(name, alpha, n, seed):
    rng = np.random.default_rng(seed)
    if name == "pareto":
        return rng.pareto(alpha, n) + 1
    return rng.standard_t(alpha, n)


@pytest.mark.parametrize("method", ["hill", "moments"])
@pytest.mark.parametrize("alpha", [0.8, 1.5, 3.0])
def test_pareto_samples(alpha, method):
    # 0.999999: a false alarm below 1e-6 for a fixed number of points
    found = tail_index(
        draw("pareto", alpha, 100_000, 1), method, confidence=0.999999, points=20_000
    )
    assert found.lower < alpha < found.upper
    assert not found.lower < 2 * alpha < found.upper
    assert found.status == "ok"
    assert found.upper / found.lower < 2


def test_student_samples_approach_their_exponent():
    found = tail_index(draw("student", 2.0, 1_000_000, 2))
    assert abs(found.value / 2.0 - 1) < 0.15
    assert found.points >= 50


def test_light_tails_are_light_for_the_moment_ratio():
    found = tail_index(np.random.default_rng(3).exponential(size=200_000), "moments", points=2000)
    assert found.upper == math.inf
    uniform = tail_index(np.random.default_rng(3).uniform(size=200_000), "moments", points=2000)
    assert uniform.value == math.inf


@pytest.mark.cases(3)
@pytest.mark.parametrize("size", [1000, 3000, 100_000])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_hill_is_not_believed_on_light_tails(law, size):
    """The extreme-value index of these laws is below 0, at every size."""
    for seed in range(10):
        sample = getattr(np.random.default_rng(seed), law)(size=size)
        assert tail_index(sample).status == "not_enough_data"
        ratio = tail_index(sample, "moments")
        assert ratio.upper == math.inf
        assert ratio.status == "ok"


@pytest.mark.cases(4)
@pytest.mark.parametrize("n", [1000, 30_000])
@pytest.mark.parametrize("law", WITHOUT_AN_EXPONENT)
def test_hill_is_not_believed_where_there_is_no_exponent(law, n):
    """Both halves must exclude a log-normal tail, at levels 0.005 and 0.025.

    Were the rate 0.002, four of 30 had probability 5e-7.
    """
    draw_law = WITHOUT_AN_EXPONENT[law]
    found = [tail_index(draw_law(np.random.default_rng(seed), n)) for seed in range(30)]
    assert sum(one.status == "ok" for one in found) <= 3


@pytest.mark.cases(6)
@pytest.mark.parametrize("n", [1000, 30_000, 200_000])
@pytest.mark.parametrize("law", WITHOUT_AN_EXPONENT)
def test_moments_claim_no_exponent_where_there_is_none(n, law):
    """An upper end that is finite needs spacings that exclude a log-normal tail, at level 0.005.

    Were they independent of the estimate, three of 20 samples or more had probability 1.3e-4; the
    seeds are fixed. Without the exclusion more than half of the log-normal samples are called ok.
    """
    draw_law = WITHOUT_AN_EXPONENT[law]
    found = [tail_index(draw_law(np.random.default_rng(seed), n), "moments") for seed in range(20)]
    assert sum(one.status == "ok" and np.isfinite(one.upper) for one in found) <= 2
    if law == "log-normal, sigma 1" and n == 200_000:
        reasons = [one.reason for one in found if np.isfinite(one.upper)]
        assert sum("log-normal" in reason for reason in reasons) > 10


def test_moments_are_believed_on_power_laws_once_data_suffice():
    for name, alpha in (("pareto", 1.5), ("student", 2.0)):
        found = [tail_index(draw(name, alpha, 100_000, s), "moments") for s in range(20)]
        assert sum(one.status == "ok" for one in found) > 10


@pytest.mark.nightly
def test_a_power_law_is_believed_once_data_exclude_a_log_normal_one():
    believed = {
        n: np.mean([tail_index(draw("pareto", 2.0, n, s)).status == "ok" for s in range(30)])
        for n in (1000, 10_000)
    }
    assert believed[1000] < 0.5
    assert believed[10_000] > 0.8


@pytest.mark.nightly
def test_few_far_values_in_a_light_sample_are_seldom_an_exponent():
    """A part in a thousand is Pareto; its transition to the normal bulk is not described."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng([seed, 100_000])
        sample = np.where(
            rng.random(100_000) < 1e-3, rng.pareto(1.5, 100_000) + 1, rng.standard_normal(100_000)
        )
        found.append(tail_index(sample))
    believed = [one for one in found if one.status == "ok"]
    assert len(believed) <= 4
    assert all(one.points < 200 and one.lower < 1.5 < one.upper for one in believed)
    assert any("at no threshold" in one.reason for one in found)


@pytest.mark.nightly
def test_believed_intervals_cover_although_the_tail_is_not_quite_a_power_law():
    # Student's law, 40 intervals of 99 %: seven misses or more have probability 2e-7,
    # and 1, a factor 2 wrong, is outside of nearly all
    samples = [draw("student", 2.0, 50_000, seed) for seed in range(40)]
    believed = [
        (x, found) for x in samples if (found := tail_index(x, confidence=0.99)).status == "ok"
    ]
    assert len(believed) > 20
    assert sum(not found.lower < 2.0 < found.upper for _, found in believed) < 7
    assert sum(not found.lower < 1.0 for _, found in believed) > 20


@pytest.mark.parametrize("n", [1, 20, 100, 250])
def test_short_samples_are_not_enough_data(n):
    found = tail_index(draw("pareto", 1.0, n, 3))
    assert found.status == "not_enough_data"
    assert str(n) in found.reason
    assert math.isnan(found.value)


def test_successive_iterates_are_not_independent_and_separate_chains_are():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.6)
    path = snapshots(problem, sgd, np.arange(101, 401), range(64), seed=2)[:, :, 0]
    found = tail_index(path.T.ravel())  # chain by chain
    assert found.status == "not_enough_data"
    assert "clusters" in found.reason
    ensemble = snapshots(problem, sgd, [100], range(19_200), seed=2)[0, :, 0]
    assert tail_index(ensemble).status == "ok"


def test_independent_values_in_any_order_are_not_called_clusters():
    # 200 tests at 1e-6: a false alarm below 2e-4 for these fixed seeds;
    # a sorted sample shows that the test can fail
    samples = [draw("pareto", 1.5, 2000, seed) for seed in range(200)]
    assert not [x for x in samples if "clusters" in tail_index(x, "moments", points=300).reason]
    assert "in 1 clusters" in tail_index(np.sort(samples[0]), "moments", points=300).reason


def test_a_tail_that_bends_is_not_enough_data():
    sample = np.exp(2 * np.random.default_rng(4).standard_normal(200_000))
    found = tail_index(sample, points=20_000)
    assert found.status == "not_enough_data"
    assert "do not exclude a log-normal tail" in found.reason


def test_few_points_are_not_enough_data():
    found = tail_index(np.arange(1.0, 100.0))
    assert found.status == "not_enough_data"
    assert math.isnan(found.value)
    assert (found.lower, found.upper) == (0.0, math.inf)


@pytest.mark.parametrize("method", ["hill", "moments"])
def test_tied_values_say_nothing(method):
    found = tail_index([1.0, 2.0, 3.0] * 200, method)
    assert found.status == "not_enough_data"
    assert (found.lower, found.upper) == (0.0, math.inf)


@pytest.mark.parametrize("method", ["hill", "moments"])
def test_two_points_are_few_and_no_warning(method):
    found = tail_index([1.0, 2.0, 3.0, 0.0], method, points=2)
    assert (found.status, found.reason) == ("not_enough_data", "only 2 points in the tail")


def test_the_path_is_the_estimate_at_other_thresholds():
    sample = draw("pareto", 1.5, 10_000, 5)
    found = tail_index(sample)
    again = tail_index(sample, points=int(found.path_points[3]))
    seen = (found.path_values[3], found.path_lower[3], found.path_upper[3])
    assert (again.value, again.lower, again.upper) == seen


def test_scale_and_sign_do_not_matter():
    sample = draw("student", 3.0, 10_000, 6)
    assert tail_index(-3.0 * sample).value == pytest.approx(tail_index(sample).value, rel=1e-12)


def test_bad_input():
    with pytest.raises(ValueError, match="method = 'hull'"):
        tail_index([1.0, 2.0], method="hull")
    with pytest.raises(ValueError, match=r"x\[1\] = nan"):
        tail_index([1.0, np.nan])
    for points in (1, 2.5, True):
        with pytest.raises(ValueError, match=rf"points = {points} .* an integer in \[2, inf\)"):
            tail_index([1.0, 2.0, 3.0], points=points)
    with pytest.raises(ValueError, match=r"points = 10 .* not 0, 3"):
        tail_index([1.0, 2.0, 0.0, 3.0], points=10)
    with pytest.raises(ValueError, match=r"confidence = 1 .* \(0, 1\)"):
        tail_index([1.0, 2.0], confidence=1)


@pytest.mark.parametrize("x", [[], [[1.0, 2.0]], 3.0, "abc", [1j], None])
def test_what_is_no_list_of_numbers_is_refused_by_name(x):
    with pytest.raises(ValueError, match=r"x = .* an array of finite numbers of shape \(any,\)"):
        tail_index(x)


def test_round_trip():
    found = tail_index(draw("pareto", 1.5, 10_000, 5))
    assert type(found).from_dict(found.to_dict()).value == found.value


def test_the_result_counts_its_values():
    found = tail_index([0.0, *draw("pareto", 1.5, 1000, 5), 0.0])
    assert found.samples == 1000
    assert found.method == "hill"
