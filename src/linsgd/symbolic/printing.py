"""Formulas as LaTeX and MathML, with constants first: 1 - beta and never -beta + 1."""

import html
import re
from collections.abc import Iterable
from typing import Any

import sympy
from sympy import Add, Basic, Function, MatrixBase, Mul, exp, fraction
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.printer import Printer
from sympy.utilities.iterables import sift

ORDER = "rev-grlex"  # by rising degree
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
UPRIGHT = str.maketrans("ⅆⅇⅈ", "dei")  # few fonts have the double-struck letters
INVISIBLE_TIMES = "\u2062"

_TEXT = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
_LATEX_TEXT = str.maketrans(_TEXT | {character: "\\" + character for character in "&%$#_{}"})


def latex(expression: Basic | MatrixBase) -> str:
    r"""Return a formula as LaTeX.

    Parameters
    ----------
    expression : sympy object
        A formula, an equation or a matrix.

    Returns
    -------
    str
        Without delimiters of mathematics.

    See Also
    --------
    mathml : The same for pages.

    Examples
    --------
    >>> import linsgd
    >>> from linsgd.symbolic.symbols import beta
    >>> print(linsgd.symbolic.latex(1 / (1 - beta)))
    \frac{1}{1 - \beta}
    """
    return str(_Latex({"order": ORDER, "inv_trig_style": "full"}).doprint(expression))


def latex_text(text: str) -> str:
    r"""Return plain text as the argument of LaTeX's ``\text``.

    Examples
    --------
    >>> print(latex_text("E|x|^p, U_k"))
    E\textbar{}x\textbar{}\textasciicircum{}p, U\_k
    """
    return text.translate(_LATEX_TEXT)


def mathml(expression: Basic | MatrixBase) -> str:
    """Return a formula as presentation MathML that may stand in an HTML5 page as it is.

    Parameters
    ----------
    expression : sympy object
        A formula, an equation or a matrix.

    Returns
    -------
    str
        One ``<math display="block">`` element; without named entities, so that an XML parser reads
        it too.

    See Also
    --------
    latex : The same for articles.

    Examples
    --------
    >>> import linsgd
    >>> from linsgd.symbolic.symbols import beta
    >>> print(linsgd.symbolic.mathml(1 - beta))
    <math xmlns="http://www.w3.org/1998/Math/MathML"
    display="block"><mrow><mn>1</mn><mo>−</mo><mi>β</mi></mrow></math>
    """
    body = _MathML({"order": ORDER})._print(expression).toxml()
    body = body.replace("<mo><</mo>", "<mo>&lt;</mo>")  # SymPy writes it raw
    body = re.sub(r"&(?!amp;|lt;|gt;|quot;)#?\w+;", lambda entity: html.unescape(entity[0]), body)
    # indices such as {k-1} lose their braces, and every hyphen becomes a minus
    body = re.sub(r">\{([^<]*)\}<", lambda index: f">{index[1].replace('-', '−')}<", body)
    body = body.replace(">-", ">−").translate(UPRIGHT)
    return f'<math xmlns="{NAMESPACE}" display="block">{body}</math>'


class _PositiveFirst(Printer):  # type: ignore[misc] # sympy is untyped
    def _as_ordered_terms(self, expr: Add, order: str | None = None) -> list[Any]:
        """Begin a sum with a positive term if it has one, and a series with its lowest power."""
        terms = super()._as_ordered_terms(expr, order=order)
        remainder = expr.getO()
        if remainder is not None:
            variable = remainder.variables[0]
            return sorted(terms, key=lambda t: (t.is_Order, t.as_coeff_exponent(variable)[1]))
        first = next((t for t in terms if not t.as_coeff_Mul()[0].is_negative), terms[0])
        return [first, *(t for t in terms if t is not first)]


class _Latex(_PositiveFirst, LatexPrinter):  # type: ignore[misc] # sympy is untyped
    pass


