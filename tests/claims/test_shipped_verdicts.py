"""The shipped claims judged: nightly all of them, always a few cheap ones and other executors."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from linsgd.claims import registry
from linsgd.judge.judge import judge

CHEAP = [
    "linsgd/first_step_is_undampened",
    "kunin_2024/stationary_position_variance",
    "linsgd/stationary_identities",
]


def test_a_few_claims_are_as_expected_on_both_problems():
    verdicts = list(judge(registry.claims(CHEAP), seed=11))
    assert {verdict.problem for verdict in verdicts} == {"gaussian", "diabetes"}
    assert [verdict.id for verdict in verdicts if not verdict.as_expected] == []


def test_threads_change_no_bit():
    chosen = registry.claims("linsgd/excess_loss_curve")
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(3) as three:
        verdicts = [[v.to_dict() for v in judge(chosen, executor=pool)] for pool in (one, three)]
    assert verdicts[0] == verdicts[1]


@pytest.mark.nightly
def test_processes_change_no_bit():
    chosen = registry.claims("linsgd/excess_loss_curve")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        elsewhere = [v.to_dict() for v in judge(chosen, executor=pool)]
    assert elsewhere == [v.to_dict() for v in judge(chosen)]


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_claim_is_as_expected(seed):
    verdicts = list(judge(registry.claims(effort="full"), seed=seed, effort="full"))
    assert [(v.id, v.problem, str(v.outcome)) for v in verdicts if not v.as_expected] == []
