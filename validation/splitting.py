"""How often the interval of multilevel splitting holds the exact mean exit time.

    python validation/splitting.py      splitting.json, five minutes on one idle core

SGD on x^4/4 - x^2/2 with learning rate 0.1 and Gaussian noise, from -1 to 1. The exact mean is that
of the discrete chain (`linsgd.fokker_planck.MarkovKernel`), which shares no code with the
simulation. Each of `REPEATS` repeats is an interval at confidence 0.95 from its own seed."""

import json
import math
import time
from pathlib import Path

import numpy as np
from scipy import stats

import linsgd
from linsgd.result import environment

FILE = Path(__file__).with_name("splitting.json")
LR, REPEATS = 0.1, 200
WELL = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
SETTINGS = (  # temperature, replicas, walkers
    (0.02, 32, 200),
    (0.0126, 32, 100),
)


def exact(temperature: float) -> float:
    chain = linsgd.fokker_planck.MarkovKernel(
        lambda x: x - LR * (x**3 - x), math.sqrt(2 * LR * temperature), (-2.4, 2.4)
    )
    return chain.mean_first_passage_time(-1.0, 1.0).value


def coverage(temperature: float, replicas: int, walkers: int) -> dict[str, float]:
    """Return the share of intervals that hold the exact mean, with its own interval."""
    mean, begin = exact(temperature), time.perf_counter()
    found = [
        linsgd.simulate_escape(
            WELL,
            linsgd.SGD(lr=LR),
            -1,
            1,
            noise=2 * temperature / LR,
            replicas=replicas,
            walkers=walkers,
            seed=seed,
        )
        for seed in range(REPEATS)
    ]
    covered = sum(each.lower < mean < each.upper for each in found)
    lower, upper = stats.binomtest(covered, REPEATS).proportion_ci(0.95)
    widths = [(each.upper - each.lower) / (2 * each.mean) for each in found]
    return {
        "temperature": temperature,
        "replicas": replicas,
        "walkers": walkers,
        "mean_steps": mean,
        "repeats": REPEATS,
        "covered": covered,
        "share_lower": float(lower),
        "share_upper": float(upper),
        "median_relative_half_width": float(np.median(widths)),
        "root_mean_square_relative_error": float(
            np.sqrt(np.mean([(each.mean / mean - 1) ** 2 for each in found]))
        ),
        "seconds_each": (time.perf_counter() - begin) / REPEATS,
    }


def main() -> None:
    rows = [coverage(*setting) for setting in SETTINGS]
    FILE.write_text(json.dumps({"environment": environment(), "rows": rows}, indent=1) + "\n")
    print(FILE.read_text())


if __name__ == "__main__":
    main()
