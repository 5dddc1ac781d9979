r"""Where each theory holds: its error against the exact law over a grid of hyperparameters.

For a quantity x the error of a theory is the largest over the components of

    |x_theory - x_exact| / |x_exact|,

and the theory holds where that is within the tolerance. Where the exact quantity is infinite a
theory with a finite one errs by inf. Between the learning rates of the grid the boundary is
interpolated in the logarithms of learning rate and error; `find_boundary` finds it to its digits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.blocks import Progress, accept_calls
from linsgd.compare.comparison import Comparison, compare
from linsgd.compare.quantities import DEFINITIONS, of_law
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result
from linsgd.theory.moments import stationary_moments
from linsgd.theory.oscillation import oscillation
from linsgd.theory.stability.thresholds import stability
from linsgd.theory.theories import theories as answering

Quantity: TypeAlias = Literal[
    "position_variance",
    "velocity_variance",
    "squared_distance",
    "squared_speed",
    "overlap",
    "excess_loss",
    "excess_risk",
    "relaxation_rate",
]
UserTheory: TypeAlias = Callable[[LinearRegression, SGD], ArrayLike]

VARIANCES = ("position_variance", "velocity_variance")
RATE = "relaxation_rate"
QUANTITIES = (*VARIANCES, *DEFINITIONS, RATE)
DIGITS = 1e-6  # relative width to which `find_boundary` bisects the learning rate
A_DECADE = 16  # learning rates of a grid that is not given
LOWEST_SHARE = 10**-2.5  # of the smallest threshold, where it begins
LOWEST = 1e-6  # of the threshold, where `find_boundary` begins


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Atlas(Result):
    """Errors of theories over learning rates, batch sizes and momenta.

    Attributes
    ----------
    quantity : str
        What is compared.
    tolerance : float
        The relative error within which a theory is said to hold.
    theories : tuple of str
        The approximations, T of them.
    lr : ndarray (L,)
        Ascending.
    batch_size : ndarray (B,)
        Ascending.
    momentum : ndarray (M,)
        Ascending.
    error : ndarray (T, L, B, M)
        Largest relative error over the components; inf where only the exact quantity is infinite,
        nan where there is nothing to compare.
    threshold : ndarray (B, M)
        The learning rate at the edge of mean-square stability.
    weight_decay : float
        As given.
    """

    quantity: str
    tolerance: float
    theories: tuple[str, ...]
    lr: FloatArray
    batch_size: IntArray
    momentum: FloatArray
    error: FloatArray
    threshold: FloatArray
    weight_decay: float

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether each theory is within the tolerance (T, L, B, M)."""
        within: NDArray[np.bool_] = self.error <= self.tolerance
        return within

    def boundary(self, theory: str) -> FloatArray:
        """Return the learning rate up to which a theory holds (B, M).

        It is interpolated between the grid's learning rates: nan where the theory holds nowhere on
        the grid, the largest learning rate where it holds everywhere.
        """
        errors = self.error[self._index(theory)]
        found = np.full(errors.shape[1:], np.nan)
        for where in np.ndindex(found.shape):
            found[where] = _crossing(self.lr, errors[(slice(None), *where)], self.tolerance)
        return found

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield a record a point and theory.

        Yields
        ------
        dict
            theory, lr, batch_size, momentum, error, holds.
        """
        axes = (self.theories, self.lr, self.batch_size, self.momentum)
        for place, values in zip(
            np.ndindex(self.error.shape), itertools.product(*axes), strict=True
        ):
            error = float(self.error[place])
            names = ("theory", "lr", "batch_size", "momentum")
            yield dict(zip(names, values, strict=True)) | {
                "error": error,
                "holds": error <= self.tolerance,
            }

    def to_dataframe(self) -> Any:
        """Return the `records` as a pandas DataFrame; needs pandas."""
        import pandas

        return pandas.DataFrame(self.records())

    def rows(self) -> list[tuple[str, str]]:
        """Return what is printed: up to which learning rate each theory holds."""
        shown = [
            ("quantity", f"{self.quantity}, within {100 * self.tolerance:g} %"),
            ("grid", f"{self.lr.size} lr x {self.batch_size.size} batch x {self.momentum.size} m"),
        ]
        for theory in self.theories:
            share = self.boundary(theory) / self.threshold
            shown.append((theory, _range_text(share)))
        return shown

    def plot(self, theory: str | None = None, momentum: float | None = None, ax: Any = None) -> Any:
        """Draw the error of a theory over learning rate and batch size.

        Parameters
        ----------
        theory : str, optional
            The first by default.
        momentum : float, optional
            One of the grid; the first by default.
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes
            Colour is the error; the white line its tolerance, the black one the edge of stability.
        """
        from matplotlib.colors import LogNorm

        from linsgd.axes import axes

        theory = self.theories[0] if theory is None else theory
        column = 0 if momentum is None else _place("momentum", momentum, self.momentum)
        ax = axes(ax)
        values = self.error[self._index(theory), :, :, column]
        shown = np.where(np.isfinite(values), np.maximum(values, 1e-12), np.nan)
        norm = LogNorm(1e-4, 1)
        mesh = ax.pcolormesh(
            self.lr, self.batch_size, shown.T, norm=norm, cmap="magma_r", rasterized=True
        )
        if self.lr.size > 1 and self.batch_size.size > 1:
            line = np.where(np.isfinite(values), values, 10.0)
            ax.contour(self.lr, self.batch_size, line.T, [self.tolerance], colors="white")
        ax.plot(self.threshold[:, column], self.batch_size, color="#20252b")
        ax.figure.colorbar(mesh, ax=ax, extend="both", label="relative error")
        title = f"{theory}: {self.quantity.replace('_', ' ')}, momentum {self.momentum[column]:g}"
        ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="batch size", title=title)
        ax.set(xlim=(self.lr[0], self.lr[-1]))
        return ax

    def spot_check(
        self, problem: LinearRegression, points: int = 3, seed: int = 0, chains: int | None = None
    ) -> list[Comparison]:
        """Compare the exact law with simulations at points of the grid where it exists.

        Parameters
        ----------
        problem : LinearRegression
            The problem of the atlas.
        points : int
            Evenly spread over the grid's stable points, at least 1.
        seed, chains : int
            Of each simulation, as in `compare`.

        Returns
        -------
        list of Comparison
            Each says by its z-scores whether the simulation agrees with the exact law.
        """
        points = domains.integer("points", points, "[1, 1000]")
        stable = np.argwhere(self.lr[:, None, None] < self.threshold)
        if not len(stable):
            domains.refuse("points", points, "0: no point of the grid is stable")
        share = (np.arange(points) + 0.5) / points
        chosen = stable[np.unique((share * len(stable)).astype(int))]
        return [
            compare(problem, self._sgd(*place), seed=seed, chains=chains)
            for place in chosen.tolist()
        ]

    def _sgd(self, i: int, j: int, k: int) -> SGD:
        return SGD(
            lr=float(self.lr[i]),
            batch_size=int(self.batch_size[j]),
            momentum=float(self.momentum[k]),
            weight_decay=self.weight_decay,
        )

    def _index(self, theory: str) -> int:
        return self.theories.index(domains.choice("theory", theory, self.theories))


def atlas(
    problem: LinearRegression,
    lr: ArrayLike | None = None,
    batch_size: ArrayLike = 1,
    momentum: ArrayLike = 0.0,
    quantity: Quantity = "position_variance",
    tolerance: float = 0.05,
    theories: Mapping[str, UserTheory] | None = None,
    weight_decay: float = 0.0,
    progress: Progress | None = None,
) -> Atlas:
    r"""Return where each theory of the stationary law holds, over a grid of hyperparameters.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    lr, batch_size, momentum : float or array_like
        The grid; each is sorted and freed of duplicates. By default 16 learning rates a decade,
        from a 300th of the grid's smallest mean-square threshold to the largest one.
    quantity : str
        "position_variance" or "velocity_variance" (each mode), "squared_distance" E|w - mu|^2,
        "squared_speed" E|v|^2, "overlap", "excess_loss", "excess_risk", or "relaxation_rate", the
        slowest damping per step.
    tolerance : float
        Relative error within which a theory holds, in (0, 1].
    theories : mapping of str to callable, optional
        Theories of one's own beside those of linsgd: (problem, sgd) -> the quantity.
    weight_decay : float
        Of every optimizer of the grid.
    progress : callable, optional
        Called as progress(done, total) with numbers of grid points.

    Returns
    -------
    Atlas
        Errors over the grid and the boundary of each theory.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    find_boundary : The boundary along one learning rate, to its digits.
    compare : All theories beside a simulation, at one point.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
    >>> found = linsgd.atlas(problem, lr=[0.01, 0.1, 0.3], batch_size=[1, 8])
    >>> found.holds[found.theories.index("langevin"), :, 1, 0].tolist()
    [True, False, False]
    """
    if lr is not None:
        rates = _grid("lr", lr, f"(0, {domains.LARGEST:g}]")
    batches = [domains.integer("batch_size", b, "[1, 1000000000]") for b in _listed(batch_size)]
    momenta = _grid("momentum", momentum, "[0, 1)")
    accept(problem, SGD(lr=1.0, weight_decay=weight_decay))
    domains.choice("quantity", quantity, QUANTITIES)
    tolerance = domains.real("tolerance", tolerance, "(0, 1]")
    accept_calls(None, progress)
    approximations = _approximations(quantity, theories)
    sizes = np.unique(np.array(batches, dtype=np.int64))
    thresholds = np.empty((sizes.size, momenta.size))
    optimizers = {
        place: SGD(1.0, int(sizes[place[0]]), float(momenta[place[1]]), weight_decay=weight_decay)
        for place in np.ndindex(thresholds.shape)
    }
    for place, sgd in optimizers.items():
        thresholds[place] = stability(problem, sgd).lr_mean_square
    if lr is None:
        rates = _rates(thresholds)
    errors = np.full((len(approximations), rates.size, *thresholds.shape), np.nan)
    total = rates.size * thresholds.size
    for done, (place, sgd) in enumerate(optimizers.items(), start=1):
        for i, rate in enumerate(rates):
            here = replace(sgd, lr=float(rate))
            exact = _value(problem, here, quantity, "exact")
            for t, theory in enumerate(approximations.values()):
                errors[(t, i, *place)] = _error(theory(problem, here), exact)
        if progress is not None:
            progress(done * rates.size, total)
    return Atlas(
        quantity=quantity,
        tolerance=tolerance,
        theories=tuple(approximations),
        lr=rates,
        batch_size=sizes,
        momentum=momenta,
        error=errors,
        threshold=thresholds,
        weight_decay=weight_decay,
    )


def _rates(thresholds: FloatArray) -> FloatArray:
    """Return learning rates from below the smallest threshold to the largest one."""
    positive = thresholds[thresholds > 0]
    if not positive.size:
        domains.refuse("lr", None, "learning rates: the variance diverges at every one")
    lowest, highest = positive.min() * LOWEST_SHARE, positive.max()
    count = math.ceil(A_DECADE * math.log10(highest / lowest)) + 1
    return np.geomspace(lowest, highest, count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Boundary(Result):
    """Up to which learning rate a theory holds.

    Attributes
    ----------
    lr : float
        The theory holds at all learning rates looked at below it; 0 if it does not at the lowest.
    error : float
        Absolute, of `lr`, from the bisection.
    share : float
        lr over the learning rate at the edge of mean-square stability; 1 if it holds up to there.
    """

    lr: float
    error: float
    share: float


def find_boundary(
    problem: LinearRegression,
    sgd: SGD,
    theory: str | UserTheory,
    quantity: Quantity = "position_variance",
    tolerance: float = 0.05,
) -> Boundary:
    """Return the learning rate up to which a theory holds, other hyperparameters as in `sgd`.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        Its learning rate is varied.
    theory : str or callable
        "langevin", "diffusion", or (problem, sgd) -> the quantity.
    quantity, tolerance
        As in `atlas`.

    Returns
    -------
    Boundary
        The first learning rate at which the error exceeds the tolerance: 64 learning rates in
        geometric progression bracket it, bisection finds it.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1, batch_size=8)
    >>> limit = linsgd.find_boundary(problem, sgd, "diffusion")
    >>> round(limit.lr, 4), round(limit.share, 4)
    (0.08, 0.05)
    """
    accept(problem, sgd)
    domains.choice("quantity", quantity, QUANTITIES)
    tolerance = domains.real("tolerance", tolerance, "(0, 1]")
    if callable(theory):
        value = _checked(theory)
    else:
        known = _approximations(quantity, None)
        value = known[domains.choice("theory", theory, tuple(known))]
    edge = float(stability(problem, sgd).lr_mean_square)

    def holds(lr: float) -> bool:
        here = replace(sgd, lr=lr)
        error = _error(value(problem, here), _value(problem, here, quantity, "exact"))
        return error <= tolerance

    low = 0.0
    for high in np.geomspace(LOWEST * edge, edge * (1 - DIGITS), 64).tolist():
        if not holds(high):
            break
        low = high
    else:
        return Boundary(lr=edge, error=DIGITS * edge, share=1.0)
    while low > 0 and high - low > DIGITS * high:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return Boundary(lr=low, error=high - low, share=low / edge)


def _approximations(
    quantity: str, own: Mapping[str, UserTheory] | None
) -> dict[str, Callable[[LinearRegression, SGD], FloatArray]]:
    """Return linsgd's approximations of a quantity and a user's own, by name."""
    names = answering("oscillation") if quantity == RATE else answering("moments")

    def named(name: str) -> Callable[[LinearRegression, SGD], FloatArray]:
        return lambda problem, sgd: _value(problem, sgd, quantity, name)

    found: dict[str, Callable[[LinearRegression, SGD], FloatArray]] = {
        name: named(name) for name in names if name != "exact"
    }
    for name, theory in (own or {}).items():
        if not callable(theory):
            domains.refuse_type(f"theories[{name!r}]", theory, "a function of (problem, sgd)")
        if name in found or name == "exact":
            domains.refuse("theories", name, "names other than those of linsgd's theories")
        found[name] = _checked(theory)
    return found


def _checked(theory: UserTheory) -> Callable[[LinearRegression, SGD], FloatArray]:
    """Return a user's theory with values as arrays."""
    return lambda problem, sgd: np.atleast_1d(np.asarray(theory(problem, sgd), dtype=float))


