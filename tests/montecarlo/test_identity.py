"""Identities: a chain is a function of (seed, chain) and of nothing else."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import linsgd
from linsgd.jit import sources
from linsgd.montecarlo.random import streams
from linsgd.montecarlo.snapshots import snapshots
from linsgd.montecarlo.walks import data, linear

GAUSSIAN = linsgd.LinearRegression.gaussian([[1.0, 0.2], [0.2, 0.5]], optimum=[1.0, 2.0])
DATA = linsgd.LinearRegression.from_data(np.arange(10.0).reshape(5, 2) / 9, np.arange(5.0))
STUDENT = linsgd.LinearRegression.from_features(linsgd.StudentFeatures([1.0, 0.5], dof=5.0))
CASES = {
    "gaussian": (GAUSSIAN, linsgd.SGD(lr=0.1, batch_size=3, momentum=0.5)),
    "student": (STUDENT, linsgd.SGD(lr=0.1)),
    "data": (DATA, linsgd.SGD(lr=0.1, batch_size=2)),
    "epoch": (DATA, linsgd.SGD(lr=0.1, batch_size=2, sampling="epoch")),
    "fixed": (DATA, linsgd.SGD(lr=0.1, batch_size=2, sampling="fixed")),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@settings(max_examples=10, deadline=None)
@given(
    first=st.integers(0, 3),
    chains=st.integers(1, 256),
    stop=st.integers(1, 40),
    seed=st.integers(0, 2**64 - 1),
)
def test_a_chain_is_the_same_in_any_range(case, dtype, first, chains, stop, seed):
    problem, sgd = CASES[case]
    whole = snapshots(problem, sgd, [stop // 2, stop], range(512), seed, dtype=dtype)
    part = snapshots(
        problem, sgd, [stop], range(64 * first, 64 * first + chains), seed, dtype=dtype
    )
    assert np.array_equal(part[0], whole[1, 64 * first : 64 * first + chains])


@pytest.mark.parametrize("case", CASES)
def test_threads_change_nothing(case):
    problem, sgd = CASES[case]
    ranges = [range(first, first + 128) for first in range(0, 1024, 128)]
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda chains: snapshots(problem, sgd, [50], chains), ranges))
    assert np.array_equal(np.concatenate(parts, axis=1), snapshots(problem, sgd, [50], range(1024)))


@pytest.mark.parametrize("case", CASES)
def test_seeds_and_chains_differ(case):
    problem, sgd = CASES[case]
    states = [snapshots(problem, sgd, [9], range(256), seed)[0] for seed in (0, 1, 2**63)]
    assert len(np.unique(np.concatenate(states), axis=0)) == 3 * 256 or problem is DATA


@pytest.mark.parametrize("case", CASES)
def test_step_zero_is_the_start(case):
    problem, sgd = CASES[case]
    start = (np.array([1.0, -2.0]), np.array([0.5, 3.0]))
    assert np.allclose(
        snapshots(problem, sgd, [0], range(64), start=start),
        [1.0, -2.0, 0.5, 3.0],
        atol=1e-15,
        rtol=0,
    )


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("steps", [3, 2]),
        ("steps", [-1]),
        ("steps", [1.5]),
        ("chains", range(1, 64)),
        ("chains", range(64, 64)),
        ("chains", range(-64, 64)),
        ("chains", 64),
        ("seed", -1),
        ("seed", 2**64),
        ("start", "stationary"),
        ("start", ([1.0], [0.0])),
        ("start", ([1.0, np.nan], [0.0, 0.0])),
        ("engine", "fast"),
        ("dtype", "float16"),
    ],
)
def test_bad_arguments_are_named(argument, value):
    good = {"steps": [1], "chains": range(64)}
    with pytest.raises(ValueError, match=argument):
        snapshots(GAUSSIAN, linsgd.SGD(lr=0.1), **{**good, argument: value})


def test_divergence_is_not_a_warning():
    states = snapshots(GAUSSIAN, linsgd.SGD(lr=1e6), [2000], range(64))
    assert not np.isfinite(states).any()


def test_a_change_in_a_helper_empties_the_cache_of_compiled_kernels():
    """Numba itself looks at the kernel's file only, not at those of its helpers."""
    for compiled in (linear.walk, data.walk, streams._split_mix):
        assert compiled._cache._cache_file._version.endswith(sources("problems", "montecarlo"))
