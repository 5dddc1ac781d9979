"""The judge's rules on draws whose law is known: decisions, looks, mutants, independence of company
and executor.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Inapplicable
from linsgd.judge.intervals import Bounded, Event, KnownSkewness, KnownVariance, Unknown
from linsgd.judge.judge import ALPHA, LOOKS, doubt, foreseen, judge, outcome, share, shortage
from linsgd.judge.verdict import Kind, Outcome, Verdict

from .synthetic import claim, numerical


def only(*claims, **options):
    return next(iter(judge(claims, **options)))


def test_a_true_claim_is_confirmed_and_its_mutants_are_killed():
    verdict = only(claim())
    assert verdict.outcome is Outcome.CONFIRMED
    assert verdict.as_expected
    assert [mutant.killed for mutant in verdict.mutants] == [True, True]
    assert 0 < verdict.margin < 1
    assert verdict.kind is Kind.SIMULATION


def test_a_factor_of_two_is_refuted():
    verdict = only(claim(prediction=(2.0,)))
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.margin < 0
    assert verdict.looks == 1


def test_a_mutant_that_is_the_truth_stays_alive():
    wrong = {"the truth": np.array([1.0]), "double": np.array([4.0])}
    verdict = only(claim(prediction=(2.0,), mutants=wrong))
    assert [mutant.killed for mutant in verdict.mutants] == [False, True]


def test_a_width_below_the_noise_is_undecided_at_the_last_look():
    verdict = only(claim(width=6e-3), effort="full")
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.looks == len(LOOKS)
    assert verdict.chains == 2048 * 256


def test_an_effort_that_was_spent_is_not_said_to_have_been_spared():
    """One look is all that the effort buys, and it does not decide."""
    verdict = only(claim(width=1e-4, cost=200_000), effort="quick")
    assert (verdict.outcome, verdict.looks, verdict.note) == (Outcome.UNDECIDED, 1, "")


def test_a_width_far_below_the_noise_is_not_paid_for():
    """At the first look the interval is about 0.04 wide, at the last 0.007."""
    verdict = only(claim(width=1e-4), effort="full")
    assert (verdict.outcome, verdict.looks) == (Outcome.UNDECIDED, 1)
    assert verdict.note.startswith("stopped early: it takes about")
    needed = float(verdict.note.split()[5])
    assert 1e9 < needed < 4e9  # 16384 (0.04 / 1e-4)^2


@pytest.mark.parametrize(
    ("prediction", "found"),
    [(1.04, "confirmed"), (0.96, "confirmed"), (1.062, "refuted"), (0.938, "refuted")],
)
def test_what_more_chains_may_decide_is_not_given_up(prediction, found):
    """The truth lies 0.01 inside an edge of the accepted set, or 0.012 outside it."""
    verdict = only(claim(prediction=(prediction,)), effort="full")
    assert verdict.outcome == found
    assert not verdict.note


def test_a_half_line_that_the_interval_straddles_is_judged_to_the_end():
    edge = Acceptance.above(1.0, 0.5, "the truth itself")
    wrong = {"less": np.zeros(1), "much less": -np.ones(1)}
    made = claim()
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    straddled = type(made)(**fields | {"acceptance": edge, "mutants": wrong})
    assert only(straddled, effort="full").looks == len(LOOKS)


def test_a_narrower_width_buys_more_chains():
    looks = [only(claim(width=width)).looks for width in (0.12, 0.04, 0.015)]
    assert looks == sorted(looks)
    assert looks[0] < looks[-1]


def test_the_effort_limits_the_chains():
    assert only(claim(width=0.02, cost=20_000), effort="quick").chains == 512 * 256


def test_a_first_look_beyond_the_effort_is_not_bought():
    verdict = only(claim(cost=10**9), effort="quick")
    assert (verdict.outcome, verdict.chains) == (Outcome.UNDECIDED, 0)
    assert verdict.note == (
        "not run: would take 1.6e+13 steps x features, the effort allows 4.4e+09"
    )


@pytest.mark.parametrize(
    ("law", "premise", "mean"), [("event", Event(), 0.3), ("uniform", Bounded(0.0, 1.0), 0.5)]
)
def test_events_and_bounded_means_are_confirmed(law, premise, mean):
    verdict = only(claim(law=law, premise=premise, prediction=(mean,), width=0.03))
    assert verdict.as_expected
    assert verdict.components[0].lower < mean < verdict.components[0].upper


def test_a_heavy_observable_gets_no_interval():
    verdict = only(claim(premise=Unknown("a law without a mean")))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.components[0].upper == np.inf


def test_a_claim_beyond_the_effort_says_so_and_draws_no_chain():
    tried = []
    few = claim(premise=KnownSkewness(100.0))
    object.__setattr__(few.evidence.experiment, "sample", lambda *_: tried.append(1))
    verdict = only(few)
    assert verdict.outcome is Outcome.UNDECIDED
    assert (verdict.chains, verdict.looks, tried) == (0, 0, [])
    assert verdict.note == (
        "too skewed for this effort: it takes 4e+06 chains, the effort buys 524,288"
    )
    assert verdict.components[0].lower == -np.inf
    assert shortage(claim(premise=Unknown("no mean")), 2**19) == (
        "too skewed for any effort: no mean"
    )


def test_a_claim_within_the_effort_is_judged_beside_one_that_is_not():
    beyond, within = claim(premise=KnownSkewness(100.0), slug="beyond"), claim(slug="within")
    first, second = judge([beyond, within])
    assert (first.outcome, first.chains) == (Outcome.UNDECIDED, 0)
    assert second.to_dict() == only(within).to_dict()
    assert second.note == ""


def test_a_stated_skewness_decides_at_which_look_there_is_a_verdict():
    assert [only(claim(premise=KnownSkewness(g))).looks for g in (6.0, 12.0, 25.0)] == [1, 3, 5]


def test_a_known_variance_too_large_for_the_width_is_beyond_the_effort():
    needs = [shortage(claim(premise=KnownVariance(np.array([v]))), 2**19) for v in (1.0, 100.0)]
    assert needs[0] == ""
    assert needs[1].startswith("too noisy for this effort: it takes")


def test_a_claim_that_the_effort_may_not_decide_is_named_beforehand_and_measured():
    """Variance 1: 2^14 chains give an interval of half-width 0.04; it is said to be 0.25 to 3."""
    narrow = claim(premise=KnownSkewness(0.0, np.ones(1)), width=0.05, cost=4.4e9 / 2**14)
    beyond = claim(premise=KnownSkewness(0.0, np.ones(1)), width=0.01, cost=4.4e9 / 2**14, slug="b")
    easy = claim(premise=KnownSkewness(0.0, np.ones(1)), width=0.12, cost=4.4e9 / 2**14, slug="c")
    assert foreseen([narrow, beyond, easy]) == (["synthetic/b"], ["synthetic/mean"])
    assert doubt(narrow, 2**14).startswith("may stay undecided at this effort: it takes ")
    verdict = only(narrow)
    assert verdict.chains == 2**14
    assert (verdict.note == "") == verdict.as_expected
    off = only(claim(prediction=(1.03,), premise=narrow.evidence.premise, cost=4.4e9 / 2**14))
    assert off.outcome is Outcome.UNDECIDED
    assert off.note.startswith("may stay undecided at this effort: it takes ")


def test_a_wide_first_interval_is_said_to_stay_wide_before_the_effort_is_spent():
    """Nothing is known of the variance; 2^15 chains give a half-width of 0.03 of 0.035."""
    off = only(claim(prediction=(1.02,), width=0.035, cost=4.4e9 / 2**15))
    assert (off.outcome, off.looks) == (Outcome.UNDECIDED, 2)
    assert "as its first 16,384 chains show" in off.note


def test_an_approximation_near_its_tolerance_is_said_to_need_more_chains():
    """Half of the accepted width is known beforehand to be taken by its error."""
    centred = claim(premise=KnownSkewness(0.0, np.ones(1)), width=0.12)
    off = replace(centred, off_centre=0.5)
    assert doubt(centred, 2**14) == ""
    assert doubt(off, 2**14).startswith("may stay undecided at this effort: it takes ")
    assert shortage(off, 2**14) == ""


def test_diverged_chains_leave_a_claim_undecided():
    verdict = only(claim(law="diverged"))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.components[0].lower == -np.inf
    assert not any(mutant.killed for mutant in verdict.mutants)


def test_every_component_must_agree():
    assert only(claim(prediction=(1.0, 1.0, 1.0))).outcome is Outcome.CONFIRMED
    wrong = {"half": np.full(3, 0.5), "double": np.full(3, 2.0)}
    assert only(claim(prediction=(1.0, 1.3, 1.0), mutants=wrong)).outcome is Outcome.REFUTED


def test_a_claim_alone_and_in_company_gets_the_same_verdict():
    wide, narrow = claim(width=0.1, slug="wide"), claim(width=0.012, slug="narrow")
    alone = [only(wide), only(narrow)]
    together = list(judge([wide, narrow]))
    assert [v.to_dict() for v in alone] == [v.to_dict() for v in together]
    assert together[0].looks < together[1].looks


def test_the_executor_and_a_resume_change_no_bit(tmp_path):
    claims = [
        claim(width=0.03, slug="a"),
        claim(law="event", premise=Event(), prediction=(0.3,), width=0.02, slug="b"),
    ]
    plain = [v.to_dict() for v in judge(claims)]
    with ThreadPoolExecutor(3) as pool:
        assert [v.to_dict() for v in judge(claims, executor=pool, checkpoint=tmp_path)] == plain
    files = sorted(tmp_path.glob("*.npz"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:100])
    assert [v.to_dict() for v in judge(claims, checkpoint=tmp_path)] == plain


def test_a_changed_claim_does_not_read_the_old_blocks(tmp_path):
    first = only(claim(), checkpoint=tmp_path)
    second = only(claim(premise=KnownSkewness(0.0), prediction=(2.0,)), seed=1, checkpoint=tmp_path)
    assert first.components[0].estimate != second.components[0].estimate


def test_a_numerical_claim_is_decided_by_its_enclosure():
    assert only(numerical(0.99, 1.01)).outcome is Outcome.CONFIRMED
    assert only(numerical(0.9, 1.01)).outcome is Outcome.UNDECIDED
    verdict = only(numerical(1.2, 1.3))
    assert verdict.outcome is Outcome.REFUTED
    assert (verdict.kind, verdict.chains, verdict.alpha) == (Kind.NUMERICAL, 0, 0.0)


def test_a_verdict_survives_json():
    verdict = only(claim(premise=Unknown("a law without a mean")))
    again = Verdict.from_dict(json.loads(json.dumps(verdict.to_dict())))
    assert again.to_dict() == verdict.to_dict()
    assert again.outcome is Outcome.UNDECIDED
    assert not again.as_expected


def test_progress_counts_claims():
    seen = []
    list(
        judge(
            [claim(slug="a"), claim(slug="b")],
            progress=lambda done, total: seen.append((done, total)),
        )
    )
    assert seen == [(1, 2), (2, 2)]


def test_the_shares_of_a_claim_add_up_to_its_error():
    assert share(ALPHA, 7) * 7 * len(LOOKS) == pytest.approx(ALPHA)


def test_near_or_single_mutants_are_refused():
    near = {"near": np.array([1.15]), "double": np.array([2.0])}
    with pytest.raises(Inapplicable, match="'near'"):
        claim(mutants=near)
    with pytest.raises(ValueError, match="at least two"):
        claim(mutants={"double": np.array([2.0])})


def test_half_lines():
    accepted = Acceptance.above(1.0, 0.5, "half")
    assert outcome(accepted, np.array([1.1]), np.array([3.0])) is Outcome.CONFIRMED
    assert outcome(accepted, np.array([0.1]), np.array([0.9])) is Outcome.REFUTED
    assert outcome(accepted, np.array([0.9]), np.array([1.1])) is Outcome.UNDECIDED
    assert accepted.is_clear_of(np.array([0.5]))
    assert not accepted.is_clear_of(np.array([0.6]))
    assert Acceptance.below(1.0, 0.5, "half").margin(
        np.array([0.1]), np.array([0.75])
    ) == pytest.approx(0.5)
    assert accepted.margin(np.array([-np.inf]), np.array([np.inf])) == -np.inf


@pytest.mark.parametrize("bad", [{"seed": -1}, {"effort": "endless"}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        only(claim(), **bad)
