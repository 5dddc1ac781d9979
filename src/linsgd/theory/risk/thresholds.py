"""The largest stable learning rate in each theory of the risk curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.risk.coverage import check_along_axes, check_homogenized
from linsgd.theory.risk.node_curve import NodeCurve
from linsgd.theory.risk.run import Schedules
from linsgd.theory.risk.spectrum import finite_problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RiskThresholds(Result):
    """The largest stable learning rate in each theory.

    Attributes
    ----------
    exact : float
        Of the second moment of the discrete algorithm, to 1e-12.
    mean : float
        Of the mean of the discrete algorithm.
    homogenized : float
        2 b/tr H, of homogenised SGD and of its Volterra equation; inf where tr H has no feedback.
    gradient_flow : float
        inf: gradient flow with the labels' noise alone is always stable.
    """

    exact: float
    mean: float
    homogenized: float
    gradient_flow: float


def risk_thresholds(problem: LinearRegression | PowerLaw, sgd: SGD) -> RiskThresholds:
    r"""Return the largest stable learning rate in each theory of the risk curve.

    Parameters
    ----------
    problem : LinearRegression or PowerLaw
        Gaussian features, or a power law; of an infinite one the exponent must exceed 1 for a
        finite threshold above 0.
    sgd : SGD
        Plain SGD; its batch size counts, its learning rate does not.

    Returns
    -------
    RiskThresholds
        A learning rate a theory.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 1.0, 1.0, 1.0])
    >>> found = linsgd.risk_thresholds(problem, linsgd.SGD(lr=0.1, batch_size=2))
    >>> f"{found.exact:.4f} {found.homogenized:.4f} {found.mean:.1f}"
    '0.5714 1.0000 2.0'
    """
    accept(problem, sgd, OPTIMIZERS, (LinearRegression, PowerLaw))
    check_homogenized(problem, sgd, Schedules())
    problem = finite_problem(problem)
    check_along_axes(problem, sgd)
    curve = NodeCurve.of(problem, sgd)
    largest = Coefficients.of(sgd).at(1.0).largest_stable_curvature()
    return RiskThresholds(
        exact=curve.critical_lr(),
        mean=largest / float(curve.nodes.kappa.max()),
        homogenized=curve.homogenized_critical_lr(),
        gradient_flow=np.inf,
    )
