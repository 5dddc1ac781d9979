"""Formulas that keep the form in which they were written: under substitution, copying and pickling.

SymPy rebuilds an object from its arguments when it substitutes, copies or unpickles, and then
simplifies anew: 2 (1 + beta) becomes 2 + 2 beta, and an equation between a letter and a matrix
becomes False. Here an equation is never evaluated, and `dismantle` and `assemble` take a formula
apart and put it together without evaluating anything.
"""

from typing import Any, TypeAlias

from sympy import Add, Eq, Function, Mul, Order, Pow, evaluate, sympify

Formula: TypeAlias = Any  # a SymPy expression, equation or matrix; SymPy is untyped

_SIMPLIFIED = (Add, Mul, Pow, Function)  # the classes whose constructors rewrite their arguments


class Equation(Eq):  # type: ignore[misc] # sympy is untyped
    """An equation left = right that stays an equation, whatever its sides are.

    Parameters
    ----------
    left, right : sympy object
        Expressions or matrices.

    Notes
    -----
    SymPy's `Eq` decides whether an equation is true whenever it is built, hence also after `subs`,
    and holds a letter to be different from every matrix.

    Examples
    --------
    >>> import sympy
    >>> from linsgd.symbolic.formulas import Equation
    >>> Equation(sympy.Symbol("P"), sympy.eye(1) * sympy.Symbol("h")).subs("h", 2)
    Eq(P, Matrix([[2]]))
    """

    def __new__(cls, left: Formula, right: Formula) -> "Equation":  # noqa: D102 # the class documents it
        equation: Equation = super().__new__(cls, sympify(left), sympify(right), evaluate=False)
        return equation


def dismantle(formula: Formula) -> Formula:
    """Return the tree of a formula: (class, branches) for a node, the object itself for a leaf."""
    # an O(x^n) normalises its argument by SymPy's arithmetic; it stays one piece
    if not formula.args or isinstance(formula, Order):
        return formula
    return formula.func, tuple(map(dismantle, formula.args))


def assemble(tree: Formula) -> Formula:
    """Return the formula of a tree that `dismantle` made, equal to the one it was made of."""
    if not isinstance(tree, tuple):
        return tree
    kind, branches = tree
    arguments = [assemble(branch) for branch in branches]
    # a sum or a matrix, built without evaluation, would multiply its terms by 1
    with evaluate(not issubclass(kind, _SIMPLIFIED)):
        return kind(*arguments)
