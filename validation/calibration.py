"""How often the judge is wrong where the truth is known, and the table that the docs show of it.

    python validation/calibration.py      the table in docs/_tables, four minutes on two cores
    python validation/calibration.py --samples 200

Each sample is one run of 2048 blocks of 256 chains of a law whose mean is known. It is judged, with
the judge's own intervals, looks and Bonferroni shares, against five acceptance sets (the truth at
the centre, and just inside and just outside either edge) at three values of alpha: fifteen
judgements a sample, independent between samples.

Block sums are drawn exactly: where the sum of 256 draws has a law of its own (Gamma, binomial,
multinomial) one draw gives it; the heavy-tailed laws are drawn chain by chain and added up."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numba
import numpy as np
from scipy import stats

from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.intervals import BLOCK, BlockSums, Bounded, Event, KnownSkewness, Premise
from linsgd.judge.judge import LOOKS, share
from linsgd.result import environment

ROOT = Path(__file__).parents[1]
ALPHAS = (0.05, 0.01, 0.001)
BATCH = 250  # samples drawn at once
WIDTH = 12.0  # half-width of the acceptance set, in standard errors at the last look
CERTAINTY = 0.95  # of the upper bound on each rate of wrong verdicts


@dataclass(frozen=True)
class Law:
    """A law of one chain's observable: its mean, spread, and a sampler of (sums, scatter) of shape
    (2048, n).
    """

    name: str
    premise: Premise
    mean: float
    deviation: float
    heavy: bool
    sample: Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Rate:
    """How often one kind of verdict was wrong."""

    law: str
    tail: str
    truth: str
    alpha: float
    judgements: int
    wrong: int
    bound: float
    decided: float


@dataclass(frozen=True)
class Miss:
    """How often an interval around the median of block means misses a Lomax(1.5) mean."""

    blocks: int
    nominal: float
    trials: int
    missed: float


def gamma(
    shape: float, scale: float
) -> Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray]]:
    """Return the sampler of a Gamma law: the sum of 256 is a Gamma variable."""

    def sample(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
        sums = rng.gamma(BLOCK * shape, scale, (LOOKS[-1], n))
        return sums, np.zeros_like(sums)

    return sample


def points(
    values: tuple[float, ...], weights: tuple[float, ...]
) -> Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray]]:
    """Return the sampler of a law on a few values: the counts in a block are multinomial."""

    def sample(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
        counts = rng.multinomial(BLOCK, weights, (LOOKS[-1], n))
        sums = counts @ np.array(values)
        return sums, counts @ np.square(values) - sums**2 / BLOCK

    return sample


def pareto(
    index: float, signed: bool
) -> Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray]]:
    """Return the sampler of a Pareto law on [1, inf), or of the same with a random sign: every
    chain is drawn.
    """

    def sample(rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
        sums = np.empty((LOOKS[-1], n))
        _pareto_sums(rng, 1 / index, signed, sums)
        return sums, np.zeros_like(sums)

    return sample


@numba.njit(nogil=True, error_model="numpy")
def _pareto_sums(rng: np.random.Generator, power: float, signed: bool, sums: FloatArray) -> None:
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            total = 0.0
            for _ in range(BLOCK):
                value = np.exp(power * rng.standard_exponential())
                total += -value if signed and rng.random() < 0.5 else value
            sums[i, j] = total


LAWS = (
    Law("exponential", KnownSkewness(0.0), 1.0, 1.0, False, gamma(1.0, 1.0)),
    Law("squared normal", KnownSkewness(0.0), 1.0, 2**0.5, False, gamma(0.5, 2.0)),
    Law(
        "Pareto, index 3.5",
        KnownSkewness(0.0),
        1.4,
        (3.5 / 1.5 - 1.4**2) ** 0.5,
        True,
        pareto(3.5, False),
    ),
    Law(
        "signed Pareto, index 3.5",
        KnownSkewness(0.0),
        0.0,
        (3.5 / 1.5) ** 0.5,
        True,
        pareto(3.5, True),
    ),
    Law(
        "three values in [0, 1]",
        Bounded(0.0, 1.0),
        0.035,
        0.0262**0.5,
        False,
        points((0.0, 0.5, 1.0), (0.95, 0.03, 0.02)),
    ),
    Law("event, probability 0.3", Event(), 0.3, 0.21**0.5, False, points((0.0, 1.0), (0.7, 0.3))),
    Law(
        "event, probability 0.01",
        Event(),
        0.01,
        0.0099**0.5,
        False,
        points((0.0, 1.0), (0.99, 0.01)),
    ),
)
TRUTHS = {  # how far the truth lies from the centre of the acceptance set, in half-widths
    "centre": 0.0,
    "inside the upper edge": 0.999,
    "inside the lower edge": -0.999,
    "outside the upper edge": 1.001,
    "outside the lower edge": -1.001,
}


def calibrate(samples: int, seed: int, laws: tuple[Law, ...] = LAWS) -> list[Rate]:
    """Judge `samples` runs of each law (half as many where every chain is drawn) and count the
    wrong verdicts.
    """
    rates = []
    for law in laws:
        batches = -(-samples // (BATCH * (2 if law.heavy else 1)))
        streams = np.random.default_rng([seed, LAWS.index(law)]).spawn(batches)
        with ThreadPoolExecutor() as pool:
            counted = list(pool.map(lambda rng, law=law: _judge_batch(law, rng), streams))
        for case, (truth, alpha) in enumerate(product(TRUTHS, ALPHAS)):
            wrong, decided = (sum(count[case][i] for count in counted) for i in range(2))
            n = batches * BATCH
            bound = float(stats.beta.ppf(CERTAINTY, wrong + 1, n - wrong))
            rates.append(
                Rate(
                    law.name, type(law.premise).__name__, truth, alpha, n, wrong, bound, decided / n
                )
            )
    return rates


def _judge_batch(law: Law, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return (wrong, decided) for each truth and alpha."""
    sums, scatter = law.sample(rng, BATCH)
    looks = {
        alpha: [
            law.premise.interval(
                BlockSums(sums[:k], scatter[:k], np.zeros_like(sums[:k])), share(alpha, 1)
            )
            for k in LOOKS
        ]
        for alpha in ALPHAS
    }
    return [_count(law, TRUTHS[truth], looks[alpha]) for truth, alpha in product(TRUTHS, ALPHAS)]


