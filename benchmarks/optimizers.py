"""Optimizers: the time of a step and feature beside SGD's, and Adam beside a loop in NumPy.

    python benchmarks/optimizers.py      benchmarks/OPTIMIZERS.md, about two minutes

One thread, 512 chains, 16 features of variance 1/k, batch 4; sides alternate, the best of five
rounds counts. Ratios of one run mean more than times on a machine that does other work."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import linsgd

D, BATCH, CHAINS, STEPS, ROUNDS = 16, 4, 512, 400, 5
VARIANCES = 1 / np.arange(1, D + 1)
PROBLEM = linsgd.LinearRegression.gaussian(VARIANCES)
SLOW = 50  # steps of those that NumPy draws for
OPTIMIZERS = [
    linsgd.SGD(0.05, BATCH, momentum=0.9),
    linsgd.RMSprop(0.01, BATCH),
    linsgd.Adagrad(0.1, BATCH),
    linsgd.Adam(0.01, BATCH),
    linsgd.AdamW(0.01, BATCH),
    linsgd.NAdam(0.01, BATCH),
    linsgd.SignSGD(0.01, BATCH),
    linsgd.Lion(0.01, BATCH),
    linsgd.ClippedSGD(0.05, BATCH),
    linsgd.NormalizedSGD(0.05, BATCH),
    linsgd.ScheduleFreeSGD(0.1, BATCH),
    linsgd.Muon(0.01, BATCH, shape=(4, 4)),
    linsgd.SAM(0.05, BATCH),
    linsgd.StochasticNewton(0.5, BATCH, damping=0.1),
    linsgd.NaturalGradient(0.05, BATCH),
]
BATCHES = (linsgd.SAM, linsgd.StochasticNewton, linsgd.NaturalGradient)


def numpy_adam() -> int:
    """Run Adam as a user would write it on all chains at once; return steps."""
    rng, w = np.random.default_rng(0), np.zeros((CHAINS, D))
    m, s = np.zeros_like(w), np.zeros_like(w)
    for k in range(1, SLOW + 1):
        x = rng.standard_normal((CHAINS, BATCH, D)) * np.sqrt(VARIANCES)
        residual = np.einsum("cbd,cd->cb", x, w) - rng.standard_normal((CHAINS, BATCH))
        g = np.einsum("cbd,cb->cd", x, residual) / BATCH
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        w = w - 0.01 * m / (1 - 0.9**k) / (np.sqrt(s / (1 - 0.999**k)) + 1e-8)
    return SLOW


def side(optimizer: object, pool: ThreadPoolExecutor) -> Callable[[], int]:
    """Return a function that simulates and returns the number of steps."""
    steps = SLOW if isinstance(optimizer, BATCHES) else STEPS

    def run() -> int:
        linsgd.simulate(PROBLEM, optimizer, steps, chains=CHAINS, executor=pool)
        return steps

    return run


def main() -> None:
    """Write OPTIMIZERS.md."""
    with ThreadPoolExecutor(1) as pool:
        sides = {type(o).__name__: side(o, pool) for o in OPTIMIZERS} | {"NumPy, Adam": numpy_adam}
        best = dict.fromkeys(sides, np.inf)
        for run in sides.values():
            run()
        for _ in range(ROUNDS):
            for name, run in sides.items():
                began = time.perf_counter()
                steps = run()
                took = (time.perf_counter() - began) / (steps * CHAINS * D)
                best[name] = min(best[name], took)
    rows = [f"| {n} | {1e9 * t:.1f} ns | {t / best['SGD']:.2f} |" for n, t in best.items()]
    head = "| optimizer | a step and feature | over SGD's |\n|---|---|---|"
    note = (
        f"\nA loop in NumPy takes {best['NumPy, Adam'] / best['Adam']:.1f} times as long as Adam. "
        "SAM, StochasticNewton and NaturalGradient are drawn by NumPy. "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.\n"
    )
    text = "# Optimizers\n\n" + "\n".join([head, *rows]) + "\n" + note
    Path(__file__).with_name("OPTIMIZERS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
