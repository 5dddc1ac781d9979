"""Assertions about a theory of one's own, tried on problems and optimizers that Hypothesis draws.

A theory is a function of a problem and an optimizer. It is compared with the exact theory, not with
a simulation, so that no assertion fails by chance; a failure shows the simplest example found, as
code.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

try:
    import hypothesis
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample
except ModuleNotFoundError as error:
    missing = "linsgd.testing needs Hypothesis: pip install 'linsgd[testing]'"
    raise ModuleNotFoundError(missing) from error

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.testing import strategies
from linsgd.theory.moments import stationary_moments
from linsgd.theory.result import MomentsStatus
from linsgd.theory.stability.thresholds import stability

Quantity = Literal[
    "position_variance",
    "velocity_variance",
    "position_velocity_covariance",
    "excess_loss",
    "excess_risk",
]
Side = Literal["lower", "upper"]
Theory: TypeAlias = Callable[[LinearRegression, SGD], ArrayLike]
Setting: TypeAlias = tuple[LinearRegression, SGD]
Problems: TypeAlias = st.SearchStrategy[LinearRegression]
Sgds: TypeAlias = Callable[[LinearRegression], st.SearchStrategy[SGD]]

FRACTIONS = (2.0**-9, 2.0**-10)  # of the mean-square threshold, where an order is measured
ROUNDING = 1e-9  # a relative error below it counts as none
SLACK = 0.1  # of a measured order
KNOWN = (MomentsStatus.OK, MomentsStatus.NULL_SPACE)


def assert_agrees(
    theory: Theory,
    quantity: Quantity,
    *,
    rtol: float,
    problems: Problems | None = None,
    sgds: Sgds | None = None,
    examples: int = 100,
) -> None:
    """Assert that a theory of the stationary law agrees with the exact one.

    Parameters
    ----------
    theory : callable
        From (problem, sgd) to the quantity: an array (d,) along the eigenvectors of H, or a number.
    quantity : str
        "position_variance", "velocity_variance", "position_velocity_covariance", "excess_loss" or
        "excess_risk", an attribute of `linsgd.stationary_moments`.
    rtol : float
        Relative error that is allowed in each entry, at least 0.
    problems : strategy, optional
        By default `linsgd.testing.problems()`.
    sgds : callable, optional
        From a problem to a strategy for optimizers; by default those with a finite variance,
        `linsgd.testing.sgds(problem)`.
    examples : int
        How many are tried at most, at least 1; the same ones every time.

    Raises
    ------
    AssertionError
        If they disagree on some example; its message has the simplest one found.
    ValueError
        If an argument lies outside its domain, or the theory returns another shape.

    Examples
    --------
    >>> from linsgd.testing import assert_agrees, problems, sgds
    >>> def flat(problem, sgd):
    ...     return sgd.lr * problem.noise_variance / (2 * sgd.batch_size)
    >>> assert_agrees(
    ...     lambda problem, sgd: 0 * problem.eigenvalues + flat(problem, sgd),
    ...     "position_variance",
    ...     rtol=0.05,
    ...     problems=problems(finite=False),
    ...     sgds=lambda problem: sgds(problem, momentum=0.0, weight_decay=0.0),
    ... )  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: the theory's position_variance is not within 0.05 of the exact one:
    ...
    """
    domains.choice("quantity", quantity, get_args(Quantity))
    domains.real("rtol", rtol, "[0, inf)")

    def fault(problem: LinearRegression, sgd: SGD) -> str:
        predicted, exact = _both(theory, quantity, problem, sgd)
        if _relative_error(predicted, exact) <= rtol:
            return ""
        return f"theory = {predicted}\nexact = {exact}"

    sentence = f"the theory's {quantity} is not within {rtol:g} of the exact one"
    _search(fault, sentence, problems, sgds, examples)


def assert_order(
    theory: Theory,
    quantity: Quantity,
    *,
    order: float,
    problems: Problems | None = None,
    sgds: Sgds | None = None,
    examples: int = 100,
) -> None:
    """Assert that the relative error of a theory falls at least as lr^order.

    The order is measured between 2^-9 and 2^-10 of the mean-square threshold; a theory that is
    exact to 1e-9 there has every order.

    Parameters
    ----------
    theory, quantity, problems, sgds, examples
        As of `assert_agrees`; the learning rate of the optimizers is replaced.
    order : float
        Above 0.

    Raises
    ------
    AssertionError
        If the measured order is below `order` by more than 0.1 on some example.
    ValueError
        If an argument lies outside its domain, or the theory returns another shape.

    Examples
    --------
    >>> import linsgd
    >>> from linsgd.testing import assert_order, problems, sgds
    >>> def langevin(problem, sgd):
    ...     return linsgd.stationary_moments(problem, sgd, theory="langevin").position_variance
    >>> assert_order(
    ...     langevin,
    ...     "position_variance",
    ...     order=1,
    ...     problems=problems(finite=False, noise_std=1.0),
    ...     sgds=lambda problem: sgds(problem, nesterov=False, weight_decay=0.0),
    ...     examples=20,
    ... )
    """
    domains.choice("quantity", quantity, get_args(Quantity))
    domains.real("order", order, "(0, inf)")

    def fault(problem: LinearRegression, sgd: SGD) -> str:
        edge = stability(problem, sgd).lr_mean_square
        errors = [
            _relative_error(*_both(theory, quantity, problem, replace(sgd, lr=edge * fraction)))
            for fraction in FRACTIONS
        ]
        if errors[0] <= ROUNDING or errors[1] == 0:
            return ""
        measured = math.log2(errors[0] / errors[1])
        if measured >= order - SLACK:
            return ""
        return f"errors = {errors}  # at lr = {[edge * f for f in FRACTIONS]}: order {measured:.2f}"

    sentence = f"the error of the theory's {quantity} is not of order lr^{order:g}"
    _search(fault, sentence, problems, sgds, examples)


def assert_bound(
    theory: Theory,
    quantity: Quantity,
    *,
    side: Side,
    problems: Problems | None = None,
    sgds: Sgds | None = None,
    examples: int = 100,
) -> None:
    """Assert that a theory bounds the exact stationary quantity from one side.

    Parameters
    ----------
    theory, quantity, problems, sgds, examples
        As of `assert_agrees`.
    side : {"lower", "upper"}
        Which bound it is; a relative excess of 1e-9 is rounding.

    Raises
    ------
    AssertionError
        If the exact value lies beyond the bound on some example.
    ValueError
        If an argument lies outside its domain, or the theory returns another shape.

    Examples
    --------
    >>> import linsgd
    >>> from linsgd.testing import assert_bound, problems, sgds
    >>> def langevin(problem, sgd):
    ...     return linsgd.stationary_moments(problem, sgd, theory="langevin").excess_loss
    >>> assert_bound(
    ...     langevin,
    ...     "excess_loss",
    ...     side="lower",
    ...     problems=problems(finite=False),
    ...     sgds=lambda problem: sgds(problem, momentum=0.0),
    ...     examples=20,
    ... )
    """
    domains.choice("quantity", quantity, get_args(Quantity))
    domains.choice("side", side, get_args(Side))
    sign = 1.0 if side == "lower" else -1.0

    def fault(problem: LinearRegression, sgd: SGD) -> str:
        bound, exact = _both(theory, quantity, problem, sgd)
        if np.all(sign * (bound - exact) <= ROUNDING * np.abs(exact)):
            return ""
        return f"bound = {bound}\nexact = {exact}"

    sentence = f"the theory's {quantity} is no {side} bound"
    _search(fault, sentence, problems, sgds, examples)


def assert_invariant(
    theory: Theory,
    change: Callable[[LinearRegression, SGD], Setting],
    *,
    rtol: float = ROUNDING,
    problems: Problems | None = None,
    sgds: Sgds | None = None,
    examples: int = 100,
) -> None:
    """Assert that a change of problem and optimizer leaves a theory's value unchanged.

    Parameters
    ----------
    theory, problems, sgds, examples
        As of `assert_agrees`.
    change : callable
        From (problem, sgd) to another (problem, sgd).
    rtol : float
        Relative difference that is allowed in each entry, at least 0.

    Raises
    ------
    AssertionError
        If the value changes on some example.
    ValueError
        If an argument lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> from dataclasses import replace
    >>> from linsgd.testing import assert_invariant, problems, sgds
    >>> def kinetic_over_potential(problem, sgd):
    ...     law = linsgd.stationary_moments(problem, sgd, theory="langevin")
    ...     return law.velocity_variance * sgd.lr / law.position_variance
    >>> def another_batch(problem, sgd):
    ...     return problem, replace(sgd, batch_size=4 * sgd.batch_size)
    >>> assert_invariant(
    ...     kinetic_over_potential,
    ...     another_batch,
    ...     problems=problems(finite=False, noise_std=1.0),
    ...     sgds=lambda problem: sgds(problem, nesterov=False),
    ...     examples=20,
    ... )
    """
    domains.real("rtol", rtol, "[0, inf)")

    def fault(problem: LinearRegression, sgd: SGD) -> str:
        before = np.asarray(theory(problem, sgd), dtype=np.float64)
        after = np.asarray(theory(*change(problem, sgd)), dtype=np.float64)
        if before.shape == after.shape and _relative_error(after, before) <= rtol:
            return ""
        return f"before = {before}\nafter = {after}"

    _search(fault, "the theory is not invariant", problems, sgds, examples)


def _both(
    theory: Theory, quantity: Quantity, problem: LinearRegression, sgd: SGD
) -> tuple[FloatArray, FloatArray]:
    """Return the theory's values and the exact ones; nothing where there is no exact law."""
    law = stationary_moments(problem, sgd)
    if law.status not in KNOWN:
        return np.empty(0), np.empty(0)
    exact = np.asarray(getattr(law, quantity), dtype=np.float64)
    given = theory(problem, sgd)
    if given is None:
        domains.refuse("what the theory returns", None, "numbers; is a return missing?")
    predicted = np.asarray(given, dtype=np.float64)
    if predicted.shape != exact.shape:
        domains.refuse("theory's shape", predicted.shape, str(exact.shape))
    return predicted, exact


