"""Stable laws and their estimators: density and estimates beside SciPy's levy_stable, in one run.

    python benchmarks/stable.py      benchmarks/STABLE.md, a minute

SciPy's fit maximises the likelihood by about a hundred evaluations of the density; one of them, on
fewer points, is timed and scaled to ten thousand. Times are the best of some rounds."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import levy_stable

import linsgd
from linsgd.estimate import stable_index
from linsgd.estimate.stable_methods import METHODS

ALPHAS = (1.2, 1.8)
SIZE, FEW, BLOCKS = 10_000, 100, 10_000_000


def best(call: Callable[[], object], rounds: int = 30) -> float:
    """Return the least time of a call in seconds, after one that is not counted."""
    call()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def rows() -> list[str]:
    """Return the table's rows."""
    found = []
    for alpha in ALPHAS:
        law = linsgd.Stable(alpha)
        x = law.sample(10**6, np.random.default_rng(0))
        own = best(partial(law.pdf, x), 3) / x.size
        theirs = best(partial(levy_stable.pdf, x[:FEW], alpha, 0.0), 1) / FEW
        found.append(f"| density, alpha {alpha} | {1e6 * own:.3f} us | {theirs / own:,.0f} |")
        sample = x[:SIZE]
        for name in METHODS:
            took = best(partial(stable_index, sample, name))
            ratio = f"{100 * theirs * SIZE / took:,.0f}" if name == "likelihood" else ""
            label = f"{name}, alpha {alpha}, n = {SIZE:,}"
            found.append(f"| {label} | {1e3 * took:.1f} ms | {ratio} |")
    many = linsgd.Stable(1.5).sample(BLOCKS, np.random.default_rng(1))
    took = best(partial(stable_index, many, "blocks", location=0.0), 3)
    return [*found, f"| blocks, n = {BLOCKS:,} | {took:.2f} s | |"]


def main() -> None:
    """Write STABLE.md."""
    head = "| what | linsgd | SciPy's time over linsgd's |\n|---|---|---|"
    text = "\n".join([head, *rows()]) + "\n"
    print(text)
    note = (
        "\nThe ratio of the likelihood is that of a hundred evaluations of SciPy's density on as "
        "many values; times include interval and test of fit. "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.\n"
    )
    Path(__file__).with_name("STABLE.md").write_text("# Stable laws\n\n" + text + note)


if __name__ == "__main__":
    main()
