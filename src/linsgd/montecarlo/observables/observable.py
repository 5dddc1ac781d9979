"""An observable, its recorder on one tile, and scalar coordinates of phase space.

An observable says at which steps it must see a tile and starts a recorder there; the recorder sees
rows (K, R, 64) of the walk's coordinates at increasing steps (K,), and ends with averages over the
tile's first `lanes` chains. What the ensemble does with an average is in the observable's table
`averages`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, kernel
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.walks import Walks
from linsgd.optimizers.optimizer import loss_decay
from linsgd.variates import LANES

RADIUS = "radius"
NEVER = np.empty(0, np.int64)


class Needs(NamedTuple):
    """The steps an observable must see: all multiples of `every` (0: none) and those in `steps`."""

    every: int
    steps: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """How the averages of tiles under one name become that of the ensemble.

    Attributes
    ----------
    lost : int
        A tile of n chains has the weight n - lost: 1 for unbiased second moments about the mean.
    per_step : bool
        Whether the first axis is that of the simulation's steps; it is left out where the
        simulation is asked for a single number of steps.
    judged : bool
        Whether the argument `until` of `simulate` waits for its precision.
    every_chain : bool
        Whether it is a value of each chain, (K, 64, ...) for a tile, which is kept and not
        averaged.
    """

    lost: int = 0
    per_step: bool = False
    judged: bool = True
    every_chain: bool = False


class Recorder(Protocol):
    """The averages that an observable keeps of one tile."""

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        """Read the tile's rows (K, R, 64) at `steps` (K,), of which others may need some only."""

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        """Return averages over the first `lanes` chains, by their names in the ensemble."""


class Observable(Protocol):
    """A quantity that `simulate` can record."""

    @property
    def averages(self) -> Mapping[str, Average]:
        """The names that its recorder returns."""

    @property
    def needs_float64(self) -> bool:
        """True if it depends on tails, which float32's normal variates cut at 6.56 deviations."""

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see of a simulation that is asked for the steps `at`."""

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile, or raise ValueError if the walks do not have what it observes."""


class StateRecorder:
    """Keeps a tile's states at the steps `at` (K,); the base of recorders that average them."""

    def __init__(self, walks: Walks, at: IntArray) -> None:
        self.walks, self.at = walks, at
        self._seen: list[FloatArray] = []

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        """Keep the rows (K, R, 64) at those of `steps` that are in `at`."""
        chosen = np.isin(steps, self.at)
        if chosen.any():
            self._seen.append(self.walks.states(rows[chosen]).astype(np.float64))

    def states(self) -> FloatArray:
        """Return the states (K, 64, 2d), or (K, 64, 3) of the radial engine."""
        return np.concatenate(self._seen)


class Coordinate:
    """One number a chain: |w - w*|, or a'(w, v) - origin along a direction a (2d,)."""

    def __init__(self, walks: Walks, of: str | FloatArray) -> None:
        d = walks.problem.dimension
        w = walks.problem.solution(loss_decay(walks.sgd))
        self.radial = isinstance(walks, RadialWalks)
        self.direction: FloatArray | None = None
        if isinstance(of, str):
            domains.choice("of", of, (RADIUS,))
            self.origin = walks.problem.optimum - walks.centre
        else:
            a = domains.array("of", of, (2 * d,))
            if self.radial:
                domains.refuse("of", "a direction", f"{RADIUS!r} with engine = 'radial'")
            self.direction = (
                a
                if walks.basis is None
                else np.concatenate([a[:d] @ walks.basis, a[d:] @ walks.basis])
            )
            self.origin = np.array(a[:d] @ (w - walks.centre))

    def __call__(self, rows: NDArray[Any]) -> FloatArray:
        """Return the coordinate (K, 64) of a tile's rows."""
        if self.radial:
            return np.ascontiguousarray(rows[:, 0])
        x = np.empty((len(rows), LANES))
        if self.direction is None:
            _radius(rows, self.origin, x)
        else:
            _project(rows, self.direction, self.origin.item(), x)
        return x


@kernel
def _radius(rows: Array, origin: Array, x: Array) -> None:
    for k in range(len(rows)):
        for j in range(LANES):
            x[k, j] = 0.0
        for i in range(len(origin)):
            for j in range(LANES):
                x[k, j] += (rows[k, i, j] - origin[i]) ** 2
        for j in range(LANES):
            x[k, j] = np.sqrt(x[k, j])


@kernel
def _project(rows: Array, direction: Array, origin: float, x: Array) -> None:
    for k in range(len(rows)):
        for j in range(LANES):
            x[k, j] = -origin
        for i in range(len(direction)):
            for j in range(LANES):
                x[k, j] += direction[i] * rows[k, i, j]


def coordinate_argument(of: ArrayLike | str) -> str | FloatArray:
    """Check the argument that names a coordinate."""
    return (
        domains.choice("of", of, (RADIUS,))
        if isinstance(of, str)
        else domains.array("of", of, (None,))
    )


def increasing_steps(name: str, value: ArrayLike) -> IntArray:
    """Return `value` as an increasing array (K,) of steps; a single number as one of length 1."""
    steps = domains.step_list(name, np.atleast_1d(value))
    if (np.diff(steps) <= 0).any():
        domains.refuse(name, value, "increasing step counts")
    return steps
