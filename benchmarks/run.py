"""Time the ensembles and write benchmarks/RESULTS.md: ``python benchmarks/run.py [seconds of the
Dask job]``.

Both sides of a ratio run in this process, after a first run that is not timed, one after the other
in each of five rounds; a ratio is that of the medians of their rates. All is done three times: a
band is the least and the largest."""

import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import distributed
import numba
import numpy as np
import workloads

import linsgd
from linsgd.montecarlo.random.streams import seed_streams
from linsgd.montecarlo.random.variates import fill_normal

ROUNDS, RUNS = 5, 3
PRECISIONS = ("float64", "float32")
GOALS = {
    "M1 full, float64": (7, 6),
    "M1 full, float32": (18, 10),
    "M1 reduced, float64": (24, 20),
    "M1 reduced, float32": (60, 30),
    "M2, float64": (9, 5),
    "M2, float32": (22, 10),
    "M3, float64": (6, 4),
}


def rates(sides):
    """Return the median rate of each side, interleaved, in 10^6 samples x features a second."""
    seen = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            begin = time.perf_counter()
            amount = side()
            seen[name].append(1e-6 * amount / (time.perf_counter() - begin))
    return {name: statistics.median(values) for name, values in seen.items()}


def comparisons():
    """Return the sides of each row of the table, compiled."""
    table = {}
    for dtype in PRECISIONS:
        m1 = {"NumPy": workloads.m1_numpy, "JAX": workloads.m1_jax(dtype)}
        table[f"M1 full, {dtype}"] = m1 | {"linsgd": workloads.m1_ours(dtype)}
        table[f"M1 reduced, {dtype}"] = m1 | {"linsgd": workloads.m1_ours(dtype, "reduced")}
        m2 = {"NumPy": workloads.m2_numpy, "JAX": workloads.m2_jax(dtype)}
        table[f"M2, {dtype}"] = m2 | {"linsgd": workloads.m2_ours(dtype)}
        m3 = {"NumPy": workloads.m3_numpy, "JAX": workloads.m3_jax(dtype)}
        table[f"M3, {dtype}"] = m3 | {"linsgd": workloads.m3_ours(dtype)}
    for side in {side for sides in table.values() for side in sides.values()}:
        side()
    return table


def band(values):
    return f"{min(values):.3g} to {max(values):.3g}"


def throughput():
    lines = [
        (
            "| workload | linsgd, 10^6 samples x features / s | over NumPy | goal "
            "| over JAX, same dtype | goal |"
        ),
        "|---|---|---|---|---|---|",
    ]
    table = comparisons()
    runs = [{name: rates(sides) for name, sides in table.items()} for _ in range(RUNS)]
    for name in table:
        own, numpy, jax = ([run[name][side] for run in runs] for side in ("linsgd", "NumPy", "JAX"))
        over_numpy, over_jax = (band(np.divide(own, other)) for other in (numpy, jax))
        goals = GOALS.get(name, ("-", "-"))
        lines.append(
            f"| {name} | {band(own)} | {over_numpy} | {goals[0]} | {over_jax} | {goals[1]} |"
        )
    return [
        *lines,
        "",
        "NumPy works in float64 throughout, so the float32 rows mix precisions in that column.",
    ]


def isotropic():
    sides = {engine: workloads.isotropic(engine) for engine in ("full", "radial")}
    for side in sides.values():
        side()
    ratios = [run["radial"] / run["full"] for run in (rates(sides) for _ in range(RUNS))]
    return [
        f"The radial engine over the full one, H = I, d = 1000, batch 8: {band(ratios)} (goal 200)."
    ]


@numba.njit
def repeat(S, Z, rows, times):
    for _ in range(times):
        fill_normal(S, Z, rows)


