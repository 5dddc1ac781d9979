r"""Every theory beside the exact answer and the simulation, for one problem and one optimizer.

Theories are evaluated in their stationary laws. The simulation starts at w = 0 and runs until the
exact law is within a thousandth of its stationary limit; its averages are compared with the exact
law at that step, by

    z = (simulated - exact) / standard error,

which follows Student's law with one degree of freedom less than there are tiles of 64 chains. The
comparison holds if every |z| lies below the value that all five exceed with a probability of at
most 1e-6 together, as far as the means of the tiles are normal.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import stdtrit

from linsgd import domains
from linsgd.blocks import Progress, accept_calls
from linsgd.compare.quantities import DEFINITIONS, NAME, Quantities, of_law, rounding
from linsgd.compare.spread import Spread, spread, widened
from linsgd.domains import FloatArray
from linsgd.montecarlo.simulate import simulate
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, rounded
from linsgd.theory.mixing import mixing_rate
from linsgd.theory.moments import moments, stationary_moments
from linsgd.theory.result import Moments, MomentsStatus
from linsgd.theory.settling import settled_law
from linsgd.theory.stability.thresholds import stability
from linsgd.theory.theories import TheoryName
from linsgd.theory.theories import theories as built_in
from linsgd.variates import LANES

UserTheory: TypeAlias = Callable[[LinearRegression, SGD], Mapping[str, float]]

QUANTITIES = tuple(DEFINITIONS)
LONGEST = 2**14  # steps
SETTLED = 1e-3  # relative distance from the stationary law
FEWEST, MOST = 2**12, 2**16  # chains by default
WORK = 2**32  # steps x features x chains, about 20 s on two cores, beyond which no more are drawn
SHORT = 8  # steps of a simulation without a stationary law
FALSE_ALARM = 1e-6  # of all five quantities together
_EXISTING = (MomentsStatus.OK, MomentsStatus.NULL_SPACE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Comparison(Result):
    """Theories, exact answer and simulation side by side.

    Attributes
    ----------
    status : MomentsStatus
        Of the exact stationary law.
    quantities : tuple of str
        squared_distance E|w - mu|^2, squared_speed E|v|^2, overlap E(w - mu)'v, excess_loss and
        excess_risk; mu minimises the regularised loss.
    theories : tuple of str
        "exact", the approximations that cover the optimizer, and those of one's own.
    stationary : ndarray (len(theories), 5)
        Each theory's stationary value; inf where it diverges, nan where the theory does not have
        the quantity, as a first-order theory does not have a velocity.
    steps : int
        How long the simulation ran.
    settled : bool
        Whether the exact law at that step is within a thousandth of its stationary one.
    exact : ndarray (5,)
        The exact value at that step.
    simulated, standard_error : ndarray (5,)
        Mean over the chains and its standard error, which is inf where the stationary law has no
        fourth moment: the spread of the chains that were drawn says nothing then.
    rounding : ndarray (5,)
        Values below it are rounding errors.
    chains : int
        Independent chains.
    skewness : float
        The largest one of squares of a chain, from the rows and the exact law; inf where the
        simulation has no standard error, 0 for laws of which only the fourth moment is known.
    mixing_rates : ndarray (len(theories),)
        Each theory's decay of the mean per step, negative where it diverges: the spectral gap,
        whatever the batch, while the variance is finite; nan for a theory of one's own.
    remarks : tuple of str
        Why a number is infinite, missing or not comparable.
    interrupted : bool
        Whether fewer chains ran than were asked for.

    Notes
    -----
    `z` is (simulated - exact) / standard_error and `agrees` says whether all of them are small.

    See Also
    --------
    linsgd.stationary_moments, linsgd.simulate
    """

    status: MomentsStatus
    quantities: tuple[str, ...]
    theories: tuple[str, ...]
    stationary: FloatArray
    steps: int
    settled: bool
    exact: FloatArray
    simulated: FloatArray
    standard_error: FloatArray
    rounding: FloatArray
    chains: int
    skewness: float
    mixing_rates: FloatArray
    remarks: tuple[str, ...]
    interrupted: bool = False

    @property
    def z(self) -> FloatArray:
        """Return (simulated - exact) / standard_error (5,); nan where the error is not finite."""
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = self.simulated - self.exact
            scores = np.where(np.isfinite(self.standard_error), difference, np.nan)
            scores = scores / self.standard_error
        return np.where(np.abs(difference) <= self.rounding, 0.0, scores)

    @property
    def relative_error(self) -> FloatArray:
        """Return each theory's stationary value over the exact one, minus 1 (len(theories), 5).

        nan where there is no value, the exact one is infinite, or both are rounding errors.
        """
        exact = self.stationary[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            error: FloatArray = self.stationary / exact - 1
        return np.where(np.isfinite(exact) & (np.abs(exact) > self.rounding), error, np.nan)

    def within(self, tolerance: float) -> dict[str, bool]:
        """Return which theories are within a relative tolerance of the exact law, if it exists.

        Parameters
        ----------
        tolerance : float
            Of each quantity that the theory has, positive.

        Returns
        -------
        dict of str to bool
            False where the exact law is infinite and the theory's is not.
        """
        tolerance = domains.real("tolerance", tolerance, "(0, inf)")
        missed = np.isinf(self.stationary[0]) & np.isfinite(self.stationary)
        close = ~(np.abs(self.relative_error) > tolerance) & ~missed
        return dict(zip(self.theories, close.all(axis=1).tolist(), strict=True))

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, a row a quantity; needs pandas."""
        import pandas

        columns = {f"{theory}, limit": self.stationary[i] for i, theory in enumerate(self.theories)}
        columns |= {"exact": self.exact, "simulated": self.simulated}
        columns |= {"standard_error": self.standard_error, "z": self.z}
        return pandas.DataFrame(columns, index=list(self.quantities))

    def plot(self, ax: Any = None) -> Any:
        """Draw theories and simulation relative to the exact law.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes
            Theories relative to the exact limit, the simulation with two standard errors relative
            to the exact law at its step. What is not finite is left out.
        """
        from linsgd.axes import axes

        ax = axes(ax, 6.0, 3.6)
        rows = np.arange(len(self.quantities))
        for theory, error in zip(self.theories[1:], self.relative_error[1:], strict=True):
            ax.plot(error, rows, "D", markersize=5, label=theory)
        visible = np.abs(self.exact) > self.rounding
        with np.errstate(invalid="ignore", divide="ignore"):
            away = np.where(visible, self.simulated / self.exact - 1, np.nan)
            spread = np.where(visible, 2 * self.standard_error / np.abs(self.exact), np.nan)
        known = np.isfinite(away) & np.isfinite(spread)
        ax.errorbar(away[known], rows[known], xerr=spread[known], fmt="ko", label="simulated")
        ax.axvline(0.0, color="#20252b", linewidth=1, label="exact")
        ax.set_yticks(rows, self.quantities)
        ax.invert_yaxis()
        ax.set(xlabel="relative to the exact law, minus 1")
        ax.legend(frameon=False)
        return ax

    @property
    def agrees(self) -> bool | None:
        """Whether simulation and exact law agree; None where the chains cannot tell."""
        known = self.z[~np.isnan(self.z)]
        few = self.chains < Spread(self.skewness).chains
        if not known.size or (few and known.any()):
            return None
        return bool((np.abs(known) <= _largest(self.chains, self.skewness)).all())

    def rows(self) -> list[tuple[str, str]]:
        """Return (label, text) pairs for the printed form: the table, line by line, and remarks."""
        table = self._table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.rjust, line, widths)) for line in table]
        labels = ["", *(f"{name}  {DEFINITIONS[name]}" for name in self.quantities)]
        return [*zip(labels, lines, strict=True), *self._below()]

    def _repr_html_(self) -> str:
        head, *body = self._table()
        first = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in ["", *head])
        rows = "".join(
            f'<tr><th scope="row">{name} <small>{html.escape(DEFINITIONS[name])}</small></th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in line)
            + "</tr>"
            for name, line in zip(self.quantities, body, strict=True)
        )
        wide = f'<td colspan="{len(head)}">'
        below = "".join(
            f'<tr><th scope="row">{label}</th>{wide}{html.escape(text)}</td></tr>'
            for label, text in self._below()
        )
        return (
            f"<table><caption>Comparison</caption><thead><tr>{first}</tr></thead>"
            f"<tbody>{rows}{below}</tbody></table>"
        )

    def _table(self) -> list[list[str]]:
        """Return the cells of a header and of a line for each quantity."""
        at = f"step {self.steps}"
        head = [*(f"{theory}, limit" for theory in self.theories), f"exact, {at}"]
        return [[*head, f"simulated, {at}", "z"], *map(self._line, range(len(self.quantities)))]

    def _line(self, i: int) -> list[str]:
        floor = float(self.rounding[i])
        z = float(self.z[i])
        values = [_cell(float(x), floor) for x in [*self.stationary[:, i], self.exact[i]]]
        mean = float(self.simulated[i])
        error = float(self.standard_error[i])
        simulated = "0" if max(abs(mean), error) <= floor else rounded(mean, error)
        return [*values, simulated, "-" if math.isnan(z) else f"{z:.2g}"]

    def _below(self) -> list[tuple[str, str]]:
        words = {True: "yes", False: "no", None: "not decided"}
        pairs = [("status", str(self.status)), ("agrees", words[self.agrees])]
        rates = zip(self.theories, self.mixing_rates, strict=True)
        mixing = ", ".join(f"{theory} {rate:.6g}" for theory, rate in rates if rate == rate)
        pairs.append(("mixing rate", f"{mixing}: decay of the mean a step"))
        return [*pairs, *(("remark", remark) for remark in self.remarks)]


