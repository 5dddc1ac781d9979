"""Which components are points of a curve, and what its figure shows."""

import math
import re
from xml.etree import ElementTree

import pytest

from linsgd.judge.verdict import Mutant, Outcome
from linsgd.report.curve_figure import curve_figure
from linsgd.report.curves import curves
from linsgd.report.page import page

SURVIVAL = {f"P(|w| > {t})": 0.5 / t**1.5 for t in (5, 20, 80)}
PATHS = [f"E w, mode {h}, step {k}" for k in (6, 12, 24) for h in (0.25, 0.5, 1, 2, 3, 4)]
TWO = [f"{quantity}, less 1, mode {i}" for quantity in ("E w", "E v") for i in range(3)]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (list(SURVIVAL), [("P(|w| > x)", "x", 1)]),
        (PATHS, [("E w, mode …", "step", 6)]),
        (TWO, [("E w, less 1", "mode", 1), ("E v, less 1", "mode", 1)]),
        ([f"Var w, mode of {h}" for h in ("1e-05", 2, 3.5)], [("Var w", "mode of", 1)]),
        ([f"gap over lr, batch {b}" for b in (1, 2, 4)], [("gap over lr", "batch", 1)]),
        ([f"alpha at lr {x}" for x in (-1, 0, 0.4)], [("alpha", "lr", 1)]),
        ([f"P(|m| > 1), {k} steps" for k in (1, 2, 4)], [("P(|m| > 1)", "steps", 1)]),
    ],
)
def test_names_alike_but_for_numbers_are_a_curve(names, found):
    said = [(curve.quantity, curve.over, len(curve.lines)) for curve in curves(names)]
    assert said == found


@pytest.mark.parametrize(
    "names",
    [
        ["P(|w| > 5)", "P(|w| > 20)"],  # too few
        ["Var w", "Var v", "Cov(w, v)"],
        [f"Cov(g_{i}, g_{i})" for i in range(4)],  # digits of a word
        ["Var w, mode 1", "Var w, mode 1", "Var w, mode 2"],  # two values at one place
        ["alpha at lr 0.1, batch 1", "alpha at lr 0.2, batch 2", "alpha at lr 0.3, batch 4"],
        [f"power of x^{i}" for i in range(4)],
    ],
)
def test_other_names_are_none(names):
    assert curves(names) == []


def test_points_stand_in_the_order_of_their_abscissas():
    (curve,) = curves(["P(|w| > 100)", "P(|w| > 9)", "P(|w| > 20)"])
    (line,) = curve.lines
    assert line.at == (9.0, 20.0, 100.0)
    assert line.components == (1, 2, 0)


@pytest.fixture
def draw(make_report, make_verdict, make_component):
    """Draw a claim with components of given names and predictions."""

    def drawn(predictions, **changes):
        components = tuple(
            make_component(name, y, 0.1 * abs(y), 1.01 * y, 0.05 * abs(y))
            for name, y in predictions.items()
        )
        factors = {"a factor 2 lost": 0.5, "far away": 1e9}
        mutants = tuple(
            Mutant(name=name, prediction=tuple(f * y for y in predictions.values()), killed=True)
            for name, f in factors.items()
        )
        values = {"components": components, "mutants": mutants, **changes}
        (claim,) = make_report(make_verdict(**values)).to_dict()["claims"]
        figures = [curve_figure(claim, curve) for curve in curves(list(predictions))]
        return claim, figures

    return drawn


def test_a_survival_curve_has_logarithmic_axes_and_its_own_units(draw):
    _, (picture,) = draw(SURVIVAL)
    ElementTree.fromstring(picture)
    shown = ["P(|w| &gt; x)", *(f">{t}<" for t in (5, 20, 80)), ">0.01<", ">0.001<"]
    assert all(text in picture for text in shown)
    _, (other,) = draw({f"excess at step {k}": 1.0 + 0.01 * k for k in (4, 8, 16)})
    assert ">1.0" in other


def test_a_mutant_beyond_the_axis_is_said_to_be_there(draw):
    _, (picture,) = draw(SURVIVAL)
    assert "mutant: a factor 2 lost<" in picture
    assert "mutant: far away (beyond the axis)<" in picture


def test_four_lines_of_many_are_drawn_and_the_rest_counted(draw):
    paths = {name: 1.0 + 0.01 * i for i, name in enumerate(PATHS)}
    _, (picture,) = draw(paths)
    titles = [h for h in (0.25, 0.5, 1, 2, 3, 4) if f">… {h}<" in picture]
    assert titles == [0.25, 1, 2, 4]
    assert "step (2 more lines are not drawn)" in picture


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, -math.inf])
def test_any_value_can_be_drawn(draw, bad):
    for _, (picture,) in (draw(SURVIVAL | {"P(|w| > 20)": 0.0}), draw({**SURVIVAL})):
        ElementTree.fromstring(picture)
    claim, _ = draw(SURVIVAL)
    claim["mutants"][0]["prediction"][1] = bad
    claim["measurement"][1]["lower"] = bad
    claim["prediction"][1]["acceptance_upper"] = bad
    (curve,) = curves(list(SURVIVAL))
    ElementTree.fromstring(curve_figure(claim, curve))
    assert curve_figure(claim, curve) == curve_figure(claim, curve)


def test_a_name_is_text(draw):
    _, (picture,) = draw({f"$\\frac{{<&, step {k}": 1.0 for k in (1, 2, 3)})
    assert "$\\frac{&lt;&amp;<" in picture


def test_the_page_shows_the_curve_where_something_was_measured(
    make_report, make_verdict, make_component
):
    components = tuple(make_component(name, y, y / 10, y, y / 20) for name, y in SURVIVAL.items())
    measured = make_verdict(components=components, mutants=())
    note = {"outcome": Outcome.UNDECIDED, "chains": 0, "note": "too dear"}
    alt = 'alt="P(|w| &gt; x) over x: predicted, accepted, measured and mutants"'
    html = page(make_report(measured).to_dict())
    assert html.count(alt) == 2
    unmeasured = make_verdict(components=components, mutants=(), **note)
    assert alt not in page(make_report(unmeasured).to_dict())


def test_what_is_left_out_of_a_picture_is_referred_to_nowhere(draw):
    _, pictures = draw({**SURVIVAL})
    for picture in (*pictures, *draw(dict.fromkeys(PATHS, 1.0))[1]):
        referred = set(re.findall(r'(?:href="|url\()#([^")]+)', picture))
        assert referred
        assert referred == referred & set(re.findall(r' id="([^"]+)"', picture))
        assert "<metadata" not in picture
        assert picture.count("DejaVu Sans") == 1
