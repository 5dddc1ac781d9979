"""Blocks of work over any executor, in block order, each finished block safe on disk.

The only contract is concurrent.futures.Executor. Results do not depend on it: a block is computed
whole by one worker, and blocks are written and handed on in their order. A block file is an .npz
beside its SHA-256; one that does not match is computed again. When a pool of processes breaks
because a worker was killed, its lost blocks are computed here.
"""

import hashlib
import inspect
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from linsgd import domains
from linsgd.files import make_writable, write_whole

Item = TypeVar("Item")
Value = TypeVar("Value")
Arrays = Mapping[str, NDArray[Any]]
Progress = Callable[[int, int], object]

# Blocks fill the cores; threads of BLAS below them would contend.
_one_blas_thread = partial(threadpool_limits, 1, "blas")


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_threads(task: Callable[[Item], Value], items: Iterable[Item]) -> list[Value]:
    """Return `task` of each item, in order, computed by threads on the available cores.

    The task should release the GIL, as NumPy and the kernels of `linsgd.jit` do.
    """
    work = list(items)
    if len(work) <= 1:
        return [task(item) for item in work]
    with ThreadPoolExecutor(min(len(work), available_cores())) as pool:
        return list(pool.map(task, work))


def accept_calls(executor: object, progress: object) -> None:
    """Refuse an executor or a function of progress that is none, before any work."""
    if executor is not None and not isinstance(executor, Executor):
        domains.refuse_type("executor", executor, "a concurrent.futures.Executor, or None")
    if progress is not None and not callable(progress):
        domains.refuse("progress", progress, "a function of two numbers, done and in all, or None")


def own_source(kind: type) -> str:
    """Return the SHA-256 of the module that defines a class of one's own; "" for linsgd's classes.

    A class that was typed into a session is hashed alone, and is "" where its text is not kept.
    """
    if kind.__module__.partition(".")[0] in ("linsgd", "builtins", "numpy"):
        return ""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    with suppress(OSError, TypeError):
        text = Path(file).read_bytes() if file else inspect.getsource(kind).encode()
        return hashlib.sha256(text).hexdigest()
    return ""


def map_blocks(
    task: Callable[[range], Arrays],
    blocks: Sequence[range],
    *,
    key: str,
    executor: Executor | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Iterator[Arrays]:
    """Compute `task` for each block and yield the results in block order.

    Parameters
    ----------
    task : callable
        From a range to a mapping of names to arrays; picklable if the executor's workers are
        processes.
    blocks : sequence of range
        What each call is for.
    key : str
        A hash of all that determines the results; it names the block files, so that different runs
        never mix.
    executor : concurrent.futures.Executor, optional
        Where to compute; by default threads on the cores available to this process.
    checkpoint : path, optional
        Folder of block files, made if missing. Blocks already there are read, unless their checksum
        is wrong.
    progress : callable, optional
        Called with (blocks done, blocks in all) after each block.

    Yields
    ------
    mapping of str to ndarray
        What `task` returned.

    Raises
    ------
    ValueError
        If the folder cannot be written, before any work.

    Examples
    --------
    >>> blocks = [range(3), range(3, 5)]
    >>> squares = map_blocks(lambda block: {"sum": np.array(sum(block))}, blocks, key="sums")
    >>> [int(result["sum"]) for result in squares]
    [3, 7]
    """
    files = [None] * len(blocks) if checkpoint is None else _files(Path(checkpoint), key, blocks)
    missing = [i for i, file in enumerate(files) if _read(file) is None]
    calls = {i: partial(_computed, task, blocks[i], os.getpid()) for i in missing}
    with _one_blas_thread(), _pool(executor) as pool, _cancelled_at_exit(pool, calls) as futures:
        for i, (file, block) in enumerate(zip(files, blocks, strict=True)):
            result = None if i in futures else _read(file)
            if result is None:
                result = _result(futures.pop(i, None), task, block)
                _write(file, result)
            if progress is not None:
                progress(i + 1, len(blocks))
            yield result


def _result(future: Future[Arrays] | None, task: Callable[[range], Arrays], block: range) -> Arrays:
    if future is not None:
        with suppress(BrokenExecutor):
            return future.result()
    return task(block)


def _computed(task: Callable[[range], Arrays], block: range, home: int) -> Arrays:
    """Compute a block with one BLAS thread, which the process `home` has set already."""
    with nullcontext() if os.getpid() == home else _one_blas_thread():
        return task(block)


@contextmanager
def _pool(executor: Executor | None) -> Iterator[Executor]:
    if executor is not None:
        yield executor
    else:
        with ThreadPoolExecutor(available_cores()) as threads:
            yield threads


@contextmanager
def _cancelled_at_exit(
    pool: Executor, calls: Mapping[int, Callable[[], Arrays]]
) -> Iterator[dict[int, Future[Arrays]]]:
    futures = {i: pool.submit(call) for i, call in calls.items()}
    try:
        yield futures
    finally:
        for future in futures.values():
            future.cancel()


def _files(folder: Path, key: str, blocks: Sequence[range]) -> list[Path]:
    try:
        make_writable(folder)
    except OSError as error:
        domains.refuse(
            "checkpoint", str(folder), f"a folder that can be written ({error.strerror})"
        )
    return [folder / f"{key}-{block.start}-{block.stop}.npz" for block in blocks]


def _read(file: Path | None) -> Arrays | None:
    try:
        content = file.read_bytes() if file else b""
        expected = file.with_suffix(".sha256").read_bytes() if file else b""
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != expected:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _write(file: Path | None, result: Arrays) -> None:
    if file is None:
        return
    content = io.BytesIO()
    np.savez(content, **result)  # type: ignore[arg-type]
    write_whole(file, content.getvalue())
    write_whole(
        file.with_suffix(".sha256"), hashlib.sha256(content.getvalue()).hexdigest().encode()
    )
