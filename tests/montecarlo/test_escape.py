"""Exit times on potentials: splitting and direct chains against the exact discrete chain."""

import math

import numpy as np
import pytest
from scipy import stats

import linsgd
from linsgd.montecarlo.potentials.escape import exit_times
from linsgd.montecarlo.potentials.walk import chain_of, states_at, way_between

QUARTIC = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
SGD = linsgd.SGD(lr=0.1)
SURE = 1 - 1e-6  # a test fails by chance once in a million


def _exact(temperature, lr=0.1):
    chain = linsgd.fokker_planck.MarkovKernel(
        lambda x: x - lr * (x**3 - x), math.sqrt(2 * lr * temperature), (-2.4, 2.4), points=400
    )
    return chain.mean_first_passage_time(-1.0, 1.0).value


@pytest.mark.cases(2)
@pytest.mark.parametrize(("temperature", "walkers"), [(0.05, 200), (0.015, 300), (0.0105, 300)])
def test_splitting_is_the_chains_mean_passage_time(temperature, walkers):
    noise = 2 * temperature / 0.1
    found = linsgd.simulate_escape(
        QUARTIC, SGD, -1.0, 1.0, noise=noise, walkers=walkers, confidence=SURE
    )
    exact = _exact(temperature)
    assert found.status == "ok"
    assert found.lower < exact < found.upper
    assert not found.lower < 2 * exact < found.upper  # a factor 2 is seen


def test_splitting_is_the_same_for_any_number_of_replicas_before():
    few, more = (
        linsgd.simulate_escape(QUARTIC, SGD, -1, 1, noise=1.0, replicas=8, walkers=50, seed=5)
        for _ in range(2)
    )
    assert few == more


def test_direct_agrees_with_splitting_under_momentum():
    sgd = linsgd.SGD(lr=0.01, momentum=0.9)
    split = linsgd.simulate_escape(QUARTIC, sgd, -1, 1, noise=2.0, walkers=200, confidence=1 - 5e-7)
    direct = linsgd.simulate_escape(
        QUARTIC, sgd, -1, 1, noise=2.0, method="direct", replicas=2048, confidence=1 - 5e-7
    )
    assert direct.status == "ok"
    assert max(split.lower, direct.lower) < min(split.upper, direct.upper)