def _value(problem: LinearRegression, sgd: SGD, quantity: str, theory: Any) -> FloatArray:
    """Return a quantity of a theory (n,); inf or nan where it does not exist."""
    if quantity == RATE:
        rates = oscillation(problem, sgd, theory).damping[problem.eigenvalues > 0]
        return np.atleast_1d(rates.min())
    law = stationary_moments(problem, sgd, theory)
    if quantity in VARIANCES:
        return np.asarray(getattr(law, quantity))[problem.eigenvalues > 0]
    index = list(DEFINITIONS).index(quantity)
    return of_law(problem, sgd, law)[index : index + 1]


def _error(value: FloatArray, exact: FloatArray) -> float:
    """Return the largest relative error; nan where there is nothing to compare."""
    if np.isnan(value).any() or np.isnan(exact).any():
        return math.nan
    if np.isinf(exact).any():
        return math.nan if np.isinf(value).any() else math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.abs(value - exact) / np.abs(exact)
    return float(np.where(value == exact, 0.0, relative).max())


def _crossing(lr: FloatArray, errors: FloatArray, tolerance: float) -> float:
    """Return the learning rate at which errors (L,) first exceed the tolerance."""
    within = errors <= tolerance
    if not within[0]:
        return math.nan
    if within.all():
        return float(lr[-1])
    i = int(np.argmin(within))
    before = max(errors[i - 1], 1e-300)
    after = errors[i]
    if not math.isfinite(after):
        return float(lr[i - 1])
    share = math.log(tolerance / before) / math.log(after / before)
    return float(lr[i - 1] * (lr[i] / lr[i - 1]) ** min(share, 1.0))


def _range_text(share: FloatArray) -> str:
    known = share[np.isfinite(share)]
    if not known.size:
        return "holds nowhere on the grid"
    low = known.min()
    high = known.max()
    spread = f"{low:.2g}" if f"{low:.2g}" == f"{high:.2g}" else f"{low:.2g} to {high:.2g}"
    missing = " (nowhere for some)" if known.size < share.size else ""
    return f"holds up to {spread} of the stability threshold{missing}"


def _listed(values: ArrayLike) -> list[Any]:
    listed: list[Any] = np.atleast_1d(np.asarray(values)).tolist()
    return listed


def _grid(name: str, values: ArrayLike, domain: str) -> FloatArray:
    listed = [domains.real(name, value, domain) for value in _listed(values)]
    if not listed:
        domains.refuse(name, values, "at least one number")
    return np.unique(np.array(listed))


def _place(name: str, value: float, grid: FloatArray) -> int:
    found = np.flatnonzero(grid == value)
    if not found.size:
        domains.refuse(name, value, f"one of the grid, {', '.join(f'{x:g}' for x in grid)}")
    return int(found[0])