def _count(law: Law, place: float, looks: list[tuple[FloatArray, FloatArray]]) -> tuple[int, int]:
    width = WIDTH * law.deviation / np.sqrt(LOOKS[-1] * BLOCK)
    accepted = Acceptance.interval(law.mean - place * width, width, "calibration")
    confirmed, refuted = np.zeros(BATCH, bool), np.zeros(BATCH, bool)
    for lower, upper in looks:
        open_ = ~(confirmed | refuted)
        refuted |= open_ & accepted.excludes(lower, upper)
        confirmed |= open_ & accepted.contains(lower, upper)
    wrong = confirmed if abs(place) > 1 else refuted
    return int(wrong.sum()), int((confirmed | refuted).sum())


def medians(trials: int, seed: int) -> Iterator[Miss]:
    """Build the order-statistics interval for the median of block means and count how often it
    misses the mean, 2.

    Yields
    ------
    Miss
        For 16, 64, ..., 2048 blocks.
    """
    nominal = 0.01
    rng = np.random.default_rng([seed, len(LAWS)])
    means = np.empty((LOOKS[-1], trials))
    _pareto_sums(rng, 1 / 1.5, False, means)
    means = means / BLOCK - 1  # Lomax is Pareto moved to 0
    for blocks in (16, *LOOKS):
        ordered = np.sort(means[:blocks], axis=0)
        rank = int(stats.binom.ppf(nominal / 2, blocks, 0.5)) - 1
        missed = (ordered[rank] > 2) | (ordered[blocks - 1 - rank] < 2)
        yield Miss(blocks, nominal, trials, float(missed.mean()))


def table(rates: list[Rate]) -> str:
    """Return one row a law and truth: at each alpha the wrong verdicts, their bound and the share
    decided.
    """
    head = "| law | truth | judged, each alpha | " + " | ".join(
        f"alpha = {a}: wrong, bound, decided" for a in ALPHAS
    )
    lines = [head + " |", "|" + "---|" * (3 + len(ALPHAS))]
    for first, *rest in zip(*(rates[i :: len(ALPHAS)] for i in range(len(ALPHAS))), strict=True):
        cells = [f"{r.wrong}, < {r.bound:.2g}, {r.decided:.0%}" for r in (first, *rest)]
        lines.append(
            "| " + " | ".join([first.law, first.truth, str(first.judgements), *cells]) + " |"
        )
    return "\n".join(lines)


def medians_table(misses: list[Miss]) -> str:
    """Return one row a number of blocks."""
    rows = [f"| {m.blocks} | {m.nominal:.0%} | {m.missed:.0%} |" for m in misses]
    return "\n".join(["| blocks of 256 | nominal | measured |", "|---|---|---|", *rows])


def main() -> None:
    """Write docs/_tables/{calibration,medians}.md and validation/calibration.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=40_000, help="runs of each law")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT, help="repository to write into")
    options = parser.parse_args()
    began = time.perf_counter()
    rates = calibrate(options.samples, options.seed)
    misses = list(medians(max(options.samples // 20, 100), options.seed))
    seconds = time.perf_counter() - began
    tables = options.out / "docs" / "_tables"
    tables.mkdir(parents=True, exist_ok=True)
    (tables / "calibration.md").write_text(table(rates) + "\n")
    (tables / "medians.md").write_text(medians_table(misses) + "\n")
    record = {
        "provenance": environment() | {"seconds": round(seconds, 1)},
        "seed": options.seed,
        "judgements": sum(rate.judgements for rate in rates),
        "rates": [asdict(rate) for rate in rates],
        "medians": [asdict(miss) for miss in misses],
    }
    (options.out / "validation" / "calibration.json").write_text(
        json.dumps(record, indent=1) + "\n"
    )
    worst = max(rates, key=lambda rate: rate.bound / rate.alpha)
    print(
        f"{record['judgements']} judgements in {seconds:.0f} s; "
        f"worst bound / alpha: {worst.bound / worst.alpha:.2f}"
    )


if __name__ == "__main__":
    main()