class _MathML(_PositiveFirst, MathMLPresentationPrinter):  # type: ignore[misc] # sympy is untyped
    def mathml_tag(self, e: Basic) -> str:
        """Keep the name of a function that is not one of SymPy's."""
        own = isinstance(e, Function) and not str(e.func.__module__).startswith("sympy.")
        if own or isinstance(e, AppliedUndef):
            return str(greek_unicode.get(e.func.__name__, e.func.__name__))
        return str(super().mathml_tag(e))

    def _print_Mul(self, expr: Mul) -> Any:
        """Write exponentials as factors, not as denominators, and keep a number before its sum."""
        exponentials, rest = sift(expr.args, lambda a: isinstance(a, exp), binary=True)
        if exponentials and rest not in ([], [-1]):
            return self._times(Mul(*rest, evaluate=False), exponentials)
        number, quotient = expr.as_coeff_Mul()
        if number == -1 and isinstance(quotient, Add):
            return self._minus(quotient)
        numerator, denominator = fraction(quotient)
        if isinstance(numerator, Add) and abs(number.p) > 1 and denominator != 1:
            top = Mul(number.p, numerator, evaluate=False)
            return self._node("mfrac", self._print(top), self._print(number.q * denominator))
        return super()._print_Mul(expr)

    def _minus(self, total: Add) -> Any:
        """Return -(a sum) with its brackets, which SymPy leaves out."""
        row = self._node("mrow")
        self._append(row, "mo", "-")
        row.appendChild(self.parenthesize(total, PRECEDENCE["Mul"]))
        return row

    def _times(self, product: Any, factors: Iterable[Any]) -> Any:
        """Return a product followed by more factors."""
        brackets = isinstance(product, Add)
        first = self.parenthesize(product, PRECEDENCE["Mul"]) if brackets else self._print(product)
        row = self._node("mrow", first)
        for factor in factors:
            self._append(row, "mo", INVISIBLE_TIMES)
            row.appendChild(self._print(factor))
        return row

    def _print_Pow(self, expr: sympy.Pow) -> Any:
        """Put a subscript and a power above each other."""
        node = super()._print_Pow(expr)
        if node.tagName == "msup" and getattr(node.firstChild, "tagName", "") == "msub":
            base, power = node.childNodes
            return self._node("msubsup", *base.childNodes, power)
        return node

    def _print_Derivative(self, expr: sympy.Derivative) -> Any:
        """Write d^n f / dt^n."""
        ((variable, order),) = expr.variable_count
        above = self._node("mrow")
        below = self._print(variable)
        self._append(above, "mi", "d")
        if order > 1:
            above = self._node("msup", above, self._print(order))
            below = self._node("msup", below, self._print(order))
        top = self._node("mrow", above, self._print(expr.expr))
        bottom = self._node("mrow")
        self._append(bottom, "mi", "d")
        bottom.appendChild(below)
        return self._node("mrow", self._node("mfrac", top, bottom))

    def _print_Order(self, expr: sympy.Order) -> Any:
        """Write O(x^n), without the point at which it is taken."""
        row = self._node("mrow")
        self._append(row, "mi", "O")
        row.appendChild(self._in_brackets(expr.expr))
        return row

    def _print_hyper(self, expr: sympy.hyper) -> Any:
        """Write pFq(a_1, ..., b_1, ..., z), its orders before and after the F."""
        symbol = self.dom.createElement("mmultiscripts")
        self._append(symbol, "mi", "F")
        after = ("mn", str(len(expr.bq))), ("mrow", "")
        before = ("mprescripts", ""), ("mn", str(len(expr.ap))), ("mrow", "")
        for tag, text in (*after, *before):
            self._append(symbol, tag, text)
        return self._node("mrow", symbol, self._in_brackets(*expr.ap, *expr.bq, expr.argument))

    def _in_brackets(self, *arguments: Basic) -> Any:
        row = self._node("mrow")
        self._append(row, "mo", "(")
        for i, argument in enumerate(arguments):
            if i:
                self._append(row, "mo", ",")
            row.appendChild(self._print(argument))
        self._append(row, "mo", ")")
        return row

    def _node(self, tag: str, *children: Any) -> Any:
        """Return an element with children."""
        node = self.dom.createElement(tag)
        for child in children:
            node.appendChild(child)
        return node

    def _append(self, parent: Any, tag: str, text: str) -> None:
        """Append an element that holds text."""
        node = self.dom.createElement(tag)
        if text:
            node.appendChild(self.dom.createTextNode(text))
        parent.appendChild(node)
