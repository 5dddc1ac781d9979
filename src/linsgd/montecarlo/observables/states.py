"""The states themselves: what `simulate` averages, chain by chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.observables.observable import (
    Average,
    Needs,
    Recorder,
    StateRecorder,
)
from linsgd.montecarlo.walks.walks import Walks

STATES = "states"


@dataclass(frozen=True, slots=True)
class States:
    """Keep the states (w, v) of every chain: `Ensemble.states` (K, chains, 2d).

    They take 16 K chains d bytes of memory. For the radial engine they are (K, chains, 3):
    |w - w*| and the parts of v along w - w* and across it, the last non-negative.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0, 0.5]), linsgd.SGD(lr=0.1)
    >>> linsgd.simulate(problem, sgd, [10, 20], chains=100, record=linsgd.States()).states.shape
    (2, 100, 4)
    """

    averages: ClassVar[Mapping[str, Average]] = {
        STATES: Average(every_chain=True, per_step=True, judged=False)
    }
    needs_float64: ClassVar[bool] = False

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        return Needs(0, at)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        return _Recorder(walks, at)


class _Recorder(StateRecorder):
    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        return {STATES: self.states()}
