"""How rows are drawn, from noise at fixed weights and from the displacement of real SGD."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.estimate import sampling_scheme
from linsgd.montecarlo.snapshots import snapshots

M = 20


def noise(scheme, epochs=30, share=0.0, seed=0):
    """Batch means of M rows in one of the schemes, and a share of the variance drawn afresh."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(M, 5))
    rows -= rows.mean(axis=0)
    drawn = {
        "independent": lambda: rows[rng.integers(M, size=M)],
        "reshuffled": lambda: rng.permutation(rows),
        "fixed order": lambda: rows,
    }[scheme]
    old = np.concatenate([drawn() for _ in range(epochs)])
    return math.sqrt(1 - share) * old + math.sqrt(share) * rng.normal(size=old.shape)


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("scheme", ["independent", "reshuffled", "fixed order"])
def test_noise_tells_the_scheme(scheme, share):
    found = sampling_scheme(noise(scheme, share=share), epoch=M)
    assert str(found.scheme) == scheme
    ratio = 1.0 if scheme == "independent" else share
    assert found.epoch_lower - 1e-9 <= ratio <= found.epoch_upper + 1e-9
    if scheme == "fixed order":
        assert found.repetition == pytest.approx(1 - share, abs=0.1)


def test_the_ratio_of_independent_batches_has_no_bias():
    ratios = [sampling_scheme(noise("independent", 10, seed=s), M).epoch_ratio for s in range(200)]
    assert abs(np.mean(ratios) - 1) < 5 * np.std(ratios) / math.sqrt(200)


@pytest.mark.parametrize(
    ("sampling", "scheme"),
    [("independent", "independent"), ("epoch", "reshuffled or fixed order")],
)
def test_the_displacement_dips_where_an_epoch_ends(sampling, scheme):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 30))
    problem = linsgd.LinearRegression.from_data(X, rng.normal(size=80))
    replacement = {"replacement": True} if sampling == "independent" else {}
    sgd = linsgd.SGD(lr=2e-4, batch_size=4, sampling=sampling, **replacement)
    start = (problem.optimum, np.zeros(30))
    states = snapshots(problem, sgd, np.arange(0, 20 * 14 + 1), range(64), 2, start)
    squares = ((states[1:, :, :30] - states[0, :, :30]) ** 2).sum(axis=2)
    found = sampling_scheme(squares.mean(axis=1), epoch=20, kind="displacement")
    assert str(found.scheme) == scheme


@pytest.mark.parametrize(
    ("x", "options", "reason"),
    [
        (np.ones((10, 2)), {"epoch": 5}, "2 whole epochs"),
        (np.ones((100, 2)), {"epoch": 5}, "do not vary"),
        (np.ones(10), {"epoch": 4, "kind": "displacement"}, "whole epochs"),
        (np.zeros(100), {"epoch": 4, "kind": "displacement"}, "displacement is 0"),
    ],
)
def test_too_little_data_is_a_status(x, options, reason):
    found = sampling_scheme(x, **options)
    assert str(found.status) == "not_enough_data"
    assert str(found.scheme) == "undecided"
    assert reason in found.reason


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([1.0, math.inf], {"epoch": 2}, r"x\[1\]"),
        ([1.0, 2.0], {"epoch": 1}, "epoch = 1"),
        ([1.0, 2.0], {"epoch": 5, "kind": "displacement"}, "epoch = 5"),
        ([1.0, 2.0], {"epoch": 2, "kind": "path"}, "kind = 'path'"),
    ],
)
def test_bad_input_is_refused_by_name(x, options, message):
    with pytest.raises(ValueError, match=message):
        sampling_scheme(x, **options)
