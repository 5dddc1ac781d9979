r"""Every theory beside the exact answer and the simulation, for one problem and one optimizer.

With mu the minimiser of the regularised loss, five numbers are compared: E|w - mu|^2, E|v|^2, E(w -
mu)'v, the excess loss and the excess risk. Theories are evaluated in their stationary laws; the
simulation runs from w = 0 for so many steps that the exact law is within a thousandth of its
stationary one, and is held against the exact law at that step.
"""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.montecarlo.snapshots import snapshots
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, rounded
from linsgd.theory.moments import THEORIES, Moments, MomentsStatus, moments, stationary_moments
from linsgd.theory.tails.moments import fourth_moment
from linsgd.theory.tails.moments.fourth_moment import FourthMoment
from linsgd.theory.tails.setting import Setting

QUANTITIES = ("squared_distance", "squared_speed", "overlap", "excess_loss", "excess_risk")
LONGEST = 2**14  # steps
SETTLED = 1e-3
STATES = 2**22  # numbers in memory at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Comparison(Result):
    """Theories, exact answer and simulation side by side.

    Attributes
    ----------
    status : MomentsStatus
        Of the exact stationary law.
    quantities : tuple of str
        squared_distance, squared_speed, overlap, excess_loss, excess_risk.
    theories : tuple of str
        "exact" and the approximations that cover the optimizer.
    stationary : ndarray (len(theories), 5)
        Each theory's stationary value; nan where it has none, as a first-order theory of the
        velocity.
    steps : int
        How long the simulation ran.
    exact : ndarray (5,)
        The exact value at that step.
    simulated, standard_error : ndarray (5,)
        Mean over the chains, and its standard error: inf where the stationary law is known to have
        no fourth moment, as the spread of the chains that were seen says nothing then.
    chains : int
        Independent chains.
    """

    status: MomentsStatus
    quantities: tuple[str, ...]
    theories: tuple[str, ...]
    stationary: FloatArray
    steps: int
    exact: FloatArray
    simulated: FloatArray
    standard_error: FloatArray
    chains: int

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows: a header and a line for each quantity."""
        head = [*self.theories, f"exact, step {self.steps}", f"simulated, step {self.steps}"]
        table = [head, *(self._line(i) for i in range(len(self.quantities)))]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.rjust, line, widths)) for line in table]
        return [*zip(["", *self.quantities], lines, strict=True), ("status", str(self.status))]

    def _line(self, i: int) -> list[str]:
        values = [f"{value:.6g}" for value in [*self.stationary[:, i], self.exact[i]]]
        return [*values, rounded(float(self.simulated[i]), float(self.standard_error[i]))]


def compare(problem: LinearRegression, sgd: SGD, chains: int = 4096, seed: int = 0) -> Comparison:
    """Put every theory beside the exact answer and the simulation.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        The optimizer, with independent batches.
    chains : int
        Independent chains, at least 2.
    seed : int
        Of the simulation, in [0, 2**64).

    Returns
    -------
    Comparison
        A table that prints itself.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> from linsgd import SGD, LinearRegression
    >>> table = compare(LinearRegression.gaussian([1.0, 0.5]), SGD(lr=0.1, batch_size=4, momentum=0.5))
    >>> bool((abs(table.simulated - table.exact) < 6 * table.standard_error).all())
    True
    """
    accept(problem, sgd)
    domains.choice("sgd.sampling", sgd.sampling, ("independent",))
    domains.integer("chains", chains, "[2, inf)")
    laws = _laws(problem, sgd)
    law = _settled(problem, sgd, laws["exact"])
    steps = int(np.asarray(law.steps)[0])
    values = _simulated(problem, sgd, steps, chains, seed)
    return Comparison(
        status=laws["exact"].status,
        quantities=QUANTITIES,
        theories=tuple(laws),
        stationary=np.array([_quantities(problem, sgd, each) for each in laws.values()]),
        steps=steps,
        exact=_quantities(problem, sgd, law.at(0)),
        simulated=values.mean(axis=0),
        standard_error=_spread(problem, sgd, values) / np.sqrt(chains),
        chains=chains,
    )


def _spread(problem: LinearRegression, sgd: SGD, values: FloatArray) -> FloatArray:
    """Return the standard deviation of each quantity over chains (chains, 5), inf where their law has none."""
    setting = Setting.of(problem, sgd)
    known = not fourth_moment.covers(setting)
    infinite = known and FourthMoment.of(setting).log_mu(-np.inf).lower > 0
    return np.full(len(QUANTITIES), np.inf) if infinite else values.std(axis=0, ddof=1)


def _laws(problem: LinearRegression, sgd: SGD) -> dict[str, Moments]:
    """Return the stationary law of each theory; an approximation that does not cover the optimizer is left out."""
    laws = {"exact": stationary_moments(problem, sgd)}
    for theory in THEORIES[1:]:
        try:
            laws[theory] = stationary_moments(problem, sgd, theory=theory)
        except ValueError:
            continue
    return laws


def _settled(problem: LinearRegression, sgd: SGD, limit: Moments) -> Moments:
    """Return the exact law at the first power of two that is near its limit; at 8 steps where there is none."""
    if limit.status not in (MomentsStatus.OK, MomentsStatus.NULL_SPACE):
        return moments(problem, sgd, [8])
    goal = _quantities(problem, sgd, limit)[:2]
    steps = 16
    while True:
        law = moments(problem, sgd, [steps])
        distance = np.abs(_quantities(problem, sgd, law.at(0))[:2] - goal)
        if (distance <= SETTLED * goal).all() or steps >= LONGEST:
            return law
        steps *= 2


def _quantities(problem: LinearRegression, sgd: SGD, law: Moments) -> FloatArray:
    away, speed = law.mean - problem.solution(sgd.weight_decay), law.velocity_mean
    seconds = [
        law.position_variance.sum() + away @ away,
        law.velocity_variance.sum() + speed @ speed,
        law.position_velocity_covariance.sum() + away @ speed,
    ]
    return np.array([*seconds, law.excess_loss, law.excess_risk])


def _simulated(
    problem: LinearRegression, sgd: SGD, steps: int, chains: int, seed: int
) -> FloatArray:
    """Return each chain's quantities (chains, 5), a memory's worth of chains at a time."""
    block = max(64, STATES // (2 * problem.dimension) // 64 * 64)
    blocks = [range(first, min(first + block, chains)) for first in range(0, chains, block)]
    return np.concatenate([_of_chains(problem, sgd, steps, each, seed) for each in blocks])


def _of_chains(
    problem: LinearRegression, sgd: SGD, steps: int, chains: range, seed: int
) -> FloatArray:
    w, v = np.split(snapshots(problem, sgd, [steps], chains, seed=seed)[0], 2, axis=1)
    rho, decay = problem.eigenvalues, sgd.weight_decay
    away = problem.to_eigenbasis(w - problem.solution(decay))
    risk = problem.to_eigenbasis(w - problem.optimum)
    speed = problem.to_eigenbasis(v)
    return np.stack(
        [
            (away**2).sum(axis=1),
            (speed**2).sum(axis=1),
            (away * speed).sum(axis=1),
            away**2 @ (rho + decay) / 2,
            risk**2 @ rho / 2,
        ],
        axis=1,
    )