def compare(
    problem: LinearRegression,
    sgd: SGD,
    chains: int | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Progress | None = None,
    theories: Mapping[str, UserTheory] | None = None,
) -> Comparison:
    """Put every theory beside the exact answer and the simulation.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer, with independent batches.
    chains : int, optional
        Independent chains, at least 2; by default 4096, or as many as the skewness of the squares
        takes, at most 65,536 and what about 20 s of two cores allow.
    seed : int
        Of the simulation, in [0, 2**64).
    executor : concurrent.futures.Executor, optional
        Where blocks of chains are computed; by default threads.
    progress : callable, optional
        Called with (blocks done, blocks in all).
    theories : mapping of str to callable, optional
        Theories of one's own by name: f(problem, sgd) returns a mapping of quantities, among the
        five of `Comparison`, to their stationary values.

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
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
    >>> table = linsgd.compare(problem, linsgd.SGD(lr=0.1, batch_size=4, momentum=0.5))
    >>> table.agrees
    True
    """
    accept(problem, sgd)
    accept_calls(executor, progress)
    domains.choice("sgd.sampling", sgd.sampling, ("independent",))
    if chains is not None:
        chains = domains.integer("chains", chains, "[2, inf)")
    own = _own_values(problem, sgd, {} if theories is None else theories)
    laws, missing = _stationary_laws(problem, sgd)
    limits = [_limits(problem, sgd, law) for law in laws.values()]
    floor = rounding(problem, sgd)
    reached, settled = _reached(problem, sgd, laws["exact"], floor)
    law = reached.at(0)
    steps = int(np.asarray(law.steps))
    known = spread(problem, sgd, laws["exact"].status in _EXISTING, reached)
    if chains is None:
        chains = _usual(known, steps * problem.dimension)
    record = Quantities()
    ensemble = simulate(
        problem, sgd, steps, chains, seed, record=record, executor=executor, progress=progress
    )
    if ensemble.chains < chains:
        missing.append(f"interrupted after {ensemble.chains} of {chains} chains")
    error = ensemble.standard_error(NAME)
    existence = _existence(problem, sgd, laws["exact"], settled, steps)
    return Comparison(
        status=laws["exact"].status,
        quantities=QUANTITIES,
        theories=(*laws, *own),
        stationary=np.stack([*limits, *own.values()]),
        steps=steps,
        settled=settled,
        exact=of_law(problem, sgd, law),
        simulated=ensemble.value(NAME),
        standard_error=np.full(error.shape, np.inf) if math.isinf(known.skewness) else error,
        skewness=known.skewness,
        rounding=floor,
        chains=ensemble.chains,
        mixing_rates=_mixing_rates(problem, sgd, tuple(laws), len(own)),
        remarks=(*existence, *_doubts(known, ensemble.chains), *missing),
        interrupted=ensemble.chains < chains,
    )


