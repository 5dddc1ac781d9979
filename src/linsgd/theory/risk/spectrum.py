"""The measures of `modes` on the spectrum of a problem, on few nodes."""

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.risk.measures import Measure, Panels, compressed, joined, power_tail
from linsgd.theory.risk.run import Run

EXPLICIT = 100_000  # modes of an infinite power law that are summed one by one
IMMOBILE = 1e-13  # a mode that moves by less in the whole run is at rest

Start = tuple[FloatArray, FloatArray]
Measures = tuple[dict[str, Measure], float]


def finite_problem(problem: LinearRegression | PowerLaw) -> LinearRegression | PowerLaw:
    """Return a power law of finite dimension as the linear regression that it is."""
    if isinstance(problem, PowerLaw) and problem.dimension is not None:
        return problem.problem()
    return problem


def panels_of(run: Run, looks: IntArray) -> Panels:
    """Return where panels must be narrow at every learning rate and momentum of a run."""
    lr = float(run.lr(looks).max())
    if lr == 0:
        return Panels(np.inf, np.inf)
    momenta = run.momentum(looks)
    lowest = float(momenta.min())
    highest = float(momenta.max())
    edge = min(_edge(run.sgd, lr, momentum) for momentum in (lowest, highest))
    oscillation = (1 - highest) / np.sqrt(lr) if highest > 0 else np.inf
    return Panels(edge, oscillation)


def _edge(sgd: SGD, lr: float, momentum: float) -> float:
    """Return the curvature above which the mean diverges."""
    coefficients = Coefficients(lr, momentum, sgd.gradient_weight, sgd.nesterov)
    return coefficients.largest_stable_curvature()


def problem_measures(
    problem: LinearRegression, weight_decay: float, panels: Panels, n: int, start: Start | None
) -> Measures:
    """Return the measures of `modes` and the constant part of T.

    Parameters
    ----------
    problem : LinearRegression
        Features along principal axes.
    weight_decay : float
        Of the optimizer.
    panels : Panels
        Where panels must be narrow.
    n : int
        Gauss nodes a panel.
    start : tuple (w, v) of ndarray (d,), optional
        In the problem's coordinates; a fresh optimizer at w = 0 by default.
    """
    moving = problem.eigenvalues > 0
    order = np.argsort(problem.eigenvalues[moving], kind="stable")

    def along(vector: FloatArray) -> FloatArray:
        """Return a vector's components along the moving modes, by ascending eigenvalue."""
        return problem.to_eigenbasis(vector)[moving][order]

    h = problem.eigenvalues[moving][order]
    optimum = along(problem.optimum)
    s = -weight_decay * optimum / (h + weight_decay)  # mu - w*
    theta = -optimum - s  # 0 - mu
    if start is not None:
        theta = along(start[0]) + theta
    weights = {"start": h * theta**2, "feed": h**2}
    if start is not None:
        v = along(start[1])
        weights |= {"cross": h * theta * v, "velocity": h * v**2}
    if weight_decay > 0:
        weights |= {"shift": h**3 * s**2, "drift": 2 * h * s * theta}
    if weight_decay > 0 and start is not None:
        weights["pull"] = 2 * h * s * v
    measures = {name: compressed(h, w, panels, n) for name, w in weights.items()}
    return measures, float(h @ s**2)


def infinite_measures(law: PowerLaw, run: Run, panels: Panels, n: int, travel: float) -> Measures:
    """Return the measures of an infinite power law, started at w = 0.

    Parameters
    ----------
    law : PowerLaw
        Of infinitely many features.
    run : Run
        How far modes move in it.
    panels : Panels
        Where panels must be narrow.
    n : int
        Gauss nodes a panel.
    travel : float
        By how much a mode of eigenvalue 1 would move in the run, lr steps/(1 - momentum).
    """
    if run.sgd.weight_decay > 0:
        domains.refuse("weight_decay", run.sgd.weight_decay, "0 with infinitely many features")
    slowest = IMMOBILE / travel
    j = np.arange(EXPLICIT, 0.0, -1.0)
    h = j**-law.exponent
    exponents = {"start": law.exponent + 2 * law.source, "feed": 2 * law.exponent}
    measures = {
        name: joined(
            [
                compressed(h, j**-weight, panels, n),
                power_tail(EXPLICIT, law.exponent, weight, slowest),
            ]
        )
        for name, weight in exponents.items()
    }
    return measures, 0.0
