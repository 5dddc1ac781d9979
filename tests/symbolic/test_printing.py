"""What a page may show: LaTeX, MathML that HTML5 allows, and formulas in canonical form."""

import html
import re
import subprocess
import sys
from xml.etree import ElementTree

import mpmath as mp
import pytest
import sympy

from linsgd import symbolic
from linsgd.symbolic.printing import NAMESPACE
from linsgd.symbolic.symbols import beta, eta, h_lambda, sigma_g, t, tidy, x, zeta
from linsgd.symbolic.tails import U

from .every import EVERY

MATHML_CORE = {
    "annotation",
    "math",
    "merror",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "semantics",
}


def elements(text):
    return [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()]


@pytest.mark.parametrize("name", EVERY)
def test_each_step_is_mathml_that_html5_allows(name):
    for step in EVERY[name]().steps:
        text = symbolic.mathml(step.formula)
        assert set(elements(text)) <= MATHML_CORE
        assert not re.findall(r"&(?!amp;|lt;|gt;)\w+;", text)
        assert text.startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">')


@pytest.mark.cases(30)
@pytest.mark.parametrize("name", EVERY)
def test_each_step_is_balanced_latex(name):
    for step in EVERY[name]().steps:
        text = symbolic.latex(step.formula)
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        assert "1.0" not in text


def test_mathml_keeps_names_and_puts_exponentials_in_the_numerator():
    text = symbolic.mathml(sympy.exp(-h_lambda) * sympy.Function("Var")(x))
    assert "<mi>Var</mi>" in text
    assert "mfrac" not in text
    assert "mfrac" in symbolic.mathml(1 / h_lambda)
    assert "<mi>Δ</mi>" in symbolic.mathml(sympy.Function("Delta")(x))


def test_mathml_of_special_cases():
    assert "<mi>O</mi>" in symbolic.mathml(sympy.Order(eta))
    assert "<mmultiscripts>" in symbolic.mathml(sympy.hyper([h_lambda], [beta], x))
    assert "&lt;" in symbolic.mathml(sympy.StrictLessThan(eta, h_lambda))
    assert symbolic.mathml(-sympy.exp(h_lambda)).count("<mo>−</mo>") == 1
    assert "<mo>(</mo><mrow><mn>1</mn><mo>+</mo><mi>x</mi>" in symbolic.mathml(
        sympy.exp(h_lambda) * (1 + x)
    )


def test_mathml_that_sympy_would_not_write():
    assert "{" not in symbolic.mathml(sympy.Symbol("x_{k+1}"))
    assert "<msubsup>" in symbolic.mathml(sigma_g**2)
    second = symbolic.mathml(sympy.Derivative(sympy.Function("f")(t), (t, 2)))
    assert second.count("<msup>") == 2
    assert "<mrow><mi>d</mi><msup><mi>t</mi><mn>2</mn></msup></mrow>" in second
    assert "<mn>2</mn><mo>\u2062</mo><mrow><mo>(</mo>" in symbolic.mathml(
        tidy(2 * (1 - beta) / h_lambda)
    )


def test_sums_begin_with_a_plus_and_series_with_the_lowest_power():
    assert symbolic.latex(h_lambda - beta) == r"h_{\lambda} - \beta"
    assert symbolic.latex(h_lambda - 1) == r"h_{\lambda} - 1"
    series = eta**2 * (1 + h_lambda) + eta * (2 - h_lambda) / 3 + sympy.Order(eta**3)
    assert [symbolic.latex(series).index(text) for text in ("2 - h_", "1 + h_", "O")] == sorted(
        symbolic.latex(series).index(text) for text in ("2 - h_", "1 + h_", "O")
    )


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (
            1 / (beta - 1) / (eta * h_lambda - 2),
            r"\frac{1}{\left(1 - \beta\right) \left(2 - \eta h_{\lambda}\right)}",
        ),
        (2 * beta + 2 - eta * h_lambda, r"2 \left(1 + \beta\right) - \eta h_{\lambda}"),
        (1 / (1 - beta) / (1 + beta), r"\frac{1}{1 - \beta^{2}}"),
        ((beta - 1) * (zeta - 1), r"\left(1 - \beta\right) \left(1 - \zeta\right)"),
        (beta - 1, r"- (1 - \beta)"),
        (2 * beta + 2, r"2 \left(1 + \beta\right)"),
        (sympy.Integer(3), "3"),
    ],
)
def test_canonical_form(expression, text):
    assert symbolic.latex(tidy(expression)) == text


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    "name", [name for name in EVERY if "covariance" in name or "threshold" in name]
)
def test_tidy_does_not_change_a_value(name):
    for step in EVERY[name]().steps:
        value = step.value
        if (
            isinstance(value, sympy.Expr)
            and not value.is_Matrix
            and not value.atoms(sympy.Function)
        ):
            assert sympy.simplify(tidy(value) - value) == 0


def test_a_notebook_shows_the_whole_chain():
    derivation = symbolic.modified_loss()
    text = derivation._repr_html_()
    assert f"<b>{derivation.title}</b>" in text
    assert all(
        html.escape(step.why) in text and symbolic.mathml(step.formula) in text
        for step in derivation
    )
    ElementTree.fromstring(text)