def test_censored_times_are_not_averaged_plainly():
    exact = _exact(0.05)
    limit = int(exact / 3)
    found = linsgd.simulate_escape(
        QUARTIC,
        SGD,
        -1,
        1,
        noise=1.0,
        method="direct",
        replicas=4096,
        limit=limit,
        confidence=SURE,
    )
    assert found.status == "censored"
    assert found.lower < exact < found.upper
    assert found.times.mean() < exact / 2  # the plain mean is far off
    stay, lower, upper = found.survival([0, limit // 2, limit])
    assert stay[0] == 1
    assert (lower <= stay).all()
    assert (stay <= upper).all()
    assert lower[2] < math.exp(-1 / 3) * 1.01


def test_no_exit_gives_a_lower_end_only():
    found = linsgd.simulate_escape(
        QUARTIC, SGD, -1, 1, noise=0.01, method="direct", replicas=64, limit=100
    )
    assert found.status == "no_exits"
    assert math.isinf(found.mean)
    assert math.isinf(found.upper)
    assert 500 < found.lower < 6400


@pytest.mark.nightly
def test_stable_noise_leaves_by_jumps():
    well = linsgd.potentials.DoubleWell((2.0, 2.0), (-1.0, 1.0))
    sgd, law = linsgd.SGD(lr=0.02, batch_size=16), linsgd.Stable(1.5)
    found = linsgd.simulate_escape(
        well,
        sgd,
        -1,
        0,
        noise=law,
        method="direct",
        replicas=1024,
        limit=100_000,
        confidence=SURE,
    )
    predicted = linsgd.escape.levy(well, sgd, -1, 0, law).mean
    assert found.lower * 0.9 < predicted < found.upper * 1.1  # its order: sigma^alpha, lr h
    with pytest.raises(ValueError, match=r"^method = "):
        linsgd.simulate_escape(well, sgd, -1, 0, noise=law)


def test_minibatches_of_a_finite_sum_have_its_covariance():
    loss = linsgd.potentials.FiniteSum([[0, -1, 1], [0, 1, 1], [0, 3, 2]])
    chain = chain_of(loss, linsgd.SGD(lr=1.0, batch_size=3), None)
    steps = states_at(chain, np.array([0.2]), [1], range(64 * 512), 3)[0]
    gradients = 0.2 - steps[:, 0]
    n = gradients.size
    z = (gradients.mean() - float(loss.gradient(0.2))) / (gradients.std() / math.sqrt(n))
    assert abs(z) < stats.norm.isf(5e-7)
    exact = float(loss.noise_covariance(0.2)) / 3
    assert gradients.var() == pytest.approx(exact, rel=0.06)  # 5e-7: the kurtosis is below 3


@pytest.mark.cases(1)
@pytest.mark.parametrize("noise", [[[1.0, 0.6], [0.6, 2.0]], lambda x, y: 1 + x**2 + 0 * y])
def test_one_step_has_the_noise_that_was_given(noise):
    bowl = linsgd.potentials.Quadratic([2.0, 1.0])
    start = np.array([0.5, -1.0])
    chain = chain_of(bowl, linsgd.SGD(lr=1.0, batch_size=2), noise)
    steps = states_at(chain, start, [1], range(64 * 512), 3)[0, :, :2]
    gradients = start - steps
    expected = 1.25 * np.eye(2) if callable(noise) else np.array(noise)
    np.testing.assert_allclose(np.cov(gradients.T), expected / 2, atol=0.05)
    np.testing.assert_allclose(gradients.mean(axis=0), [1.0, -1.0], atol=0.04)


def test_tiles_are_chains_of_their_number():
    chain, way = chain_of(QUARTIC, SGD, 2.0), way_between(QUARTIC, -1.0, 1.0)
    whole = exit_times(chain, way, range(256), 10_000, 7)
    part = exit_times(chain, way, range(128, 256), 10_000, 7)
    np.testing.assert_array_equal(whole[128:], part)


def test_occupation_and_rate_of_a_tilted_well():
    well = linsgd.potentials.Polynomial([0, 0.06, -0.5, 0, 0.25])
    temperature, lr = 0.1, 0.1
    chain = linsgd.fokker_planck.MarkovKernel(
        lambda x: x - lr * (x**3 - x + 0.06),
        math.sqrt(2 * lr * temperature),
        (-2.6, 2.6),
        points=300,
    )
    gap = chain.spectral_gap().value
    top = 0.0604
    steps = (int(0.5 / gap), int(2 / gap))
    found = linsgd.simulate_wells(
        well, SGD, (-1.03, 0.97), top, steps, noise=2.0, chains=16384, confidence=SURE
    )
    exact = 1 - chain.occupation(-2.6, top).value
    assert found.status == "ok"
    assert found.occupation_lower < exact < found.occupation_upper
    assert found.rate_lower < gap < found.rate_upper
    assert not found.rate_lower < 2 * gap < found.rate_upper


@pytest.mark.nightly
def test_intervals_cover_their_share():
    exact = _exact(0.02)
    covered = 0
    for seed in range(200):
        found = linsgd.simulate_escape(
            QUARTIC, SGD, -1, 1, noise=0.4, walkers=200, replicas=32, seed=seed
        )
        covered += found.lower < exact < found.upper
    # 95 % of 200: outside with probability 1e-6
    assert stats.binom.ppf(5e-7, 200, 0.95) <= covered


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"potential": 3}, "potential"),
        ({"sgd": linsgd.SGD(lr=0.1, weight_decay=0.1)}, "weight_decay"),
        ({"sgd": linsgd.SGD(lr=0.1, momentum=0.5, nesterov=True)}, "nesterov"),
        ({"sgd": linsgd.SGD(lr=0.1, replacement=False)}, "sampling"),
        ({"noise": None}, "noise"),
        ({"noise": [[1.0, 0.0], [0.0, 1.0]]}, "noise"),
        ({"target": -1.0}, "target"),
        ({"start": [0.0, 1.0]}, "start"),
        ({"method": "magic"}, "method"),
        ({"replicas": 2}, "replicas"),
        ({"walkers": 1}, "walkers"),
    ],
)
def test_bad_input_is_refused_by_name(change, named):
    arguments = {"potential": QUARTIC, "sgd": SGD, "start": -1.0, "target": 1.0, "noise": 1.0}
    with pytest.raises(ValueError, match=rf"^{named} = "):
        linsgd.simulate_escape(**(arguments | change))
