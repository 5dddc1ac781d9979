"""What the exact theory decides of an approximation, a tendency and an enclosure beforehand."""

import numpy as np
import pytest
import sympy

from linsgd.claims.approximation import approximation, larger_than, resolved, told_apart
from linsgd.judge.acceptance import Acceptance, Inapplicable

V = sympy.Symbol("V")
MUTANTS = {"a factor 2 lost": np.array([0.5]), "a factor 2 too many": np.array([2.0])}


def fields(exact, approximate=1.0, width=0.1, mutants=None):
    return approximation(
        exact=np.atleast_1d(exact).astype(float),
        approximate=np.atleast_1d(approximate).astype(float),
        width=width,
        reason="a tenth",
        statement="The variance is 1.",
        formula=sympy.Eq(V, 1),
        mutants=MUTANTS if mutants is None else mutants,
    )


@pytest.mark.parametrize(
    ("exact", "prediction", "half", "fails"),
    [
        (1.05, 1.0, 0.1, False),
        (1.08, 1.08, 0.1, False),
        (1.12, 1.12, 0.1, True),
        (1.9, 1.9, 0.1, True),
        (1.18, 1.18, 0.04, True),
        (0.5, 0.5, 0.1, True),
    ],
)
def test_the_exact_theory_says_whether_it_holds(exact, prediction, half, fails):
    made = fields(exact)
    assert made["prediction"] == pytest.approx([prediction])
    assert made["acceptance"].unit == pytest.approx([half])
    assert made["approximation_error"] == pytest.approx(abs(exact - 1) / 0.1)
    assert made.get("off_centre", 0.0) == pytest.approx(abs(exact - made["prediction"][0]) / half)
    assert made["statement"].startswith("Fails on this problem, by") == fails
    assert isinstance(made["formula"], sympy.Ne if fails else sympy.Eq)


@pytest.mark.parametrize("exact", [0.2, 0.8, 1.02, 1.1, 1.2, 3.0])
def test_the_exact_value_is_accepted_and_a_factor_two_is_not(exact):
    accepted = fields(exact)["acceptance"]
    value = np.array([exact])
    assert accepted.contains(value, value).all()
    assert not accepted.contains(2 * value, 2 * value).any()
    assert np.min(accepted.upper - value) >= accepted.unit[0] / 3 - 1e-12


def test_a_clear_failure_excludes_the_approximation_and_its_mirror():
    made = fields(1.4)
    for wrong in made["mutants"].values():
        assert made["acceptance"].is_clear_of(wrong)
    assert made["mutants"]["the approximation holds"] == [1.0]


def test_one_component_that_fails_is_enough():
    made = fields([1.0, 1.3], [1.0, 1.0], mutants={})
    np.testing.assert_allclose(made["acceptance"].unit, [0.1, 0.3 / 4.5])
    assert made["approximation_error"] == pytest.approx(3)
    assert made["statement"].startswith("Fails on this problem, by 3 times")


@pytest.mark.parametrize(("exact", "approximate"), [(np.inf, 1.0), (1.0, np.nan)])
def test_without_a_finite_value_there_is_no_claim(exact, approximate):
    with pytest.raises(Inapplicable, match="has no finite value on these data"):
        fields(exact, approximate)


def test_rivals_that_come_out_alike_are_no_mutants():
    accepted = Acceptance.interval([1.0], [0.1], "a tenth")
    near = {**MUTANTS, "a limit that holds here": np.array([1.2])}
    assert set(told_apart(accepted, near)) == set(MUTANTS)
    with pytest.raises(Inapplicable, match="do not tell the prediction from its rivals: a limit"):
        told_apart(accepted, {"a limit": np.array([1.01]), "twice": np.array([2.0])})
    with pytest.raises(Inapplicable):
        told_apart(accepted, {"divergent": np.array([np.inf]), "twice": np.array([2.0])})


def test_a_tendency_is_claimed_where_the_exact_value_is_clearly_beyond_the_edge():
    mutants = {"none": np.array([1.0]), "less": np.array([0.5])}
    made = larger_than(1.1, 0.09, "a tenth", 1.14, mutants)
    assert made["prediction"] == [1.14]
    assert made["acceptance"].half_line
    for exact in (1.12, 1.0, np.nan):
        with pytest.raises(Inapplicable):
            larger_than(1.1, 0.09, "a tenth", exact, mutants)


def test_an_enclosure_is_computed_once_and_must_be_narrow():
    calls = []

    def enclose():
        calls.append(1)
        return np.array([0.9]), np.array([1.1])

    centre, evidence = resolved(enclose, 0.4, "the order")
    assert centre == pytest.approx([1.0])
    assert evidence.enclose()[0] == [0.9]
    assert len(calls) == 1
    for width in (0.2, np.nan):
        with pytest.raises(Inapplicable, match=r"the order is known to within 0\.1 only"):
            resolved(enclose, width, "the order")
