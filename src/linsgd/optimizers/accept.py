"""Exact-type check of the problem and the optimizer given to a public call.

A call answers for the types that it names and for no other. A subclass may override the step or the
gradient, so it is refused like any foreign object. A call that covers more than the defaults passes
its own tuple of types, which is then the one place where that call's coverage is stated.
"""

from linsgd import domains
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression

PROBLEMS: tuple[type, ...] = (LinearRegression,)
OPTIMIZERS: tuple[type, ...] = (SGD,)


def accept(
    problem: object,
    sgd: object,
    optimizers: tuple[type, ...] = OPTIMIZERS,
    problems: tuple[type, ...] = PROBLEMS,
) -> None:
    """Raise ValueError unless `problem` and `sgd` are exactly of types that the caller covers."""
    domains.exact_type("problem", problem, problems)
    domains.exact_type("sgd", sgd, optimizers)
