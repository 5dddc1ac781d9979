r"""A derivation: a chain of named equations, the last of which is the answer.

An equation whose left side is a letter or its square, gamma = (1 - beta) / (eta (1 + beta)) or
omega^2 = 2 h_lambda / (eta (1 + beta)), defines that letter; `explicit` writes a formula without
the letters that its derivation defined.
"""

import html
import keyword
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import sympy
from sympy import Symbol, sympify
from sympy.core.relational import Relational

from linsgd import domains
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.formulas import Formula, assemble, dismantle
from linsgd.symbolic.printing import ORDER, latex, latex_text, mathml
from linsgd.symbolic.scope import EVERYTHING, Scope

_WIDTH = 100  # characters of a printed line


@dataclass(frozen=True, slots=True, repr=False)
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

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.modified_loss().steps[-1]
    modified_loss: Phi = h_lambda*x**2/(eta*h*sigma**2*(1 + beta)) + v**2/(2*h*sigma**2)
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

    @property
    def definition(self) -> tuple[Symbol, Formula] | None:
        """The letter that the equation defines and its value, or None if it defines none."""
        if not isinstance(self.formula, sympy.Eq) or self.formula.rhs.is_Matrix:
            return None
        letter, exponent = self.formula.lhs.as_base_exp()
        return (letter, self.formula.rhs ** (1 / exponent)) if letter.is_Symbol else None

    def __reduce__(self) -> tuple[Callable[..., "Step"], tuple[Any, ...]]:
        return _restored, (self.name, self.why, dismantle(self.formula))

    def __repr__(self) -> str:
        line = f"{self.name}: {_text(self.formula)}"
        return line if len(line) <= _WIDTH else line[: _WIDTH - 4] + " ..."


def _restored(name: str, why: str, tree: Formula) -> Step:
    """Return the step whose formula was dismantled to `tree`."""
    return Step(name, why, assemble(tree))


