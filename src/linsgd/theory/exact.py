"""The exact theory: the discrete algorithm itself, by independent batches or by reshuffled epochs."""

from linsgd.domains import IntArray
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.theory.moments import Moments, Start
from linsgd.theory.stationary import stationary as independent_stationary
from linsgd.theory.transient import transient


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary law."""
    return independent_stationary(problem, sgd)


def moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start) -> Moments:
    """Return the law at each of the steps."""
    return transient(problem, sgd, steps, start)
