"""How often the judge is wrong where the truth is known, and the tables that the docs show of it.

    python validation/calibration.py            the tables in docs/_tables, a quarter of an hour
    python validation/calibration.py --samples 200

Counting: each sample is one run of 2048 blocks of 256 chains of a law whose mean is known. It is
judged, with the judge's own intervals, looks and Bonferroni shares, against five acceptance sets
(the truth at the centre, and just inside and just outside either edge) at three values of alpha.

Importance sampling: at the judge's own alpha of 1e-5 nothing can be counted. Block sums are drawn
from the exponentially tilted law under which a miss is common, and each miss counts its likelihood
ratio; either end and every look apart.

Block sums are drawn exactly: where the sum of 256 draws has a law of its own one draw gives it; the
others are drawn chain by chain and added up."""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numba
import numpy as np
from scipy import optimize, stats

from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.intervals import (
    BLOCK,
    ENOUGH,
    BlockSums,
    Bounded,
    Event,
    KnownSkewness,
    KnownVariance,
    Premise,
)
from linsgd.judge.judge import ALPHA, LOOKS, share
from linsgd.result import environment

ROOT = Path(__file__).parents[1]
ALPHAS = (0.05, 0.01, 0.001)
BATCH = 250  # samples drawn at once
WIDTH = 12.0  # half-width of the acceptance set, in standard errors at the last look
CERTAINTY = 0.95  # of the upper bound on each rate of wrong verdicts
DRAWN = 1.25  # the effort of a law whose chains are all drawn, by Student's interval
FULL = 512  # blocks from which on a tilted law is drawn as often as asked; below, more often
ERRORS = 3.0  # standard errors in the upper bound of an importance-sampled rate

