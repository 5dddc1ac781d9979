"""The theory of the discrete algorithm itself: exact for independent batches, leading order in lr for epochs."""

from linsgd import domains
from linsgd.domains import IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete import epochs, transient
from linsgd.theory.discrete import stationary as independent
from linsgd.theory.moments import Moments, Start


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary law; for reshuffled epochs at each phase."""
    return (
        epochs.stationary(problem, sgd)
        if sgd.sampling == "epoch"
        else independent.stationary(problem, sgd)
    )


def moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start) -> Moments:
    """Return the law at each of the steps."""
    if sgd.sampling == "epoch":
        known = "'independent': of reshuffled epochs only stationary_moments is predicted; simulate knows the rest"
        domains.refuse("sampling", sgd.sampling, known)
    return transient.transient(problem, sgd, steps, start)
