"""Claims on networks: tiny runs through the judge, and the interval over seeds."""

from dataclasses import replace

import numpy as np
import pytest

import linsgd
from linsgd.claims import registry
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Replicates
from linsgd.judge.judge import judge
from linsgd.judge.verdict import Kind, Outcome

pytest.importorskip("torch")
pytest.importorskip("sklearn")
from linsgd.claims.networks import networks
from linsgd.claims.networks.minima import LinearChains, Minima
from linsgd.claims.networks.runs import Perceptrons, ResidualNets
from linsgd.claims.networks.training import batches

EARLY = {  # made on records that the tiny runs do not reach
    "networks/exponent_above_one_is_drift",
    "networks/exponent_falls_with_length_from_scratch",
}
TINY = {
    Perceptrons: {"seeds": 2, "steps": 700, "rows": 448, "hidden": 8, "directions": 6},
    ResidualNets: {"seeds": 2, "steps": 24, "rows": 96, "directions": 2},
    Minima: {"seeds": 2, "steps": 40, "rows": 256, "directions": 6},
    LinearChains: {"seeds": 2, "chains": 64, "steps": 30},
}


class Draws:
    """Numbers of mean 1 and standard deviation 0.02."""

    seeds = 6

    def __init__(self, calls):
        self.calls = calls

    def fingerprint(self):
        return "draws"

    def measure(self, seed):
        self.calls.append(seed)
        return {"x": 1 + 0.02 * np.random.default_rng(seed).normal(size=2)}


def on_draws(prediction, calls=None):
    """A claim that the mean of the draws is the prediction, with the words of another."""
    claim = registry.claims("networks/fluctuation_dissipation")[0]
    accepted = Acceptance.interval([prediction] * 2, 0.4, "for the test")
    evidence = Replicates(runs=Draws([] if calls is None else calls), observable=lambda x: x["x"])
    return replace(
        claim,
        components=("a", "b"),
        prediction=np.array([prediction] * 2),
        acceptance=accepted,
        mutants={"far": np.array([9.0, 9.0]), "below": np.array([-9.0, -9.0])},
        evidence=evidence,
    )


def test_a_mean_over_seeds_is_confirmed_and_another_refuted(tmp_path):
    calls = []
    (found,) = judge([on_draws(1.0, calls)], checkpoint=tmp_path)
    assert (found.outcome, found.kind, found.chains) == (Outcome.CONFIRMED, Kind.SIMULATION, 6)
    assert found.as_expected
    assert sorted(calls) == list(range(6))
    (again,) = judge([on_draws(1.0, calls)], checkpoint=tmp_path)
    assert len(calls) == 6  # every run was kept
    assert again == found
    (other,) = judge([on_draws(2.0)])
    assert other.outcome is Outcome.REFUTED
    values = np.array([Draws([]).measure(i)["x"] for i in range(6)])
    half = 6.8688 / np.sqrt(6) * values.std(axis=0, ddof=1)  # Student, 5 degrees, 1 - 0.0005
    wide = [c.upper - c.lower for c in found.components]
    assert (np.array(wide) > 2 * half).all()  # split over two components


def test_the_claims_are_judged_only_where_they_are_named():
    assert len(networks.entries) >= 16
    assert not any(claim.startswith("networks/") for claim in named("all"))
    assert len(named("networks")) == len(networks.entries)
    stated = {name for statement in networks.statements for name in statement.claims}
    assert stated == set(networks.entries)


def named(papers):
    return [claim.id for claim in registry.claims(papers, problem="digits")]


@pytest.fixture(scope="module")
def small():
    """Every claim on tiny runs."""
    made = []
    for claim in registry.claims("networks"):
        if claim.id in EARLY:
            continue
        runs = claim.evidence.runs
        evidence = replace(claim.evidence, runs=replace(runs, **TINY[type(runs)]))
        made.append(replace(claim, evidence=evidence))
    return {verdict.id: verdict for verdict in judge(made)}


def test_every_claim_measures_numbers_on_tiny_runs(small):
    assert len(small) == len(networks.entries) - len(EARLY)
    long = {"exponent_does_not_depend_on_the_batch", "stationary_exponent_below_one"}
    for verdict in small.values():
        if verdict.id.partition("/")[2] not in long:  # whose lags the tiny records do not reach
            assert all(np.isfinite(c.estimate) for c in verdict.components), verdict.id


def test_the_sampling_schemes_are_told_apart_even_there(small):
    fixed, independent = (
        small[f"networks/{name}"].components[0].estimate
        for name in ("a_fixed_order_returns", "independent_batches_do_not_dip")
    )
    assert fixed < 0.5 < 1.0 < independent


def test_a_linear_model_has_the_exact_displacement():
    problem = registry.digits().problem
    runs = LinearChains(problem, chains=400, steps=20)
    found = np.array([runs.measure(seed)["displacement"][0] for seed in range(2)]).mean()
    exact = linsgd.displacement(problem, runs.sgd, [20], start=None).global_msd[0]
    assert found == pytest.approx(exact, rel=0.05)


def test_each_scheme_draws_its_rows():
    sgd = linsgd.SGD(lr=0.1, batch_size=4, sampling="fixed")
    drawn = batches(sgd, 12, np.random.default_rng(0))
    epochs = np.array([next(drawn) for _ in range(6)]).reshape(2, 12)
    assert sorted(epochs[0]) == list(range(12))
    assert (epochs[0] == epochs[1]).all()
    reshuffled = batches(replace(sgd, sampling="epoch"), 12, np.random.default_rng(0))
    epochs = np.array([next(reshuffled) for _ in range(6)]).reshape(2, 12)
    assert sorted(epochs[1]) == list(range(12))
    assert (epochs[0] != epochs[1]).any()
