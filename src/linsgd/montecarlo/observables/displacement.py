"""Squared displacements |w_(s+k) - w_s|^2 from several origins s, after each of several lags k."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.observables.observable import (
    Average,
    Needs,
    Recorder,
    increasing_steps,
)
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.walks import Walks
from linsgd.variates import LANES


@dataclass(frozen=True, slots=True, eq=False)
class SquaredDisplacement:
    """Record "displacement" (len(origins), len(lags)): E |w_(s+k) - w_s|^2.

    Parameters
    ----------
    lags : array_like of int
        Increasing, in steps.
    origins : array_like of int
        Increasing steps s.

    Examples
    --------
    >>> SquaredDisplacement(lags=[1, 10, 100], origins=[0, 500]).origins
    array([  0, 500])
    """

    lags: Any
    origins: Any = (0,)
    averages: ClassVar[Mapping[str, Average]] = {"displacement": Average()}
    needs_float64: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lags", increasing_steps("lags", self.lags))
        object.__setattr__(self, "origins", increasing_steps("origins", self.origins))

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        ends = np.add.outer(self.origins, self.lags)
        if ends[-1, -1] > at[-1]:
            domains.refuse(
                "steps",
                int(at[-1]),
                f"[{ends[-1, -1]}, inf) to hold the last origin and the largest lag",
            )
        return Needs(0, np.union1d(self.origins, ends))

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        if isinstance(walks, RadialWalks):
            domains.refuse(
                "engine",
                "radial",
                "'full' or 'reduced' for a displacement, which is no radial observable",
            )
        return _Recorder(self, walks.problem.dimension)


class _Recorder:
    def __init__(self, what: SquaredDisplacement, d: int) -> None:
        self.what, self.d = what, d
        self.origins = np.zeros((len(what.origins), d, LANES))
        self.squares = np.zeros((len(what.origins), len(what.lags), LANES))

    def update(self, steps: IntArray, rows: NDArray[Any]) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            for step, row in zip(steps, rows[:, : self.d], strict=True):
                self.origins[self.what.origins == step] = row
                for s, m in np.argwhere(np.add.outer(self.what.origins, self.what.lags) == step):
                    self.squares[s, m] = ((row - self.origins[s]) ** 2).sum(axis=0)

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        return {"displacement": self.squares[:, :, :lanes].mean(axis=2)}
