"""A paper of one's own is judged and reported; one that is not well formed is refused."""

import json

import numpy as np
import pytest
import sympy

import linsgd
from linsgd.claims import own, problems, registry
from linsgd.claims.case import at_steps
from linsgd.claims.paper import Paper
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.judge import judge
from linsgd.judge.statement import Holds


def draft(named, width=0.1, factor=1.0):
    """Var w after one step without momentum from w* is lr^2 noise_std^2 h / b."""
    case = at_steps(
        named, linsgd.SGD(lr=0.1, batch_size=8), [1], (named.problem.optimum, np.zeros(4))
    )
    variance = factor * 0.01 * named.problem.noise_variance * named.problem.eigenvalues / 8
    return Draft(
        statement="One step from the minimum spreads the weights as the labels' noise says.",
        source=Source.NEW,
        formula=sympy.Symbol("V"),
        regime=case.regime,
        components=case.names("Var w"),
        prediction=variance,
        acceptance=Acceptance.interval(variance, width * variance, "a tenth"),
        mutants={"a factor 2": 2 * variance, "a factor 1/2": variance / 2},
        evidence=case.simulation(case.squares(case.position)),
    )


@pytest.fixture
def mine():
    return Paper("mine", citation="A conjecture")


def test_a_decorated_function_is_a_claim_with_the_functions_name(mine):
    @mine.claim
    def first_step(named):
        return draft(named)

    claim = first_step(problems.gaussian())
    assert (claim.id, claim.paper, claim.problem) == ("mine/first_step", "mine", "gaussian")
    assert claim.citation == "A conjecture"
    assert claim.latex == "V"
    assert "<mi>V</mi>" in claim.mathml
    assert next(iter(judge([claim]))).as_expected


def test_a_claim_may_cite_another_work_than_its_paper(mine):
    @mine.claim
    def cited(named):
        content = {f: getattr(draft(named), f) for f in Draft.__dataclass_fields__}
        return Draft(**content | {"citation": "Somebody else"})

    assert cited(problems.gaussian()).citation == "Somebody else"


def test_a_paper_of_ones_own_is_validated_and_reported(mine, tmp_path):
    @mine.claim(on="law")
    def right(named):
        return draft(named)

    @mine.claim(on="law")
    def wrong(named):
        return draft(named, factor=2.0)

    @mine.claim(on="law", core=False)
    def later(named):
        return draft(named)

    report = linsgd.validate(mine, folder=tmp_path, seed=4)
    assert [(v.id, str(v.outcome)) for v in report.claims] == [
        ("mine/right", "confirmed"),
        ("mine/wrong", "refuted"),
    ]
    assert report.exit_code == 1
    again = "linsgd.validate(mine, problem='gaussian', effort='quick', seed=4)"
    assert report.claims[0].command == again
    assert json.loads((tmp_path / "report.json").read_text())["papers"] == "mine"
    assert "mine/wrong" in (tmp_path / "index.html").read_text()
    assert len(registry.claims(mine, effort="full")) == 3


def test_a_paper_of_ones_own_stands_beside_those_that_ship(mine):
    mine.claim(on="law")(draft)
    claims = registry.claims([mine, "linsgd/excess_loss_curve"], problem="gaussian")
    assert [claim.id for claim in claims] == ["linsgd/excess_loss_curve", "mine/draft"]


def test_statements_are_reported_with_what_their_claims_say(mine):
    @mine.claim(on="law")
    def right(named):
        return draft(named)

    mine.claim(on="law", core=False)(draft)
    mine.state("One step spreads the weights.", Holds.EXACTLY, "", "right")
    mine.state("Later steps too.", Holds.FAILS, "not tried", "draft")
    report = linsgd.validate(mine)
    (statement,) = report.statements
    assert (statement.paper, statement.text, statement.claims) == (
        "mine",
        "One step spreads the weights.",
        ("mine/right",),
    )
    assert linsgd.Report.from_dict(report.to_dict()) == report


@pytest.mark.parametrize("names", [(), ("left",), ("right", "left")])
def test_a_statement_without_claims_of_its_paper_is_refused(mine, names):
    mine.claim(draft)
    with pytest.raises(ValueError, match=r"names = .* is outside its domain"):
        mine.state("Nothing.", Holds.EXACTLY, "", *names)


def test_each_claim_that_ships_belongs_to_a_statement():
    for paper in registry.PAPERS:
        decided = {name for statement in paper.statements for name in statement.claims}
        assert decided == paper.entries.keys()


def test_a_single_claim_of_a_paper_keeps_its_statement(mine):
    mine.claim(on="law", core=False)(draft)
    mine.state("One step spreads the weights.", Holds.EXACTLY, "", "draft")
    single = mine.only("mine/draft")
    assert [claim.id for claim in registry.claims(single)] == ["mine/draft"]
    assert single.statements == mine.statements
    with pytest.raises(ValueError, match="name = 'mine/other' is outside its domain"):
        mine.only("mine/other")


def test_a_paper_that_a_package_declares_is_known_by_name(mine, monkeypatch):
    mine.claim(on="law")(draft)
    monkeypatch.setattr(registry, "installed", lambda: [mine])
    assert [claim.id for claim in registry.claims("mine/draft")] == ["mine/draft"]
    assert {claim.paper for claim in registry.claims("linsgd")} == {"linsgd"}


def test_an_entry_point_that_is_no_paper_is_refused(monkeypatch):
    class Wrong:
        name = "wrong"

        @staticmethod
        def load():
            return 3

    monkeypatch.setattr(own, "entry_points", lambda group: [Wrong])
    with pytest.raises(ValueError, match=r"the entry point wrong of linsgd\.claims = 3"):
        own.installed()


def test_a_claim_that_says_nothing_is_left_out_with_its_reason(mine):
    @mine.claim
    def silent(named):
        raise Inapplicable("there is nothing to say")

    mine.claim(draft)
    selection = registry.select(mine, problem="gaussian")
    assert [claim.id for claim in selection.claims] == ["mine/draft"]
    assert dict(selection.left_out) == {"mine/silent on gaussian": "there is nothing to say"}


@pytest.mark.parametrize("name", ["", "Mine", "mine/own", "1st", "my paper", None, 3])
def test_a_bad_name_of_a_paper_is_refused(name):
    with pytest.raises(ValueError, match=r"name = .* is outside its domain"):
        Paper(name, citation="none")


def test_a_claim_of_a_taken_name_is_refused(mine):
    mine.claim(draft)
    with pytest.raises(ValueError, match="claim = 'mine/draft'"):
        mine.claim(draft)


def test_an_unknown_kind_of_problem_is_refused(mine):
    with pytest.raises(ValueError, match="on = 'laws'"):
        mine.claim(on="laws")


def test_a_function_that_returns_no_draft_is_refused(mine):
    @mine.claim
    def half(named):
        return {"statement": "nothing"}

    with pytest.raises(ValueError, match="what mine/half returns"):
        half(problems.gaussian())


@pytest.mark.parametrize("mutants", [{}, {"double": np.ones(4)}])
def test_a_draft_with_fewer_than_two_mutants_is_refused(mutants):
    made = draft(problems.gaussian())
    content = {f: getattr(made, f) for f in Draft.__dataclass_fields__}
    with pytest.raises(ValueError, match="at least two"):
        Draft(**content | {"mutants": mutants})


@pytest.mark.parametrize("name", ["kunin_2024", "linsgd"])
def test_a_paper_with_the_name_of_another_is_refused(name):
    with pytest.raises(ValueError, match="papers = Paper"):
        registry.claims(Paper(name, citation="another"))