def _relative_error(value: FloatArray, exact: FloatArray) -> float:
    """Return the largest relative error; entries at rounding of the largest one are exact."""
    if exact.size == 0:
        return 0.0
    difference = np.abs(value - exact)
    negligible = difference <= 1e-12 * np.abs(exact).max()
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(negligible, 0.0, difference / np.abs(exact))
    return float(np.nan_to_num(relative, nan=np.inf).max())


def _search(
    fault: Callable[[LinearRegression, SGD], str],
    sentence: str,
    problems: Problems | None,
    sgds: Sgds | None,
    examples: int,
) -> None:
    """Raise the AssertionError with the simplest example that has a fault, if there is one."""
    domains.integer("examples", examples, "[1, inf)")
    drawn = strategies.problems() if problems is None else problems
    if not isinstance(drawn, st.SearchStrategy):
        domains.refuse_type("problems", drawn, "a strategy, such as linsgd.testing.problems()")
    if sgds is not None and not callable(sgds):
        accepted = "a function of the problem, such as linsgd.testing.sgds"
        domains.refuse_type("sgds", sgds, accepted)
    optimizers = strategies.sgds if sgds is None else sgds

    @st.composite
    def settings(draw: st.DrawFn) -> Setting:
        problem = draw(drawn)
        return problem, draw(optimizers(problem))

    rules = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    try:
        problem, sgd = hypothesis.find(
            settings(), lambda setting: bool(fault(*setting)), settings=rules, random=Random(0)
        )
    except NoSuchExample:
        return
    lines = [f"{sentence}:", "from linsgd import *", f"problem = {problem!r}", f"sgd = {sgd!r}"]
    raise AssertionError("\n".join([*lines, fault(problem, sgd)]))
