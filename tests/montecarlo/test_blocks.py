"""Blocks: the order, the files and the losses of `map_blocks`."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from linsgd.blocks import map_blocks

BLOCKS = [range(a, b) for a, b in pairwise([0, 64, 192, 256, 320])]


def squares(block):
    return {"squares": np.arange(block.start, block.stop) ** 2, "first": np.array(block.start)}


@dataclass(frozen=True)
class DiesOnce:
    """Kills its worker at the second block, the first time; never the test's own process."""

    marker: Path
    tester: int = field(default_factory=os.getpid)

    def __call__(self, block):
        if block.start == 64 and not self.marker.exists():
            self.marker.touch()
            assert os.getpid() != self.tester
            os.kill(os.getpid(), signal.SIGKILL)
        return squares(block)


def folded(results):
    return np.concatenate([result["squares"] for result in results])


def test_results_come_in_block_order(tmp_path):
    seen = []
    results = map_blocks(
        squares, BLOCKS, key="k", progress=lambda done, total: seen.append((done, total))
    )
    assert np.array_equal(folded(results), np.arange(320) ** 2)
    assert seen[-1] == (4, 4)


def test_a_killed_worker_changes_nothing(tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        results = list(map_blocks(DiesOnce(tmp_path / "died"), BLOCKS, key="k", executor=processes))
    assert (tmp_path / "died").exists()
    assert np.array_equal(folded(results), np.arange(320) ** 2)


@pytest.mark.filterwarnings("ignore")
def test_a_killed_dask_worker_changes_nothing(tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "silence_logs": 50,
    }
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        executor = client.get_executor()
        results = list(map_blocks(DiesOnce(tmp_path / "died"), BLOCKS, key="k", executor=executor))
    assert (tmp_path / "died").exists()
    assert np.array_equal(folded(results), np.arange(320) ** 2)


def test_an_error_in_a_block_is_not_hidden():
    def fails(block):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(map_blocks(fails, BLOCKS, key="k"))


class TestCheckpoint:
    def run(self, folder, key="k"):
        computed = []
        results = map_blocks(
            lambda b: computed.append(b) or squares(b), BLOCKS, key=key, checkpoint=folder
        )
        assert np.array_equal(folded(results), np.arange(320) ** 2)
        return sorted(block.start for block in computed)

    def test_finished_blocks_are_read(self, tmp_path):
        assert self.run(tmp_path / "new" / "folder") == [0, 64, 192, 256]
        assert self.run(tmp_path / "new" / "folder") == []

    def test_another_key_is_another_run(self, tmp_path):
        self.run(tmp_path)
        assert self.run(tmp_path, key="other") == [0, 64, 192, 256]

    @pytest.mark.parametrize(
        "damage", [lambda c: c[:-1], lambda c: b"", lambda c: c[:90] + b"x" + c[91:]]
    )
    def test_a_damaged_block_is_computed_again(self, tmp_path, damage):
        self.run(tmp_path)
        file = tmp_path / "k-64-192.npz"
        file.write_bytes(damage(file.read_bytes()))
        assert self.run(tmp_path) == [64]
        assert self.run(tmp_path) == []

    def test_a_block_without_its_checksum_is_computed_again(self, tmp_path):
        self.run(tmp_path)
        (tmp_path / "k-0-64.sha256").unlink()
        assert self.run(tmp_path) == [0]

    def test_an_interruption_leaves_the_finished_blocks(self, tmp_path):
        def interrupted(done, total):
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(map_blocks(squares, BLOCKS, key="k", checkpoint=tmp_path, progress=interrupted))
        assert len(self.run(tmp_path)) == 2

    def test_a_file_is_no_folder(self, tmp_path):
        Path(tmp_path / "file").write_text("")
        with pytest.raises(ValueError, match="checkpoint"):
            self.run(tmp_path / "file")


def blas_threads(block):
    np.eye(2) @ np.eye(2)
    threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {"threads": np.array(threads), "process": np.array(os.getpid())}


def processes():
    return ProcessPoolExecutor(2, get_context("spawn"))


@pytest.mark.parametrize("executor", [lambda: ThreadPoolExecutor(2), processes])
def test_workers_have_one_blas_thread(executor):
    with threadpool_limits(2, "blas"), executor() as pool:
        results = list(
            map_blocks(blas_threads, [range(k, k + 1) for k in range(8)], key="", executor=pool)
        )
        after = [
            library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
        ]
    assert all((result["threads"] == 1).all() and result["threads"].size for result in results)
    assert any(result["process"] != os.getpid() for result in results) == (executor is processes)
    assert set(after) == {2}
