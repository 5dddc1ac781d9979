"""How often `tail_index` believes what it should not, and how often what it believes is right: the
table of the docs.

    python validation/tail_index.py      docs/_tables/tail_index.md, ten minutes on two cores
    python validation/tail_index.py --samples 20

Laws without an exponent, laws with a known one, and stationary laws of SGD, whose exponent is
`tail_exponent`'s and whose values are the last of independent chains. Each sample is judged once,
by its spacings at confidence 0.95."""

import argparse
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy import stats

import linsgd
from linsgd.domains import FloatArray
from linsgd.estimate import tail_index
from linsgd.montecarlo.snapshots import snapshots
from linsgd.result import environment

ROOT = Path(__file__).parents[1]
SIZES = (1000, 10_000, 100_000)
FORGOTTEN = 1e-10  # how much of its start a chain still knows at its end, by the Lyapunov exponent
CERTAINTY = 0.95  # of the upper bound on how often a law without an exponent is believed

Sampler = Callable[[int, int], FloatArray]


@dataclass(frozen=True)
class Law:
    """A law, its exponent (inf: none), and a sampler of (size, seed)."""

    name: str
    alpha: float
    sample: Sampler


@dataclass(frozen=True)
class Rate:
    """Of `samples` of `size` values, how many were called ok, and in how many of these the interval
    holds alpha.

    The width is the median of upper / lower among these, 0 without any.
    """

    law: str
    alpha: str
    size: int
    samples: int
    believed: int
    covered: int
    width: float


def drawn(draw: Callable[[np.random.Generator, int], FloatArray]) -> Sampler:
    return lambda size, seed: draw(np.random.default_rng([seed, size]), size)


def stable(rng: np.random.Generator, size: int) -> FloatArray:
    """Return values of the symmetric stable law of index 1.5 (Chambers, Mallows, Stuck 1976)."""
    angle, wait = math.pi * (rng.random(size) - 0.5), rng.exponential(size=size)
    values: FloatArray = (
        np.sin(1.5 * angle) / np.cos(angle) ** (2 / 3) * (np.cos(0.5 * angle) / wait) ** (-1 / 3)
    )
    return values


def contaminated(rng: np.random.Generator, size: int) -> FloatArray:
    return np.where(rng.random(size) < 1e-3, rng.pareto(1.5, size) + 1, rng.standard_normal(size))


def slow(rng: np.random.Generator, size: int) -> FloatArray:
    """Return values x (1 + log x) for Pareto x: the exponent tends to its limit as 1 / log."""
    x = rng.pareto(2.0, size) + 1
    return x * (1 + np.log(x))


def sgd_law(spectrum: list[float], **options: float) -> Law:
    problem, sgd = linsgd.LinearRegression.gaussian(spectrum), linsgd.SGD(**options)
    found = linsgd.tail_exponent(problem, sgd)
    steps = math.ceil(math.log(FORGOTTEN) / found.lyapunov)
    text = ", ".join(f"{name.replace('_size', '')} {value:g}" for name, value in options.items())

    def sample(size: int, seed: int) -> FloatArray:
        return snapshots(problem, sgd, [steps], range(size), seed)[0, :, 0]

    return Law(f"SGD, d = {len(spectrum)}, {text}", found.value, sample)


def laws() -> tuple[Law, ...]:
    none = [
        *(
            (f"log-normal, sigma {s}", lambda rng, n, s=s: rng.lognormal(0, s, n))
            for s in (0.5, 1, 2)
        ),
        *((f"Weibull, shape {c}", lambda rng, n, c=c: rng.weibull(c, n)) for c in (0.3, 0.5, 0.7)),
        ("exponential", lambda rng, n: rng.exponential(size=n)),
        ("normal", lambda rng, n: rng.standard_normal(n)),
    ]
    power = [
        ("Pareto", 1.0, lambda rng, n: rng.pareto(1.0, n) + 1),
        ("Pareto", 3.0, lambda rng, n: rng.pareto(3.0, n) + 1),
        *(
            ("Student", a, lambda rng, n, a=a: rng.standard_t(a, n))
            for a in (1.5, 2.0, 3.0, 4.0, 6.0)
        ),
        ("stable", 1.5, stable),
        ("Lomax", 2.0, lambda rng, n: rng.pareto(2.0, n)),
        ("x (1 + log x), x Pareto", 2.0, slow),
        ("normal, a part in 1000 Pareto", 1.5, contaminated),
    ]
    return (
        *(Law(name, math.inf, drawn(draw)) for name, draw in none),
        *(Law(name, alpha, drawn(draw)) for name, alpha, draw in power),
        *(sgd_law([1.0], lr=lr) for lr in (0.9, 2 / 3, 0.5, 0.32)),
        sgd_law([1.0, 1.0], lr=0.5),
        sgd_law([1.0], lr=0.4, momentum=0.5),
    )


def measure(law: Law, size: int, samples: int) -> Rate:
    """Judge `samples` samples of `size` values."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda seed: tail_index(law.sample(size, seed)), range(samples)))
    believed = [one for one in found if one.status == "ok"]
    covered = sum(one.lower <= law.alpha <= one.upper for one in believed)
    width = (
        round(float(np.median([one.upper / one.lower for one in believed])), 2) if believed else 0.0
    )
    return Rate(law.name, f"{law.alpha:.3g}", size, samples, len(believed), covered, width)


def cell(rate: Rate) -> str:
    """Return the share that was believed, with its bound for a law without an exponent, else with
    cover and width.
    """
    share = f"{rate.believed / rate.samples:.0%}"
    if rate.alpha == "inf":
        bound = stats.beta.ppf(CERTAINTY, rate.believed + 1, rate.samples - rate.believed)
        return f"{share}, < {bound:.2g}"
    return (
        f"{share}, {rate.covered / rate.believed:.0%}, {rate.width:.3g}" if rate.believed else share
    )


def table(rates: list[Rate]) -> str:
    """Return one row a law."""
    sizes = sorted({rate.size for rate in rates})
    lines = [
        "| law | alpha | " + " | ".join(f"n = {size:,}" for size in sizes) + " |",
        "|" + "---|" * (2 + len(sizes)),
    ]
    for (law, alpha), row in groupby(rates, lambda rate: (rate.law, rate.alpha)):
        lines.append(
            f"| {law} | {'none' if alpha == 'inf' else alpha} | "
            + " | ".join(map(cell, row))
            + " |"
        )
    return "\n".join(lines)


def main() -> None:
    """Write docs/_tables/tail_index.md and validation/tail_index.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=200, help="of each law and size")
    parser.add_argument("--out", type=Path, default=ROOT, help="repository to write into")
    options = parser.parse_args()
    began, rates = time.perf_counter(), []
    for law in laws():
        rates += [measure(law, size, options.samples) for size in SIZES]
        print(table(rates[-len(SIZES) :]).rpartition("\n")[2], flush=True)
    tables = options.out / "docs" / "_tables"
    tables.mkdir(parents=True, exist_ok=True)
    (tables / "tail_index.md").write_text(table(rates) + "\n")
    provenance = environment() | {"seconds": round(time.perf_counter() - began, 1)}
    record = {"provenance": provenance, "rates": [asdict(rate) for rate in rates]}
    (options.out / "validation" / "tail_index.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