@dataclass(frozen=True, slots=True, repr=False)
class Derivation:
    """A chain of steps, from the premise to the answer.

    Parameters
    ----------
    title : str
        What is derived.
    steps : tuple of Step
        In the order of the argument.
    scope : Scope
        The problems and optimizers for which the explicit formulas hold.

    Notes
    -----
    A derivation iterates over its steps. SymPy's functions take it for its explicit result:
    ``sympy.simplify(derivation)``, ``sympy.solve(derivation, letter)``.

    Examples
    --------
    >>> import linsgd
    >>> derivation = linsgd.symbolic.stationary_covariance("langevin")
    >>> derivation["position"]
    eta*sigma_g**2/(2*h_lambda*(1 - beta))
    >>> derivation.explicit("position")
    eta*h*sigma**2/(2*b*h_lambda*(1 - beta))
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1, momentum=0.9)
    >>> round(float(derivation.at(problem, sgd, "position")), 12)
    0.5
    """

    title: str
    steps: tuple[Step, ...]
    scope: Scope = EVERYTHING
    _iterable: ClassVar[bool] = False  # SymPy's functions are to read the result, not the steps

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> Formula:
        """Return the value of the step `name`."""
        names = [step.name for step in self.steps]
        return self.steps[names.index(domains.choice("name", name, names))].value

    @property
    def formula(self) -> Formula:
        """The last equation."""
        return self.steps[-1].formula

    @property
    def result(self) -> Formula:
        """The right side of the last equation."""
        return self.steps[-1].value

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """The letters of all steps by name; weight decay is `lam`, as in `symbolic.symbols`."""
        letters = set().union(*(step.formula.free_symbols for step in self.steps))
        return {_name(letter): letter for letter in sorted(letters, key=str)}

    def explicit(self, name: str | None = None, keep: Collection[Symbol] = ()) -> Formula:
        """Return a formula without the letters that this derivation defines.

        Parameters
        ----------
        name : str, optional
            Of the step; the result by default.
        keep : collection of sympy.Symbol
            Letters that stay although the derivation defines them.

        Returns
        -------
        sympy object
            The value of the step, in letters of the problem and of the optimizer.

        Examples
        --------
        >>> import linsgd
        >>> linsgd.symbolic.underdamped_sde().explicit("gamma")
        (1 - beta)/(eta*(beta + 1))
        """
        value = self.result if name is None else self[name]
        for step in reversed(self.steps):
            if step.definition is not None and step.definition[0] not in keep:
                value = value.subs(*step.definition)
        return value

    def subs(self, name: str | None = None, /, **values: Any) -> Formula:
        """Return an explicit formula with numbers, or other formulas, for some letters.

        Parameters
        ----------
        name : str, optional
            Of the step; the result by default.
        **values
            By the names of `symbols`. A letter that the derivation defines may be among them; it
            then takes this value.

        Returns
        -------
        sympy object
            The formula; letters without a value stay.

        Raises
        ------
        ValueError
            If the derivation has no such letter.

        Examples
        --------
        >>> import linsgd
        >>> covariance = linsgd.symbolic.stationary_covariance("langevin")
        >>> covariance.subs("position", eta=0.1, beta=0.9, sigma_g=1)
        0.5/h_lambda
        """
        letters = self._letters("values", values)
        numbers = dict(zip(letters, values.values(), strict=True))
        return self.explicit(name, keep=numbers).subs(numbers)

    def lambdify(
        self,
        name: str | None = None,
        letters: Sequence[str] | None = None,
        modules: str | None = None,
    ) -> Callable[..., Any]:
        """Return a numerical function of a formula's letters.

        Parameters
        ----------
        name : str, optional
            Of the step; the result by default.
        letters : sequence of str, optional
            The names of the arguments, in order; by default those of the explicit formula, sorted.
        modules : str, optional
            As in `sympy.lambdify`; "mpmath" has all special functions.

        Returns
        -------
        callable
            Takes its arguments by position, or by name where that is an identifier, and arrays
            where the formula is a scalar.

        Raises
        ------
        ValueError
            If a letter of the formula is left out, or `letters` holds another.

        Examples
        --------
        >>> import linsgd
        >>> variance = linsgd.symbolic.stationary_covariance("langevin").lambdify("position")
        >>> round(variance(eta=0.1, beta=0.9, b=4, h=1.0, h_lambda=1.0, sigma=1.0), 12)
        0.125
        """
        kept = self._letters("letters", letters or ())
        formula = self.explicit(name, keep=kept)
        missing = sorted(map(_name, formula.free_symbols.difference(kept)))
        if letters is None:
            letters, missing = missing, []
        if missing:
            domains.refuse("letters", tuple(letters), f"also {', '.join(missing)}")
        arguments = {self.symbols[letter]: Symbol(letter) for letter in letters}
        function: Callable[..., Any] = sympy.lambdify(
            list(arguments.values()), formula.subs(arguments), modules
        )
        return function

    def at(
        self, problem: LinearRegression, sgd: SGD, name: str | None = None, mode: int = 0
    ) -> Formula:
        """Return an explicit formula with the numbers of a problem and an optimizer.

        Parameters
        ----------
        problem : LinearRegression
            Gives h, d, sigma and the optimum.
        sgd : SGD
            Gives eta, beta, zeta, b and lambda.
        name : str, optional
            Of the step; the result by default.
        mode : int
            Index into ``problem.eigenvalues`` of the eigenvector along which the formula is taken.

        Returns
        -------
        sympy object
            The formula; steps, times and states stay letters.

        Raises
        ------
        ValueError
            If the derivation does not hold for this problem and optimizer.

        See Also
        --------
        subs : Numbers by the names of the letters.

        Examples
        --------
        >>> import linsgd
        >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.5)
        >>> linsgd.symbolic.autocorrelation("diffusion").at(problem, sgd)
        exp(-1.0*t)
        """
        values = self.scope.values(problem, sgd, mode)
        return self.explicit(name, keep=values).subs(values)

    def to_latex(self) -> str:
        r"""Return the whole derivation as an ``align`` environment of LaTeX's amsmath.

        Examples
        --------
        >>> import linsgd
        >>> print(linsgd.symbolic.summed_displacement().to_latex().splitlines()[2])
        u &= \frac{1 - \beta}{1 + \beta} \\
        """
        rows = (
            row
            for step in self.steps
            for row in (rf"& \text{{{latex_text(step.why)}}} \notag", _aligned(step.formula))
        )
        return "\n".join([r"\begin{align}", " \\\\\n".join(rows), r"\end{align}"])

    def _letters(self, argument: str, names: Collection[str]) -> list[Symbol]:
        """Return the letters called `names`."""
        known = self.symbols
        return [known[domains.choice(argument, name, tuple(known))] for name in names]

    def _sympy_(self) -> Formula:
        """Return what SymPy's functions take a derivation for."""
        return self.explicit()

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"  {step!r}" for step in self.steps)])

    def _repr_html_(self) -> str:
        """Return the chain as MathML, which notebooks and pages show without a network."""
        lines = "".join(
            f"<p>{html.escape(step.why)}</p>"
            f'<div style="overflow-x: auto">{mathml(step.formula)}</div>'
            for step in self.steps
        )
        return f'<div class="derivation"><p><b>{html.escape(self.title)}</b></p>{lines}</div>'


def _name(letter: Symbol) -> str:
    """Return a letter's name as a Python identifier allows it where it can: lam for lambda."""
    return str(letter).replace("lambda", "lam") if keyword.iskeyword(str(letter)) else str(letter)


def _text(formula: Formula) -> str:
    """Return a formula as one line of text, a matrix as the list of its rows."""
    if isinstance(formula, Relational):
        return f"{_text(formula.lhs)} = {_text(formula.rhs)}"
    return str(sympy.sstr(formula.tolist() if formula.is_Matrix else formula, order=ORDER))


def _aligned(formula: Formula) -> str:
    """Return a formula in LaTeX, aligned at its sign of equality."""
    if isinstance(formula, Relational):
        return f"{latex(formula.lhs)} &= {latex(formula.rhs)}"
    return f"& {latex(formula)}"