def test_importing_the_room_does_not_derive_anything():
    program = (
        "import time; import sympy; t = time.time(); import linsgd.symbolic; print(time.time() - t)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 2


@pytest.mark.parametrize(
    ("order", "top", "bottom"),
    [
        (1, "<mi>d</mi>", "<mi>t</mi>"),
        (2, "<msup><mi>d</mi><mn>2</mn></msup>", "<msup><mi>t</mi><mn>2</mn></msup>"),
    ],
)
def test_derivatives_have_the_function_above_and_the_variable_below(order, top, bottom):
    text = symbolic.mathml(sympy.Derivative(sympy.Function("f")(t), (t, order)))
    fraction = ElementTree.fromstring(text)[0][0]
    above, below = (ElementTree.tostring(part, encoding="unicode") for part in fraction)
    plain = re.compile(r' xmlns(:\w+)?="[^"]*"|ns0:')
    above, below = plain.sub("", above), plain.sub("", below)
    above = above.replace("<mrow><mi>d</mi></mrow>", "<mi>d</mi>")
    above = above.replace("<msup><mrow><mi>d</mi></mrow>", "<msup><mi>d</mi>")
    assert above.startswith(f"<mrow>{top}<mrow><mi>f</mi>")
    assert below == f"<mrow><mi>d</mi>{bottom}</mrow>"


FUNCTIONS = {
    name: getattr(mp, name)
    for name in ("acos", "acosh", "sin", "cos", "sinh", "cosh", "tanh", "log")
}
FUNCTIONS |= {"arccos": mp.acos, "arccosh": mp.acosh, "sqrt": mp.sqrt, "exp": mp.exp}
MINUS = "-\u2212"
OPERATORS = {"\u2062": "*", "\u2212": "-", "-": "-", "+": "+", "(": "(", ")": ")"}


def python(node, names):
    """An element of MathML as a Python expression; `names` maps the marks of letters to names."""
    tag, parts = node.tag.rpartition("}")[2], list(node)
    mark = ElementTree.tostring(node, encoding="unicode")
    if mark in names:
        return names[mark]
    inner = [python(part, names) for part in parts if tag not in ("msub", "msubsup")]
    if tag == "mn":
        digits = node.text.lstrip(MINUS)
        return f"-mpf({digits})" if digits != node.text else f"mpf({digits})"
    if tag == "mo":
        return OPERATORS[node.text]
    if tag == "mi":
        return node.text
    if tag in ("mrow", "math", "mstyle", "mtd"):
        return "".join(inner)
    if tag == "mfrac":
        return f"(({inner[0]})/({inner[1]}))"
    if tag == "msqrt":
        return f"sqrt({''.join(inner)})"
    if tag == "msup":
        return f"exp({inner[1]})" if inner[0] == "e" else f"(({inner[0]})**({inner[1]}))"
    if tag == "msubsup":
        base = ElementTree.Element(f"{{{NAMESPACE}}}msub")
        base.extend(parts[:2])
        return f"(({python(base, names)})**({python(parts[2], names)}))"
    raise KeyError(tag)


def read(formula, values):
    """The value of a formula as a reader of its MathML computes it."""
    names = {}
    for i, letter in enumerate(values):
        (mark,) = ElementTree.fromstring(symbolic.mathml(letter))
        names[ElementTree.tostring(mark, encoding="unicode")] = f"letter{i}"
    text = python(ElementTree.fromstring(symbolic.mathml(formula)), names)
    numbers = {f"letter{i}": mp.mpf(value) for i, value in enumerate(values.values())}
    return eval(text, {**FUNCTIONS, "mpf": mp.mpf, **numbers})


UNREAD = (
    U,
    sympy.Abs,
    sympy.Derivative,
    sympy.Ei,
    sympy.Indexed,
    sympy.Order,
    sympy.Sum,
    sympy.core.function.AppliedUndef,
    sympy.core.numbers.EulerGamma,
    sympy.erfc,
    sympy.erfi,
    sympy.gamma,
    sympy.hyper,
    type(sympy.pi),
)


def entries(name):
    """Every expression of a derivation that `read` understands."""
    for step in EVERY[name]():
        value = step.value
        for entry in value if value.is_Matrix else [value]:
            if not entry.atoms(*UNREAD):
                yield entry


def assert_read(formula):
    letters = sorted(formula.free_symbols, key=str)
    values = {letter: 0.3 + 0.17 * i for i, letter in enumerate(letters)}
    want = formula.evalf(25, subs=values)
    assert abs(read(formula, values) - mp.mpmathify(want)) <= 1e-12 * (1 + abs(mp.mpmathify(want)))


@pytest.mark.cases(30)
@pytest.mark.parametrize("name", EVERY)
def test_a_reader_of_the_mathml_gets_the_value_of_the_formula(name):
    for entry in entries(name):
        assert_read(entry)


@pytest.mark.parametrize(
    "formula",
    [
        tidy(-(1 - zeta)),
        -2 * tidy(1 - zeta) / 3,
        tidy(-(1 - zeta) * eta),
        sympy.exp(-h_lambda) * tidy(-(1 - zeta)),
        (1 - zeta) ** 2 / (eta - 1) ** 3,
        -((1 - zeta) ** sympy.Rational(3, 2)),
        sympy.Mul(-1, 1 - zeta, evaluate=False),
        sympy.Mul(2, 1 - zeta, evaluate=False),
    ],
)
def test_signs_and_brackets_are_kept(formula):
    assert_read(formula)


def test_a_wrong_formula_is_read_as_another():
    """The twin: SymPy's own printer drops the brackets of -(1 - zeta)."""
    names = {zeta: 0.25}
    assert read(sympy.Mul(-1, 1 - zeta, evaluate=False), names) == -0.75
    assert read(-1 - zeta, names) == -1.25
    assert len(list(entries("stationary_covariance exact"))) > 8