Generator = np.random.Generator
Sampler = Callable[[Generator, tuple[int, int]], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Law:
    """A law of one chain's observable, its premise, and a sampler of block sums and scatter.

    `effort` divides the number of samples of a law that takes long.
    """

    name: str
    premise: Premise
    mean: float
    deviation: float
    effort: float
    sample: Sampler


@dataclass(frozen=True)
class Rate:
    """How often one kind of verdict was wrong."""

    law: str
    premise: str
    truth: str
    alpha: float
    judgements: int
    wrong: int
    bound: float
    decided: float


@dataclass(frozen=True)
class Tilted:
    """A law with exponential moments.

    Attributes
    ----------
    name : str
        Its name.
    skewness : float
        Of one chain.
    cumulant : callable
        log E exp(theta Y) of one chain.
    sample : callable
        (rng, theta, shape) to sums over 256 chains under the tilted law.
    smallest, largest : float
        The range of theta.
    """

    name: str
    skewness: float
    cumulant: Callable[[float], float]
    sample: Callable[[Generator, float, tuple[int, int]], FloatArray]
    smallest: float
    largest: float

    def moments(self, theta: float) -> tuple[float, float]:
        """Return mean and variance under the tilted law, by central differences."""
        h = 1e-4 * min(1.0, abs(self.largest - theta), abs(theta - self.smallest))
        up, at, down = (self.cumulant(theta + step) for step in (h, 0.0, -h))
        return (up - down) / (2 * h), (up - 2 * at + down) / h**2


@dataclass(frozen=True)
class Miss:
    """The chance that one end of an interval lies on the wrong side of the mean, over its share."""

    law: str
    skewness: float
    premise: str
    blocks: int
    end: str
    ratio: float
    bound: float
    hits: int


@dataclass(frozen=True)
class Median:
    """How often an interval around the median of block means misses the mean of Lomax(1.5)."""

    blocks: int
    nominal: float
    trials: int
    missed: float


def gamma(shape: float, scale: float) -> Sampler:
    """Return the sampler of a Gamma law: the sum of 256 is a Gamma variable."""

    def sample(rng: Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        sums = rng.gamma(BLOCK * shape, scale, size)
        return sums, np.zeros_like(sums)

    return sample


def inverse_gaussian(shape: float) -> Sampler:
    """Return the sampler of an inverse Gaussian law of mean 1."""

    def sample(rng: Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        sums = rng.wald(BLOCK, BLOCK**2 * shape, size)
        return sums, np.zeros_like(sums)

    return sample


def points(values: tuple[float, ...], weights: tuple[float, ...]) -> Sampler:
    """Return the sampler of a law on a few values: the counts in a block are multinomial."""

    def sample(rng: Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        counts = rng.multinomial(BLOCK, weights, size)
        sums = counts @ np.array(values)
        return sums, counts @ np.square(values) - sums**2 / BLOCK

    return sample


def chain_by_chain(draw: int, parameter: float) -> Sampler:
    """Return the sampler of a law whose chains are all drawn."""

    def sample(rng: Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        sums = np.empty(size)
        _sums_of_draws(rng, draw, parameter, sums)
        return sums, np.zeros_like(sums)

    return sample


PARETO, SIGNED_PARETO, LOG_NORMAL = range(3)


@numba.njit(nogil=True, error_model="numpy")
def _sums_of_draws(rng: Generator, draw: int, parameter: float, sums: FloatArray) -> None:
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            total = 0.0
            for _ in range(BLOCK):
                if draw == LOG_NORMAL:
                    total += np.exp(parameter * rng.standard_normal())
                else:
                    value = np.exp(parameter * rng.standard_exponential())
                    negative = draw == SIGNED_PARETO and rng.random() < 0.5
                    total += -value if negative else value
            sums[i, j] = total


def log_normal(sigma: float) -> tuple[float, float, float]:
    """Return mean, standard deviation and skewness of exp(sigma N(0, 1))."""
    grown = np.exp(sigma**2)
    mean = np.exp(sigma**2 / 2)
    return mean, mean * np.sqrt(grown - 1), (grown + 2) * np.sqrt(grown - 1)


def _skewed(premise: str, law: str, skewness: float, deviation: float) -> tuple[str, Premise]:
    known = premise == "skewness"
    return (
        f"{law}, skewness {skewness:.3g}, {premise} known",
        KnownSkewness(skewness) if known else KnownVariance(np.array([deviation**2])),
    )


def _rare_event(probability: float, premise: str) -> Law:
    deviation = (probability * (1 - probability)) ** 0.5
    skewness = (1 - 2 * probability) / deviation
    name = f"indicator of probability {probability:g}"
    return Law(
        *_skewed(premise, name, skewness, deviation),
        mean=probability,
        deviation=deviation,
        effort=1 if premise == "skewness" else 5,
        sample=points((0.0, 1.0), (1 - probability, probability)),
    )


def _log_normal_law(sigma: float, premise: str) -> Law:
    mean, deviation, skewness = log_normal(sigma)
    return Law(
        *_skewed(premise, f"log-normal, sigma {sigma:g}", skewness, deviation),
        mean=mean,
        deviation=deviation,
        effort=DRAWN if premise == "skewness" else 5,
        sample=chain_by_chain(LOG_NORMAL, sigma),
    )


def _gamma_law(skewness: float, premise: str) -> Law:
    shape = 4 / skewness**2
    return Law(
        *_skewed(premise, "Gamma", skewness, shape**0.5),
        mean=shape,
        deviation=shape**0.5,
        effort=1 if premise == "skewness" else 5,
        sample=gamma(shape, 1.0),
    )


def _inverse_gaussian_law(skewness: float, premise: str) -> Law:
    shape = 9 / skewness**2
    return Law(
        *_skewed(premise, "inverse Gaussian", skewness, shape**-0.5),
        mean=1.0,
        deviation=shape**-0.5,
        effort=1 if premise == "skewness" else 5,
        sample=inverse_gaussian(shape),
    )


LAWS = (
    Law("exponential", KnownSkewness(2.0), 1.0, 1.0, 1, gamma(1.0, 1.0)),
    Law("squared normal", KnownSkewness(8**0.5), 1.0, 2**0.5, 1, gamma(0.5, 2.0)),
    Law(
        "signed Pareto, index 3.5",
        KnownSkewness(0.0),
        0.0,
        (3.5 / 1.5) ** 0.5,
        DRAWN,
        chain_by_chain(SIGNED_PARETO, 1 / 3.5),
    ),
    _gamma_law(6.3, "skewness"),
    _gamma_law(30.0, "skewness"),
    _gamma_law(100.0, "variance"),
    _inverse_gaussian_law(6.3, "skewness"),
    _inverse_gaussian_law(30.0, "skewness"),
    _inverse_gaussian_law(1000.0, "variance"),
    _log_normal_law(1.0, "skewness"),
    _log_normal_law(2.0, "variance"),
    _rare_event(1e-3, "skewness"),
    _rare_event(1e-3, "variance"),
    _rare_event(1e-4, "skewness"),
    _rare_event(1e-4, "variance"),
    Law(
        "three values in [0, 1]",
        Bounded(0.0, 1.0),
        0.035,
        0.0262**0.5,
        1,
        points((0.0, 0.5, 1.0), (0.95, 0.03, 0.02)),
    ),
    Law("event, probability 0.3", Event(), 0.3, 0.21**0.5, 1, points((0.0, 1.0), (0.7, 0.3))),
    Law("event, probability 0.01", Event(), 0.01, 0.0099**0.5, 1, points((0.0, 1.0), (0.99, 0.01))),
    Law("event, probability 0.0001", Event(), 1e-4, 1e-2, 1, points((0.0, 1.0), (1 - 1e-4, 1e-4))),
)
TRUTHS = {  # how far the truth lies from the centre of the acceptance set, in half-widths
    "centre": 0.0,
    "inside the upper edge": 0.999,
    "inside the lower edge": -0.999,
    "outside the upper edge": 1.001,
    "outside the lower edge": -1.001,
}


def calibrate(samples: int, seed: int, laws: tuple[Law, ...] = LAWS) -> list[Rate]:
    """Judge runs of each law, fewer where they are dear, and count the wrong verdicts."""
    rates = []
    for law in laws:
        batches = max(1, round(samples / (BATCH * law.effort)))
        streams = np.random.default_rng([seed, LAWS.index(law)]).spawn(batches)
        counted = [_judge_batch(law, rng) for rng in streams]
        for case, (truth, alpha) in enumerate(product(TRUTHS, ALPHAS)):
            wrong, decided = (sum(count[case][i] for count in counted) for i in range(2))
            n = batches * BATCH
            bound = float(stats.beta.ppf(CERTAINTY, wrong + 1, n - wrong))
            premise = type(law.premise).__name__
            rates.append(Rate(law.name, premise, truth, alpha, n, wrong, bound, decided / n))
    return rates


def _judge_batch(law: Law, rng: Generator) -> list[tuple[int, int]]:
    """Return (wrong, decided) for each truth and alpha."""
    sums, scatter = law.sample(rng, (LOOKS[-1], BATCH))
    seen = [BlockSums(sums[:k], scatter[:k], np.zeros_like(sums[:k])) for k in LOOKS]
    looks = {
        alpha: [law.premise.interval(sample, share(alpha, 1)) for sample in seen]
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


def normal() -> Tilted:
    """Return the standard normal law: Student's interval misses it exactly as often as it says."""

    def sample(rng: Generator, theta: float, size: tuple[int, int]) -> FloatArray:
        return BLOCK * theta + BLOCK**0.5 * rng.standard_normal(size)

    return Tilted("normal", 0.0, lambda theta: theta**2 / 2, sample, -10.0, 10.0)


def tilted_gamma(skewness: float) -> Tilted:
    """Return the Gamma law of unit scale: tilting divides the scale by 1 - theta."""
    shape = 4 / skewness**2

    def sample(rng: Generator, theta: float, size: tuple[int, int]) -> FloatArray:
        return rng.gamma(BLOCK * shape, 1 / (1 - theta), size)

    return Tilted(
        "Gamma", skewness, lambda theta: -shape * float(np.log1p(-theta)), sample, -1e4, 1.0
    )


def tilted_inverse_gaussian(skewness: float) -> Tilted:
    """Return the inverse Gaussian law of mean 1: tilting moves its mean and keeps its shape."""
    shape = 9 / skewness**2

    def root(theta: float) -> float:
        return float(np.sqrt(1 - 2 * theta / shape))

    def sample(rng: Generator, theta: float, size: tuple[int, int]) -> FloatArray:
        return rng.wald(BLOCK / root(theta), BLOCK**2 * shape, size)

    return Tilted(
        "inverse Gaussian",
        skewness,
        lambda theta: shape * (1 - root(theta)),
        sample,
        -1e4,
        shape / 2,
    )


def tilted_indicator(probability: float) -> Tilted:
    """Return an indicator: tilting multiplies its odds by exp(theta)."""

    def total(theta: float) -> float:
        return 1 - probability + probability * float(np.exp(theta))

    def sample(rng: Generator, theta: float, size: tuple[int, int]) -> FloatArray:
        tilted = probability * float(np.exp(theta)) / total(theta)
        return rng.binomial(BLOCK, tilted, size).astype(np.float64)

    skewness = (1 - 2 * probability) / (probability * (1 - probability)) ** 0.5
    return Tilted(
        f"indicator of probability {probability:g}",
        skewness,
        lambda theta: float(np.log(total(theta))),
        sample,
        -20.0,
        20.0,
    )


def rare_row(probability: float, size: float) -> Tilted:
    """Return a squared normal plus, with the given probability, `size` times another one."""

    def parts(theta: float) -> tuple[float, float]:
        return (1 - 2 * theta) ** -0.5, (1 - 2 * size * theta) ** -0.5

    def sample(rng: Generator, theta: float, size_: tuple[int, int]) -> FloatArray:
        _, added = parts(theta)
        odds = probability * added / (1 - probability + probability * added)
        drawn = rng.binomial(BLOCK, odds, size_)
        common = rng.gamma(BLOCK / 2, 2 / (1 - 2 * theta), size_)
        rare = rng.gamma(np.maximum(drawn, 1) / 2, 2 * size / (1 - 2 * size * theta))
        total: FloatArray = common + np.where(drawn > 0, rare, 0.0)
        return total

    def cumulant(theta: float) -> float:
        common, added = parts(theta)
        return float(np.log(common) + np.log1p(probability * (added - 1)))

    m1, m2, m3 = (probability * size**k * c for k, c in ((1, 1), (2, 3), (3, 15)))
    variance, third = 2 + m2 - m1**2, 8 + m3 - 3 * m1 * m2 + 2 * m1**3
    name = f"rare row, probability {probability:g}, {size:g} times as large"
    return Tilted(name, third / variance**1.5, cumulant, sample, -1e3, 1 / (2 * size))


TILTED = (
    tilted_gamma(1.0),
    tilted_gamma(6.3),
    tilted_gamma(30.0),
    tilted_gamma(100.0),
    tilted_gamma(1000.0),
    tilted_inverse_gaussian(6.3),
    tilted_inverse_gaussian(30.0),
    tilted_inverse_gaussian(1000.0),
    tilted_indicator(1e-2),
    tilted_indicator(1e-3),
    tilted_indicator(1e-4),
    rare_row(1e-2, 30.0),
    rare_row(1e-3, 100.0),
)


def misses(
    law: Tilted, premise: Premise, blocks: int, alpha: float, samples: int, rng: Generator
) -> list[Miss]:
    """Estimate how often each end misses the mean at one look, over the share of the interval."""
    mean, variance = law.moments(0.0)
    allowed = share(alpha, 1)
    return [
        _one_end(law, premise, blocks, allowed, samples, rng, end, mean, variance)
        for end in ("upper", "lower")
    ]


def _one_end(
    law: Tilted,
    premise: Premise,
    blocks: int,
    allowed: float,
    samples: int,
    rng: Generator,
    end: str,
    mean: float,
    variance: float,
) -> Miss:
    n, quantile = blocks * BLOCK, float(stats.norm.isf(allowed / 8))
    theta = _tilt(law, mean, variance, n, quantile, -1.0 if end == "upper" else 1.0)
    weights = []
    for count in _batches(samples):
        sums = law.sample(rng, theta, (blocks, count))
        zeros = np.zeros_like(sums)
        lower, upper = premise.interval(BlockSums(sums, zeros, zeros), allowed)
        missed = upper < mean if end == "upper" else lower > mean
        log_ratio = n * law.cumulant(theta) - theta * sums.sum(axis=0)
        weights.append(np.where(missed, np.exp(np.where(missed, log_ratio, 0.0)), 0.0))
    w = np.concatenate(weights) / allowed
    error = w.std() / np.sqrt(len(w))
    name = type(premise).__name__
    hits = int((w > 0).sum())
    bound = float(w.mean() + ERRORS * error)
    return Miss(law.name, law.skewness, name, blocks, end, float(w.mean()), bound, hits)


def _batches(samples: int) -> Iterator[int]:
    for first in range(0, samples, 1000):
        yield min(1000, samples - first)


def _tilt(law: Tilted, mean: float, variance: float, n: int, quantile: float, sign: float) -> float:
    """Return theta at which the mean lies `quantile` standard errors of its own law away."""

    def beyond(theta: float) -> float:
        tilted, spread = law.moments(theta)
        return sign * (tilted - mean) - quantile * np.sqrt(max(spread, 0.0) / n)

    edge = 0.999 * (law.largest if sign > 0 else law.smallest)
    theta = sign * min(1e-3 / np.sqrt(variance), abs(edge) / 2)
    while beyond(theta) < 0 and abs(theta) < abs(edge) / 1.5:
        theta *= 1.5
    if beyond(theta) < 0:  # an end that hardly ever misses: the farthest law there is
        return theta
    return float(optimize.brentq(beyond, theta / 1.5, theta)) if beyond(theta / 1.5) < 0 else theta


def rare_misses(samples: int, seed: int, laws: tuple[Tilted, ...] = TILTED) -> list[Miss]:
    """Estimate the misses of each law at every look at which there is an interval."""
    found = []
    for i, law in enumerate(laws):
        rng = np.random.default_rng([seed, 1000 + i])
        _, variance = law.moments(0.0)
        for blocks in LOOKS:
            if blocks * BLOCK >= ENOUGH * law.skewness**2:
                premise: Premise = KnownSkewness(law.skewness)
                runs = samples * max(1, FULL // blocks)  # few blocks weigh unevenly
                found += misses(law, premise, blocks, ALPHA, runs, rng)
            known = KnownVariance(np.array([variance]))
            found += misses(law, known, blocks, ALPHA, samples // 5, rng)
    return found


def medians(trials: int, seed: int) -> Iterator[Median]:
    """Count how often the order-statistics interval for the median of block means misses the mean.

    Yields
    ------
    Median
        For 16, 64, ..., 2048 blocks.
    """
    nominal = 0.01
    rng = np.random.default_rng([seed, len(LAWS)])
    means = np.empty((LOOKS[-1], trials))
    _sums_of_draws(rng, PARETO, 1 / 1.5, means)
    means = means / BLOCK - 1  # Lomax is Pareto moved to 0
    for blocks in (16, *LOOKS):
        ordered = np.sort(means[:blocks], axis=0)
        rank = int(stats.binom.ppf(nominal / 2, blocks, 0.5)) - 1
        missed = (ordered[rank] > 2) | (ordered[blocks - 1 - rank] < 2)
        yield Median(blocks, nominal, trials, float(missed.mean()))


def table(rates: list[Rate]) -> str:
    """Return one row a law and truth: wrong verdicts, their bound and the share decided."""
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


def rare_table(found: list[Miss]) -> str:
    """Return one row a law and premise: at each look both ends' misses over the share."""
    head = "| law | skewness | known | " + " | ".join(f"{k} blocks" for k in LOOKS) + " |"
    lines = [head, "|" + "---|" * (3 + len(LOOKS))]
    groups: dict[tuple[str, float, str], dict[tuple[int, str], Miss]] = {}
    for miss in found:
        key = miss.law, miss.skewness, miss.premise
        groups.setdefault(key, {})[miss.blocks, miss.end] = miss
    for (law, skewness, premise), ends in groups.items():
        cells = [
            f"{ends[k, 'upper'].bound:.2g}, {ends[k, 'lower'].bound:.2g}"
            if (k, "upper") in ends
            else "no interval"
            for k in LOOKS
        ]
        known = premise.removeprefix("Known").lower()
        lines.append(f"| {law} | {skewness:.3g} | {known} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def medians_table(found: list[Median]) -> str:
    """Return one row a number of blocks."""
    rows = [f"| {m.blocks} | {m.nominal:.0%} | {m.missed:.0%} |" for m in found]
    return "\n".join(["| blocks of 256 | nominal | measured |", "|---|---|---|", *rows])


def main() -> None:
    """Write the tables calibration.md, rare_misses.md and medians.md, and calibration.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=20_000, help="runs of each law")
    parser.add_argument("--tilted", type=int, default=5_000, help="runs of each tilted law")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT, help="repository to write into")
    options = parser.parse_args()
    began = time.perf_counter()
    rates = calibrate(options.samples, options.seed)
    rare = rare_misses(options.tilted, options.seed)
    middle = list(medians(max(options.samples // 20, 100), options.seed))
    seconds = time.perf_counter() - began
    tables = options.out / "docs" / "_tables"
    tables.mkdir(parents=True, exist_ok=True)
    (tables / "calibration.md").write_text(table(rates) + "\n")
    (tables / "rare_misses.md").write_text(rare_table(rare) + "\n")
    (tables / "medians.md").write_text(medians_table(middle) + "\n")
    record = {
        "provenance": environment() | {"seconds": round(seconds, 1)},
        "seed": options.seed,
        "judgements": sum(rate.judgements for rate in rates),
        "rates": [asdict(rate) for rate in rates],
        "rare_misses": [asdict(miss) for miss in rare],
        "medians": [asdict(median) for median in middle],
    }
    target = options.out / "validation" / "calibration.json"
    target.write_text(json.dumps(record, indent=1) + "\n")
    worst = max(rate.bound / rate.alpha for rate in rates)
    rarest = max(miss.bound for miss in rare)
    print(f"{record['judgements']} judgements in {seconds:.0f} s; worst bound over alpha: ")
    print(f"{worst:.2f} counted, {rarest:.2f} of the share of one interval at {ALPHA:g}")


if __name__ == "__main__":
    main()
