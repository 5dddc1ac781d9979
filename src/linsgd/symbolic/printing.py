"""How a formula is printed: LaTeX and MathML with the constant first, 1 - beta and never -beta + 1."""

import html
import re
from typing import Any

import sympy
from sympy import Add, Basic, Function, MatrixBase, Mul, exp
from sympy.core.function import AppliedUndef
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.utilities.iterables import sift

ORDER = "rev-grlex"  # by rising degree
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
UPRIGHT = str.maketrans("ⅆⅇⅈ", "dei")  # few fonts have the double-struck letters
INVISIBLE_TIMES = "\u2062"


def latex(expression: Basic | MatrixBase) -> str:
    r"""Return LaTeX.

    Parameters
    ----------
    expression : sympy object
        A formula, an equation or a matrix.

    Examples
    --------
    >>> from linsgd.symbolic.symbols import beta
    >>> print(latex(1 / (1 - beta)))
    \frac{1}{1 - \beta}
    """
    text: str = sympy.latex(expression, order=ORDER)
    return text


def mathml(expression: Basic | MatrixBase) -> str:
    """Return presentation MathML that may stand in an HTML5 page as it is.

    Parameters
    ----------
    expression : sympy object
        A formula, an equation or a matrix.

    Returns
    -------
    str
        One ``<math display="block">`` element; without named entities, so that an XML parser reads it too.

    Examples
    --------
    >>> from linsgd.symbolic.symbols import beta
    >>> print(mathml(1 - beta))
    <math xmlns="http://www.w3.org/1998/Math/MathML" display="block"><mrow><mn>1</mn><mo>-</mo><mi>β</mi></mrow></math>
    """
    body = _Printer({"order": ORDER})._print(expression).toxml()
    body = body.replace("<mo><</mo>", "<mo>&lt;</mo>")  # SymPy writes it raw
    body = re.sub(r"&(?!amp;|lt;|gt;|quot;)#?\w+;", _character, body)
    return f'<math xmlns="{NAMESPACE}" display="block">{body.translate(UPRIGHT)}</math>'


def _character(entity: re.Match[str]) -> str:
    """Return what a named or numbered entity stands for; markup stays escaped."""
    return html.escape(html.unescape(entity[0]), quote=False)


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc] # sympy is untyped
    def mathml_tag(self, e: Basic) -> str:
        """Keep the name of a function that is not one of SymPy's."""
        own = isinstance(e, Function) and not str(e.func.__module__).startswith("sympy.")
        return str(e.func.__name__ if own or isinstance(e, AppliedUndef) else super().mathml_tag(e))

    def _print_Mul(self, expr: Mul) -> Any:
        """Write exponentials as factors, not as denominators."""
        exponentials, rest = sift(expr.args, lambda a: isinstance(a, exp), binary=True)
        if not exponentials or rest in ([], [-1]):
            return super()._print_Mul(expr)
        product = Mul(*rest, evaluate=False)
        row = self._row(self.parenthesize(product, 50) if isinstance(product, Add) else self._print(product))
        for factor in exponentials:
            self._append(row, "mo", INVISIBLE_TIMES)
            row.appendChild(self._print(factor))
        return row

    def _print_Order(self, expr: sympy.Order) -> Any:
        row = self._row()
        self._append(row, "mi", "O")
        row.appendChild(self._in_brackets(expr.expr))
        return row

    def _print_hyper(self, expr: sympy.hyper) -> Any:
        symbol = self.dom.createElement("mmultiscripts")
        self._append(symbol, "mi", "F")
        for tag, text in (("mn", len(expr.bq)), ("mrow", ""), ("mprescripts", ""), ("mn", len(expr.ap)), ("mrow", "")):
            self._append(symbol, tag, str(text))
        return self._row(symbol, self._in_brackets(*expr.ap, *expr.bq, expr.argument))

    def _in_brackets(self, *arguments: Basic) -> Any:
        row = self._row()
        self._append(row, "mo", "(")
        for i, argument in enumerate(arguments):
            if i:
                self._append(row, "mo", ",")
            row.appendChild(self._print(argument))
        self._append(row, "mo", ")")
        return row

    def _row(self, *children: Any) -> Any:
        row = self.dom.createElement("mrow")
        for child in children:
            row.appendChild(child)
        return row

    def _append(self, parent: Any, tag: str, text: str) -> None:
        node = self.dom.createElement(tag)
        if text:
            node.appendChild(self.dom.createTextNode(text))
        parent.appendChild(node)
