"""The theories of SGD's moments, and the questions that each of them answers.

This table is the only place that names a theory. The public calls choose from it by name; a
question that a theory does not answer is refused with the names of those that do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, PROBLEMS, accept
from linsgd.optimizers.second_order import StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.diffusion import ornstein_uhlenbeck
from linsgd.theory.discrete import newton, transient
from linsgd.theory.discrete import oscillation as discrete_modes
from linsgd.theory.discrete import stationary as independent
from linsgd.theory.displacement import differential_equations
from linsgd.theory.displacement import discrete as discrete_displacement
from linsgd.theory.displacement.terms import Answer as Displaced
from linsgd.theory.epochs import law as epochs
from linsgd.theory.langevin import moments as langevin
from linsgd.theory.langevin import oscillation as langevin_modes
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.relaxation import Relaxation
from linsgd.theory.result import Moments, Start

TheoryName: TypeAlias = Literal["exact", "langevin", "diffusion"]
Question: TypeAlias = Literal["moments", "displacement", "oscillation", "autocorrelation"]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Theory:
    """A theory: what it covers, and its answer to each question, or None.

    Attributes
    ----------
    name : str
        As in the `theory` argument of the public calls.
    stationary : callable
        (problem, sgd) -> the stationary law.
    moments : callable
        (problem, sgd, steps (K,), start) -> the law at the steps.
    displacement : callable
        (problem, sgd, steps (K,), start) -> the status, the relative error, and the mean squares
        of the displacement and of one more step, and the slope of the first (3, K).
    oscillation : callable or None
        (stiffness z (d,), momentum) -> how each mode relaxes.
    autocorrelation : callable or None
        (lags (K, 1), momentum, stiffness z (d,)) -> those of position and velocity (K, d).
    problems, optimizers : tuple of type
        The exact types that it covers.
    others : mapping of type to callable
        The stationary laws of further optimizers, which answer no other question.
    """

    name: TheoryName
    stationary: Callable[[LinearRegression, SGD], Moments]
    moments: Callable[[LinearRegression, SGD, IntArray, Start], Moments]
    displacement: Callable[[LinearRegression, SGD, IntArray, Start], Displaced]
    oscillation: Callable[[FloatArray, float], Relaxation] | None = None
    autocorrelation: (
        Callable[[IntArray, float, FloatArray], tuple[FloatArray, FloatArray]] | None
    ) = None
    problems: tuple[type, ...] = PROBLEMS
    optimizers: tuple[type, ...] = OPTIMIZERS
    others: Mapping[type, Callable[[LinearRegression, Any], Moments]] = field(default_factory=dict)


def _exact_stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    if sgd.sampling != "independent":
        return epochs.stationary(problem, sgd)
    return independent.stationary(Recurrence.of(problem, sgd))


def _exact_moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start) -> Moments:
    if sgd.sampling != "independent":
        return epochs.moments(problem, sgd, steps, start)
    return transient.moments(problem, sgd, steps, start)


THEORIES: dict[str, Theory] = {
    theory.name: theory
    for theory in (
        Theory(
            name="exact",
            stationary=_exact_stationary,
            moments=_exact_moments,
            displacement=discrete_displacement.displacement,
            oscillation=discrete_modes.relaxation,
            autocorrelation=discrete_modes.correlations,
            others={StochasticNewton: newton.stationary},
        ),
        Theory(
            name="langevin",
            stationary=langevin.stationary,
            moments=langevin.moments,
            displacement=differential_equations.langevin_displacement,
            oscillation=langevin_modes.relaxation,
            autocorrelation=langevin_modes.correlations,
        ),
        Theory(
            name="diffusion",
            stationary=ornstein_uhlenbeck.stationary,
            moments=ornstein_uhlenbeck.moments,
            displacement=differential_equations.diffusion_displacement,
        ),
    )
}


def theories(question: Question = "moments") -> tuple[TheoryName, ...]:
    """Return the names of the theories that answer a question.

    Parameters
    ----------
    question : {"moments", "displacement", "oscillation", "autocorrelation"}
        A public call with an argument `theory`.

    Returns
    -------
    tuple of str
        The values of `theory` that the call accepts.

    Raises
    ------
    ValueError
        If `question` is none of these.

    See Also
    --------
    linsgd.stationary_moments, linsgd.moments, linsgd.displacement, linsgd.oscillation,
    linsgd.autocorrelation

    Examples
    --------
    >>> import linsgd
    >>> linsgd.theories("oscillation")
    ('exact', 'langevin')
    """
    questions = ("moments", "displacement", "oscillation", "autocorrelation")
    domains.choice("question", question, questions)
    return tuple(theory.name for theory in THEORIES.values() if getattr(theory, question))


def answer(
    question: Question,
    ask: Callable[[Theory], Answer | None],
    theory: str,
    problem: object,
    sgd: object,
) -> Answer:
    """Return a theory's answer to a question, after the checks that all public calls share.

    Parameters
    ----------
    question : str
        The name of the question.
    ask : callable
        Returns the field of the `Theory` with the answer, or None.
    theory : str
        The name that the caller gave.
    problem, sgd
        What the answer will be applied to.

    Raises
    ------
    ValueError
        If no such theory answers the question, or it does not cover the problem or the optimizer.
    """
    found = ask(THEORIES[domains.choice("theory", theory, theories(question))])
    if found is None:  # `theories` names those that answer
        domains.refuse("theory", theory, f"theories that answer {question}")
    accept(problem, sgd, THEORIES[theory].optimizers, THEORIES[theory].problems)
    return found
