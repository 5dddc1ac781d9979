r"""A derivation: a chain of named equations, the last of which is the answer.

An equation whose left side is a letter or its square, gamma = (1 - beta) / (eta (1 + beta)) or
omega^2 = 2 h / (eta (1 + beta)), defines that letter; `explicit` writes a formula without the
letters that its derivation defined.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

from sympy import Eq, sympify
from sympy.core.relational import Relational

from linsgd import domains
from linsgd.symbolic.printing import latex

Formula: TypeAlias = Any  # a SymPy expression, equation or matrix; SymPy is untyped


def equation(left: Formula, right: Formula) -> Eq:
    """Return left = right as it stands."""
    return Eq(left, right, evaluate=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation.

    Parameters
    ----------
    name : str
        The key under which the derivation keeps it.
    why : str
        One sentence: what was done.
    formula : sympy object
        An equation, or a bare expression.
    """

    name: str
    why: str
    formula: Formula

    def __post_init__(self) -> None:
        object.__setattr__(self, "formula", sympify(self.formula))  # a matrix becomes immutable

    @property
    def value(self) -> Formula:
        """The right side of the equation, or the bare expression."""
        return self.formula.rhs if isinstance(self.formula, Relational) else self.formula


@dataclass(frozen=True, slots=True)
class Derivation:
    """A chain of steps, from the premise to the answer.

    Parameters
    ----------
    title : str
        What is derived.
    steps : tuple of Step
        In the order of the argument.

    Examples
    --------
    >>> from linsgd import symbolic
    >>> symbolic.stationary_covariance("langevin")["position"]
    eta*sigma_g**2/(2*h*(1 - beta))
    """

    title: str
    steps: tuple[Step, ...]

    def __getitem__(self, name: str) -> Formula:
        """Return the value of the step `name`."""
        names = [step.name for step in self.steps]
        return self.steps[names.index(domains.choice("name", name, names))].value

    @property
    def formula(self) -> Formula:
        """The last equation: what a report prints."""
        return self.steps[-1].formula

    @property
    def result(self) -> Formula:
        """The right side of the last equation."""
        return self.steps[-1].value

    def explicit(self, name: str | None = None) -> Formula:
        """Return the value of step `name` (default: the result) without the letters that this derivation defines."""
        value = self.result if name is None else self[name]
        for step in reversed(self.steps):
            if isinstance(step.formula, Eq) and not step.formula.rhs.is_Matrix:
                letter, exponent = step.formula.lhs.as_base_exp()
                value = (
                    value.subs(letter, step.formula.rhs ** (1 / exponent))
                    if letter.is_Symbol
                    else value
                )
        return value

    def _repr_markdown_(self) -> str:
        lines = [f"{step.why}\n\n$$\n{latex(step.formula)}\n$$" for step in self.steps]
        return "\n\n".join([f"**{self.title}**", *lines])