def _usual(known: Spread, work: int) -> int:
    """Return the number of chains, each of so many steps times features, that is not given."""
    return max(FEWEST, min(known.chains, MOST, WORK // work))


def _mixing_rates(
    problem: LinearRegression, sgd: SGD, names: Sequence[TheoryName], own: int
) -> FloatArray:
    """Return the mixing rate of each theory, nan for those of one's own."""
    return np.array([*(mixing_rate(problem, sgd, name) for name in names), *[np.nan] * own])


def _own_values(
    problem: LinearRegression, sgd: SGD, theories: Mapping[str, UserTheory]
) -> dict[str, FloatArray]:
    """Return the quantities (5,) of each theory of one's own, nan where it has none."""
    found = {}
    for name, theory in theories.items():
        if name in built_in("moments"):
            domains.refuse("theories", name, "names that are not those of built-in theories")
        values = dict(theory(problem, sgd))
        for quantity in values:
            domains.choice(f"a quantity of theory {name!r}", quantity, QUANTITIES)
        found[name] = np.array(
            [float(values.get(quantity, np.nan)) for quantity in QUANTITIES], dtype=np.float64
        )
    return found


def _reached(
    problem: LinearRegression, sgd: SGD, exact: Moments, floor: FloatArray
) -> tuple[Moments, bool]:
    """Return the exact law at the simulated step, and whether it is close to the stationary one."""
    if exact.status not in _EXISTING:
        return moments(problem, sgd, [SHORT]), False
    return settled_law(
        problem,
        sgd,
        lambda law: of_law(problem, sgd, law)[:2],
        tolerance=SETTLED,
        longest=LONGEST,
        negligible=floor[:2],
    )


def _largest(chains: int, skewness: float) -> float:
    """Return the |z| that one of five quantities exceeds with probability `FALSE_ALARM`."""
    freedom = max(-(-chains // LANES) - 1, 1)
    quantile = -float(stdtrit(freedom, FALSE_ALARM / (2 * len(QUANTITIES))))
    return widened(quantile, skewness, chains)


def _doubts(known: Spread, chains: int) -> list[str]:
    """Return why the simulation has no standard error, or too few chains for a verdict."""
    if chains <= LANES:
        return [f"± is inf: a standard error takes more than {LANES} chains"]
    if known.reason:
        return [f"± is inf: {known.reason}"]
    if chains < known.chains:
        return [
            f"a verdict takes {known.chains} chains: squares have skewness {known.skewness:.3g}"
        ]
    return []


def _cell(value: float, floor: float) -> str:
    """Return a value to six digits, 0 below `floor`, and - where there is none."""
    if math.isnan(value):
        return "-"
    return "0" if abs(value) <= floor else f"{value:.6g}"


def _stationary_laws(
    problem: LinearRegression, sgd: SGD
) -> tuple[dict[TheoryName, Moments], list[str]]:
    """Return the stationary law of each theory, and why an approximation is left out."""
    missing: list[str] = []
    laws: dict[TheoryName, Moments] = {"exact": stationary_moments(problem, sgd)}
    for theory in built_in("moments")[1:]:
        try:
            laws[theory] = stationary_moments(problem, sgd, theory=theory)
        except ValueError as error:
            missing.append(f"{theory} is left out: {error}")
    return laws, missing


def _limits(problem: LinearRegression, sgd: SGD, law: Moments) -> FloatArray:
    """Return the quantities of a stationary law; all that it has are inf if it diverges."""
    values = of_law(problem, sgd, law)
    if law.status in (MomentsStatus.UNSTABLE, MomentsStatus.INFINITE_VARIANCE):
        return np.full(values.shape, np.inf)
    return values


def _existence(
    problem: LinearRegression, sgd: SGD, law: Moments, settled: bool, steps: int
) -> list[str]:
    """Say how far beyond its threshold a diverging optimizer is, or that it has not settled."""
    thresholds = {
        MomentsStatus.UNSTABLE: ("lr_mean", "the mean diverges"),
        MomentsStatus.INFINITE_VARIANCE: ("lr_mean_square", "the variance diverges"),
    }
    if law.status in thresholds:
        name, what = thresholds[law.status]
        lr = getattr(stability(problem, sgd), name)
        if lr == 0:
            return [f"{what} at every lr, so the simulation stops after {steps} steps"]
        times = f"lr = {sgd.lr:g} is {sgd.lr / lr:.3g} times {name} = {lr:.4g}"
        return [f"{times}: {what}, and the simulation stops after {steps} steps"]
    if not settled:
        return [f"after {steps} steps the exact law is not yet within 0.1 % of its limit"]
    return []
