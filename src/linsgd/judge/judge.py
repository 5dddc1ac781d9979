r"""The judge: looks at 64, 128, ..., 2048 blocks of 256 chains, up to a decision or the budget.

Before any chain is drawn, a claim that the effort cannot decide, as its premise shows, is left
undecided with a note that says how many chains it would take; so is one whose first look takes more
than the effort, and, after a look, one whose interval cannot become narrow enough. A claim that the
effort may or may not decide is named as doubtful, by its premise beforehand (`foreseen`) or after
its first look, and measured all the same; if it stays undecided its note says so.

Each claim has its own error alpha = 1e-5, split evenly over its components and the looks
(Bonferroni), so that all its intervals hold together with probability 1 - alpha, and a verdict at
whichever look comes first is wrong with probability at most alpha. A claim is settled at the first
look that decides it and its mutants; chains bought later for another claim on the same ensemble do
not change its verdict.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from linsgd import domains
from linsgd.blocks import map_blocks, own_source
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Claim, Draft, Enclosure, Replicates, Runs, Simulation
from linsgd.judge.experiment import Experiment, canonical, seed_of
from linsgd.judge.intervals import (
    BLOCK,
    ENOUGH,
    BlockSums,
    Bounded,
    Event,
    KnownSkewness,
    Unknown,
    student,
    whole_line,
)
from linsgd.judge.verdict import Component, Mutant, Outcome, Verdict
from linsgd.result import environment

ALPHA = 1e-5
LOOKS = (64, 128, 256, 512, 1024, 2048)  # blocks
ROOM = 0.6  # of an accepted half-width that an interval has for sure; the rest for its centre
SCHEDULED = 32  # judging blocks a task
Effort: TypeAlias = Literal["quick", "full"]
EFFORT: dict[Effort, float] = {"quick": 4.4e9, "full": np.inf}  # steps x features an experiment
LUCK = 0.8  # of the width expected at a later look, which its estimate may exceed by as much
SUSPECT = 0.2  # of an interval's half-width, a standard error: what chance moves an estimate by

Progress = Callable[[int, int], None]
Ledger = Mapping[str, FloatArray]


def judge(
    claims: Sequence[Claim],
    seed: int = 0,
    effort: Effort = "quick",
    executor: Executor | None = None,
    checkpoint: Path | str | None = None,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Iterator[Verdict]:
    """Judge claims, simulating each ensemble once.

    Parameters
    ----------
    claims : sequence of Claim
        What to judge.
    seed : int
        The campaign's seed, at least 0.
    effort : {"quick", "full"}
        The budget of each experiment in steps x features.
    executor : concurrent.futures.Executor, optional
        Where blocks of chains run; threads by default.
    checkpoint : path, optional
        Folder for finished blocks; an interrupted run started again fills the gaps.
    progress : callable, optional
        Called with (claims judged, claims) after each verdict.
    announce : callable, optional
        Called with the id of a claim and the number of chains before its experiment is simulated.

    Yields
    ------
    Verdict
        Grouped by experiment, in the order in which the experiments first appear.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.
    """
    domains.integer("seed", seed, "[0, inf)")
    domains.choice("effort", effort, tuple(EFFORT))
    budget = EFFORT[effort]
    run = _Run(seed, budget, executor, checkpoint, announce)
    done = itertools.count(1)
    for group in _by_experiment(claims):
        for verdict in run.verdicts(group):
            if progress is not None:
                progress(next(done), len(claims))
            yield verdict


def share(alpha: float, components: int) -> float:
    """Return the error of one interval: alpha split over components and looks."""
    return alpha / (components * len(LOOKS))


def outcome(acceptance: Acceptance, lower: FloatArray, upper: FloatArray) -> Outcome:
    """Compare a confidence box (m,) with an acceptance set.

    Examples
    --------
    >>> accepted = Acceptance.interval([1.0], [0.1], "a tenth")
    >>> str(outcome(accepted, np.array([0.95]), np.array([1.02])))
    'confirmed'
    """
    if acceptance.excludes(lower, upper).any():
        return Outcome.REFUTED
    return Outcome.CONFIRMED if acceptance.contains(lower, upper).all() else Outcome.UNDECIDED


@dataclass(frozen=True, slots=True)
class Blocks:
    """The task of one scheduled block: simulate its chains and reduce them for every claim."""

    experiment: Experiment
    measurements: Mapping[str, Simulation]
    seed: int

    def __call__(self, chains: range) -> Ledger:
        """Return for each claim the three sums of each block (blocks, 3, m)."""
        states = self.experiment.sample(chains, self.seed)
        ledger: dict[str, FloatArray] = {}
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # diverged chains: their interval is the whole line
            for name, measurement in self.measurements.items():
                values = measurement.observable(states)
                values = values.reshape(-1, BLOCK, values.shape[-1])
                sums = values.sum(axis=1)
                apart = values - sums[:, None] / BLOCK
                powers = [(apart**2).sum(axis=1), (apart**3).sum(axis=1)]
                ledger[name] = np.stack([sums, *powers], axis=1)
        return ledger


@dataclass(frozen=True, slots=True)
class _Measured:
    """The task of one whole run, numbered by the start of its block."""

    runs: Runs

    def __call__(self, block: range) -> Ledger:
        """Return the arrays of the run."""
        return self.runs.measure(block.start)


@dataclass(frozen=True, slots=True)
class _Run:
    seed: int
    budget: float
    executor: Executor | None
    checkpoint: Path | str | None
    announce: Callable[[str], None] | None

    def verdicts(self, claims: Sequence[Claim]) -> Iterator[Verdict]:
        """Judge claims that share an experiment, or one numerical claim.

        Yields
        ------
        Verdict
            In the order of the claims.
        """
        if isinstance(claims[0].evidence, Enclosure):
            lower, upper = claims[0].evidence.enclose()
            yield _verdict(claims[0], (lower + upper) / 2, lower, upper, 0)
        elif isinstance(claims[0].evidence, Replicates):
            yield from self._replicated(claims, claims[0].evidence.runs)
        else:
            yield from self._simulated(claims)

    def _replicated(self, claims: Sequence[Claim], runs: Runs) -> Iterator[Verdict]:
        """Make the runs, one a block, and judge all claims on them.

        Yields
        ------
        Verdict
            In the order of the claims.
        """
        if self.announce is not None:
            self.announce(f"{claims[0].id}, {runs.seeds} runs")
        first = self.seed * runs.seeds
        parts = [runs.fingerprint(), own_source(type(runs)), json.dumps(environment())]
        found = map_blocks(
            _Measured(runs),
            [range(i, i + 1) for i in range(first, first + runs.seeds)],
            key=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
            executor=self.executor,
            checkpoint=self.checkpoint,
        )
        measured = list(found)
        for claim in claims:
            evidence = claim.evidence
            assert isinstance(evidence, Replicates)
            values = np.array([np.atleast_1d(evidence.observable(one)) for one in measured])
            lower, upper = student(values, evidence.error / values.shape[1])
            verdict = _verdict(claim, values.mean(axis=0), lower, upper, 1)
            yield replace(verdict, alpha=evidence.error, chains=runs.seeds)

    def _simulated(self, claims: Sequence[Claim]) -> Iterator[Verdict]:
        experiment = _measurement(claims[0]).experiment
        looks = _looks(experiment, self.budget)
        shortages = {claim.id: self._shortage(claim, looks) for claim in claims}
        settled = {c.id: _unjudged(c, shortages[c.id]) for c in claims if shortages[c.id]}
        pending = [claim for claim in claims if not shortages[claim.id]]
        doubts = {claim.id: doubt(claim, looks[-1] * BLOCK) for claim in pending}
        measurements = {claim.id: _measurement(claim) for claim in pending}
        task = Blocks(experiment, measurements, seed_of(experiment, self.seed))
        ledgers: list[Ledger] = []
        for look, blocks in enumerate(looks, start=1):
            if not pending:
                break
            if self.announce is not None:
                self.announce(f"{pending[0].id}, {blocks * BLOCK:,} chains")
            bought = [
                range(i * BLOCK, (i + SCHEDULED) * BLOCK)
                for i in range(len(ledgers) * SCHEDULED, blocks, SCHEDULED)
            ]
            ledgers += map_blocks(
                task,
                bought,
                key=_key(task),
                executor=self.executor,
                checkpoint=self.checkpoint,
            )
            for claim in pending:
                verdict = _look(claim, ledgers, look)
                note = "" if blocks < looks[-1] else doubts[claim.id]
                if blocks < looks[-1]:
                    note = hopeless(claim, verdict, looks[-1])
                    doubts[claim.id] = doubts[claim.id] or _wide(claim, verdict, looks[-1])
                opened = verdict.outcome is not Outcome.REFUTED and not verdict.as_expected
                settled[claim.id] = replace(verdict, note=note if opened else "")
            pending = [claim for claim in pending if not _ended(claim, settled[claim.id])]
        yield from (settled[claim.id] for claim in claims)

    def _shortage(self, claim: Claim, looks: list[int]) -> str:
        """Return why the effort cannot decide a claim, as far as that is known before; else ""."""
        if looks:
            return shortage(claim, looks[-1] * BLOCK)
        first = LOOKS[0] * BLOCK * _measurement(claim).experiment.cost
        return (
            f"not run: would take {first:.2g} steps x features, the effort allows {self.budget:.2g}"
        )


def _looks(experiment: Experiment, budget: float) -> list[int]:
    """Return the looks that the budget buys, maybe none."""
    return [blocks for blocks in LOOKS if blocks * BLOCK * experiment.cost <= budget]


def work(claims: Sequence[Claim], effort: Effort = "quick") -> tuple[float, float]:
    """Return the least and the most that judging takes, in steps times features.

    The least is one look at every experiment that the effort buys, the most all its looks.
    """
    least, most = 0.0, 0.0
    for group in _by_experiment(claims):
        if isinstance(group[0].evidence, Simulation):
            experiment = group[0].evidence.experiment
            looks = _looks(experiment, EFFORT[effort])
            if looks and not all(shortage(claim, looks[-1] * BLOCK) for claim in group):
                least += looks[0] * BLOCK * experiment.cost
                most += looks[-1] * BLOCK * experiment.cost
    return least, most


def foreseen(claims: Sequence[Claim], effort: Effort = "quick") -> tuple[list[str], list[str]]:
    """Return the ids of the claims that the effort cannot decide, and of those that it may not."""
    undecidable, doubtful = [], []
    for claim in claims:
        if isinstance(claim.evidence, Simulation):
            looks = _looks(claim.evidence.experiment, EFFORT[effort])
            if not looks or shortage(claim, looks[-1] * BLOCK):
                undecidable.append(claim.id)
            elif doubt(claim, looks[-1] * BLOCK):
                doubtful.append(claim.id)
    return undecidable, doubtful


def shortage(claim: Draft, chains: int) -> str:
    """Return why `chains` chains cannot decide a claim, as far as its premise shows; else ""."""
    premise, (least, _) = _measurement(claim).premise, _chains_needed(claim)
    if least <= chains:
        return ""
    if isinstance(premise, Unknown):
        return f"too skewed for any effort: {premise.reason}"
    skewed = isinstance(premise, KnownSkewness) and least == ENOUGH * premise.skewness**2
    why = "too skewed" if skewed else "too noisy"
    return f"{why} for this effort: it takes {least:.2g} chains, the effort buys {chains:,}"


def doubt(claim: Draft, chains: int) -> str:
    """Return why `chains` chains may not decide a claim, as far as its premise shows; else ""."""
    least, most = _chains_needed(claim)
    if most <= chains:
        return ""
    return (
        f"may stay undecided at this effort: it takes {least:.2g} to {most:.2g} chains, the effort "
        f"buys {chains:,}"
    )


def _wide(claim: Claim, verdict: Verdict, last: int) -> str:
    """Return why the interval of a look may stay too wide at `last` blocks; else "".

    It is expected to narrow as the root of the chains.
    """
    lower, upper = (
        np.array([getattr(component, end) for component in verdict.components])
        for end in ("lower", "upper")
    )
    if not np.isfinite(upper - lower).all():
        return (
            f"may stay undecided at this effort: its first {verdict.chains:,} chains are more "
            "skewed than was expected"
        )
    narrowed = np.sqrt(verdict.chains / (last * BLOCK)) * (upper - lower) / 2
    room = _room(claim)
    if (narrowed <= room).all():
        return ""
    with np.errstate(over="ignore", divide="ignore"):
        most = last * BLOCK * float(np.max(np.square(narrowed / room)))
    return (
        f"may stay undecided at this effort, as its first {verdict.chains:,} chains show: it takes "
        f"up to {most:.2g} chains, the effort buys {last * BLOCK:,}"
    )


def _half_width(claim: Draft) -> FloatArray:
    """Return the distance (m,) from the prediction to the nearest edge of the acceptance set."""
    accepted, at = claim.acceptance, claim.prediction
    width: FloatArray = np.minimum(at - accepted.lower, accepted.upper - at)
    return width


def _chains_needed(claim: Draft) -> tuple[float, float]:
    """Return the chains with which an interval fits if it is centred, and if it is off centre."""
    width, premise = _half_width(claim), _measurement(claim).premise
    error = share(ALPHA, width.size)
    least, _ = premise.chains_needed(error, width)
    _, most = premise.chains_needed(error, _room(claim))
    return least, most


def _room(claim: Draft) -> FloatArray:
    """Return the half-width (m,) of an interval that decides a claim for sure."""
    room: FloatArray = ROOM * (1 - claim.off_centre) * _half_width(claim)
    return room


def _measurement(claim: Draft) -> Simulation:
    assert isinstance(claim.evidence, Simulation)
    return claim.evidence


def _look(claim: Claim, ledgers: Sequence[Ledger], look: int) -> Verdict:
    sums, scatter, cubes = np.concatenate([ledger[claim.id] for ledger in ledgers]).swapaxes(0, 1)
    seen = BlockSums(sums, scatter, cubes)
    error = share(ALPHA, sums.shape[1])
    if np.isfinite(sums).all():
        lower, upper = _measurement(claim).premise.interval(seen, error)
    else:  # a chain has diverged
        lower, upper = whole_line(sums.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        estimate = seen.means.mean(axis=0)
    return _verdict(claim, estimate, lower, upper, look)


def _unjudged(claim: Claim, note: str) -> Verdict:
    """Return the verdict on a claim for which no chain is drawn."""
    lower, upper = whole_line(claim.prediction.size)
    return _verdict(claim, np.full(lower.shape, np.nan), lower, upper, 0, note)


def hopeless(claim: Claim, verdict: Verdict, last: int) -> str:
    """Return why an undecided claim cannot be decided by `last` blocks either; else "".

    The interval is expected to narrow as the root of the chains. If even the best centre in the
    interval seen so far confirms nothing then, and the estimate is not so far from the accepted set
    that more chains may well refute the claim, none are drawn.
    """
    lower, upper, estimate = (
        np.array([getattr(component, number) for component in verdict.components])
        for number in ("lower", "upper", "estimate")
    )
    if verdict.outcome is not Outcome.UNDECIDED or not np.isfinite(upper - lower).all():
        return ""
    accepted, chains = claim.acceptance, verdict.chains
    radius = LUCK * np.sqrt(chains / (last * BLOCK)) * (upper - lower) / 2
    with np.errstate(invalid="ignore"):
        middle = (accepted.lower + accepted.upper) / 2  # infinite for a half-line
    best = np.clip(middle, lower, upper)
    if accepted.contains(best - radius, best + radius).all():
        return ""
    suspect = radius + SUSPECT * (upper - lower) / 2
    if accepted.excludes(estimate - suspect, estimate + suspect).any():
        return ""
    room = np.minimum(best - accepted.lower, accepted.upper - best)
    with np.errstate(divide="ignore"):
        needed = chains * float(np.max(np.square((upper - lower) / 2 / np.maximum(room, 0.0))))
    return f"stopped early: it takes about {needed:.2g} chains, the effort buys {last * BLOCK:,}"


def _ended(claim: Claim, verdict: Verdict) -> bool:
    """Return whether no later look is needed."""
    if verdict.outcome is not Outcome.CONFIRMED:
        return verdict.outcome is Outcome.REFUTED or bool(verdict.note)
    return all(mutant.killed for mutant in verdict.mutants)


def _by_experiment(claims: Sequence[Claim]) -> list[list[Claim]]:
    groups: dict[str, list[Claim]] = {}
    for claim in claims:
        evidence = claim.evidence
        key = f"{claim.id} {claim.problem}"
        if isinstance(evidence, Simulation):
            key = evidence.experiment.fingerprint()
        elif isinstance(evidence, Replicates):
            key = evidence.runs.fingerprint()
        groups.setdefault(key, []).append(claim)
    return list(groups.values())


def _key(task: Blocks) -> str:
    measured = (
        f"{name} {canonical(measurement.observable)}"
        for name, measurement in task.measurements.items()
    )
    kinds = {type(task.experiment), *(type(m.observable) for m in task.measurements.values())}
    code = sorted(map(own_source, kinds))
    parts = [task.experiment.fingerprint(), str(task.seed), *measured, *code]
    return hashlib.sha256("\n".join([*parts, json.dumps(environment())]).encode()).hexdigest()


def _verdict(
    claim: Claim,
    estimate: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    look: int,
    note: str = "",
) -> Verdict:
    accepted = claim.acceptance
    return Verdict(
        id=claim.id,
        paper=claim.paper,
        kind=claim.kind,
        problem=claim.problem,
        statement=claim.statement,
        citation=claim.citation,
        source=str(claim.source),
        formula=claim.latex,
        formula_mathml=claim.mathml,
        regime=claim.regime,
        reason=accepted.reason,
        alpha=ALPHA if look else 0.0,
        chains=LOOKS[look - 1] * BLOCK if look else 0,
        looks=look,
        outcome=outcome(accepted, lower, upper),
        components=_components(claim, estimate, lower, upper),
        mutants=_mutants(claim, lower, upper),
        margin=accepted.margin(lower, upper),
        note=note,
        approximation_error=claim.approximation_error,
    )


def _components(
    claim: Claim, estimate: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[Component, ...]:
    """Return prediction, acceptance set, estimate and interval of every component."""
    accepted, support = claim.acceptance, _support(claim)
    return tuple(
        Component(
            name=name,
            prediction=float(claim.prediction[i]),
            acceptance_lower=float(accepted.lower[i]),
            acceptance_upper=float(accepted.upper[i]),
            estimate=float(estimate[i]),
            lower=float(lower[i]),
            upper=float(upper[i]),
            support_lower=support[0],
            support_upper=support[1],
        )
        for i, name in enumerate(claim.components)
    )


def _mutants(claim: Claim, lower: FloatArray, upper: FloatArray) -> tuple[Mutant, ...]:
    """Return the wrong predictions, killed where the interval refutes the set around them."""
    return tuple(
        Mutant(
            name=name,
            prediction=tuple(map(float, wrong)),
            killed=outcome(claim.acceptance.around(wrong), lower, upper) is Outcome.REFUTED,
        )
        for name, wrong in claim.mutants.items()
    )


def _support(claim: Claim) -> tuple[float, float]:
    """Return the values that the measured quantity can take, as far as they are stated."""
    evidence = claim.evidence
    if isinstance(evidence, Simulation) and isinstance(evidence.premise, Bounded):
        return evidence.premise.lower, evidence.premise.upper
    if isinstance(evidence, Simulation) and isinstance(evidence.premise, Event):
        return 0.0, 1.0
    return -math.inf, math.inf