def draws():
    """ns per normal variate on one thread."""
    lines = []
    for dtype, limit in zip(PRECISIONS, (1.3, 0.6), strict=True):
        S, Z = seed_streams(0, 0, np.dtype(dtype)), np.empty((32, 64), dtype)
        repeat(S, Z, 32, 1)
        timings = []
        for _ in range(RUNS):
            seen = []
            for _ in range(101):
                begin = time.perf_counter()
                repeat(S, Z, 32, 100)
                seen.append(1e9 * (time.perf_counter() - begin) / (100 * Z.size))
            timings.append(statistics.median(seen))
        lines.append(f"- {dtype}: {band(timings)} ns (goal: {3 * limit:.1f}, 3 x limit {limit})")
    return lines


COMPILE = """
import sys, time, linsgd
from linsgd.montecarlo.snapshots import snapshots
kind, dtype = sys.argv[1:]
data = linsgd.LinearRegression.from_data([[1.0], [2.0]], [1.0, 2.0])
problem = data if kind == "data" else linsgd.LinearRegression.gaussian([1.0, 1.0])
import numba
begin = time.perf_counter()
engine = "full" if kind == "data" else kind
snapshots(problem, linsgd.SGD(lr=0.1), [1], range(64), engine=engine, dtype=dtype)
print(time.perf_counter() - begin)
"""


def seconds(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def start_up():
    lines = ["| kernel | first call, s (goal 10) | from cache, s (goal 1) |", "|---|---|---|"]
    kinds = [("full", d) for d in PRECISIONS] + [("data", d) for d in PRECISIONS]
    for kind, dtype in [*kinds, ("reduced", "float64"), ("radial", "float64")]:
        with tempfile.TemporaryDirectory() as cache:
            first, again = (seconds(COMPILE, kind, dtype, NUMBA_CACHE_DIR=cache) for _ in range(2))
        lines.append(f"| {kind}, {dtype} | {first:.1f} | {again:.2f} |")
    code = (
        "import time; begin = time.perf_counter(); import linsgd; "
        "print(time.perf_counter() - begin)"
    )
    imports = [seconds(code) for _ in range(RUNS)]
    return [*lines, "", f"`import linsgd`: {band(imports)} s (goal 0.3)."]


def dask(job):
    """Overhead of a local Dask cluster over threads on a job of about `job` seconds."""
    problem, sgd = workloads.M1

    def wall(chains, executor=None):
        begin = time.perf_counter()
        linsgd.simulate(problem, sgd, 2000, chains=chains, executor=executor)
        return time.perf_counter() - begin

    wall(512)
    chains = 512 * max(1, round(job / wall(512)))
    cluster = distributed.LocalCluster(
        n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        executor = client.get_executor()
        wall(256 * 2 * os.cpu_count(), executor)
        threads, workers = wall(chains), wall(chains, executor)
    overhead = 100 * (workers / threads - 1)
    return [
        f"{chains} chains of M1: threads {threads:.1f} s, Dask {workers:.1f} s: {overhead:+.1f} %."
    ]


def machine():
    model = next(
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    )
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy", "jax", "distributed")
    )
    load = os.getloadavg()[0]
    cpu = numba.core.codegen.ll.get_host_cpu_name()
    return [
        f"{model.split(':')[1].strip()} ({cpu}), {os.cpu_count()} cores,",
        f"Python {platform.python_version()},",
        f"{versions}.",
        f"{datetime.date.today()}; load {load:.1f} when the benchmark began.",
    ]


def main(job=60.0):
    sections = {"Machine": machine()}
    sections |= {
        "Throughput": throughput(),
        "Isotropic reduction": isotropic(),
        "Normal variates, one thread": draws(),
        "Start-up": start_up(),
        "Dask": dask(job),
    }
    sections["Machine"].append(f"Load {os.getloadavg()[0]:.1f} when it ended.")
    text = "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items())
    head = "# Benchmarks\n\nWritten by `make bench`; what is measured and how is in README.md.\n\n"
    Path(__file__).with_name("RESULTS.md").write_text(head + text + "\n")
    print(text)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
