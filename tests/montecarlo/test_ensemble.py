"""Identities of `simulate`: one result for any executor, interruption and resumption; its statuses
and its looks.
"""

import concurrent.futures
import hashlib
import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import linsgd
from linsgd.montecarlo.tiles import Tiles
from linsgd.montecarlo.walks.engine import walks

PROBLEM = linsgd.LinearRegression.gaussian([[1.0, 0.2], [0.2, 0.5]])
SGD = linsgd.SGD(lr=0.1, batch_size=2, momentum=0.5)
RECORD = (linsgd.StateMoments(), linsgd.Exceedance(every=5), linsgd.SquaredDisplacement(lags=[10]))


def run(**options):
    return linsgd.simulate(PROBLEM, SGD, [20, 40], **{"chains": 1200, "record": RECORD, **options})


def digest(ensemble):
    arrays = [*ensemble.values.values(), *ensemble.errors.values()]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


class Serial(concurrent.futures.Executor):
    """Computes at once, in the calling thread."""

    def submit(self, function, /, *args, **kwargs):
        future = concurrent.futures.Future()
        future.set_result(function(*args, **kwargs))
        return future


def threads():
    return concurrent.futures.ThreadPoolExecutor(3)


def processes():
    return concurrent.futures.ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def loky():
    return pytest.importorskip("loky").ProcessPoolExecutor(2)


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    "executor", [Serial, threads, processes, pytest.param(loky, marks=pytest.mark.nightly)]
)
def test_one_result_for_all_executors(executor):
    with executor() as pool:
        assert digest(run(executor=pool)) == digest(run())


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
def test_one_result_with_dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert digest(run(executor=client.get_executor())) == digest(run())


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(1, 6), chains=st.integers(386, 512))
def test_one_result_for_all_blocks(cut, chains):
    tiles = Tiles(
        walks=walks(PROBLEM, SGD, 0, None, "full", "float64"), record=RECORD, at=np.array([20])
    )
    whole, parts = tiles(range(chains)), [tiles(range(64 * cut)), tiles(range(64 * cut, chains))]
    for name, averages in whole.items():
        assert np.array_equal(averages, np.concatenate([part[name] for part in parts]))


def test_another_seed_is_another_result():
    assert digest(run(seed=1)) != digest(run())


def test_the_first_chains_of_a_larger_ensemble(tmp_path):
    run(chains=512, checkpoint=tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert digest(run(chains=1200, checkpoint=tmp_path)) == digest(run(chains=1200))
    assert len(before) == 4
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())


SCRIPT = """
import signal, sys, time, linsgd
# a parent in the background would have switched it off
signal.signal(signal.SIGINT, signal.default_int_handler)
problem = linsgd.LinearRegression.gaussian([[1.0, 0.2], [0.2, 0.5]])
sgd = linsgd.SGD(lr=0.1, batch_size=2, momentum=0.5)
wait = lambda done, total: done == 3 and time.sleep(300)  # until it is killed
linsgd.simulate(problem, sgd, 1000, chains=4096, checkpoint=sys.argv[1], progress=wait)
"""


@pytest.mark.cases(1)
@pytest.mark.parametrize("killed_by", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on(tmp_path, killed_by):
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], stderr=subprocess.DEVNULL
    )
    while child.poll() is None and len(list(tmp_path.glob("*.sha256"))) < 3:
        time.sleep(0.01)
    child.send_signal(killed_by)
    child.wait()
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.sha256")}
    assert len(kept) == 3
    resumed = linsgd.simulate(PROBLEM, SGD, 1000, chains=4096, checkpoint=tmp_path)
    assert all(file.stat().st_mtime_ns == written for file, written in kept.items())
    assert digest(resumed) == digest(linsgd.simulate(PROBLEM, SGD, 1000, chains=4096))


def test_an_interrupted_ensemble_says_so():
    def interrupt(done, total):
        if done == 5:
            raise KeyboardInterrupt

    ensemble = run(chains=2048, progress=interrupt)
    assert ensemble.status == "interrupted"
    assert ensemble.chains == 4 * 256
    assert digest(ensemble) == digest(run(chains=ensemble.chains))


def test_divergence_is_a_status():
    ensemble = linsgd.simulate(PROBLEM, linsgd.SGD(lr=100.0), 500, chains=128)
    assert ensemble.status == "diverged"


class TestUntil:
    def test_looks_double_in_block_order(self):
        ensemble = run(until=0.02, record=None, chains=10**6)
        assert ensemble.chains == 1024 << (ensemble.looks - 1)
        assert self.precision(ensemble) <= 0.02
        half = run(record=None, chains=ensemble.chains // 2)
        assert self.precision(half) > 0.02
        assert digest(ensemble) == digest(run(record=None, chains=ensemble.chains))

    def precision(self, ensemble):
        return np.linalg.norm(ensemble.standard_error("covariance")) / np.linalg.norm(
            ensemble.covariance()
        )

    def test_the_chains_are_the_most(self):
        ensemble = run(until=1e-6, chains=3000)
        assert (ensemble.chains, ensemble.looks) == (3000, 3)

    @pytest.mark.parametrize("until", [0.0, 1.0, -1.0, np.nan])
    def test_domain(self, until):
        with pytest.raises(ValueError, match="until"):
            run(until=until)


@pytest.mark.nightly
def test_standard_errors_are_those_of_repetition():
    """Over 400 ensembles the errors have the spread they state.

    The z-values of means and covariances pass a Kolmogorov-Smirnov test against Student's law with
    15 degrees of freedom at p = 1e-7 each for three components; errors half as large fail it."""
    ensembles = [
        linsgd.simulate(PROBLEM, SGD, 10, seed=seed, executor=Serial()) for seed in range(400)
    ]
    truth = np.mean([e.covariance() for e in ensembles], axis=0)
    for i, j in [(0, 0), (0, 3), (2, 2)]:
        z = np.array(
            [
                (e.covariance() - truth)[i, j] / e.standard_error("covariance")[i, j]
                for e in ensembles
            ]
        )
        assert stats.kstest(z, stats.t(15).cdf).pvalue > 1e-7
        assert stats.kstest(z * 2, stats.t(15).cdf).pvalue < 1e-7


def test_errors_of_one_tile_are_unknown():
    assert np.isinf(run(chains=64).standard_error()).all()


def test_results_pickle_print_and_round_trip():
    ensemble = run()
    assert digest(pickle.loads(pickle.dumps(ensemble))) == digest(ensemble)
    assert digest(linsgd.Ensemble.from_dict(ensemble.to_dict())) == digest(ensemble)
    assert "exceedance" in repr(ensemble)
    assert os.linesep not in ensemble._repr_html_().split("<table>")[0]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("chains", 1),
        ("chains", 2.5),
        ("steps", []),
        ("steps", [2, 1]),
        ("checkpoint", "/proc/none"),
        ("seed", 1.0),
    ],
)
def test_bad_arguments_are_named(argument, value):
    with pytest.raises(ValueError, match=argument):
        linsgd.simulate(PROBLEM, SGD, **{"steps": 5, argument: value})
