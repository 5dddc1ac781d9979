"""The average over chains of a function of the state that the user writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.montecarlo.observables.observable import (
    Average,
    Needs,
    Recorder,
    StateRecorder,
)
from linsgd.montecarlo.walks.radial import RadialWalks
from linsgd.montecarlo.walks.walks import Walks

StateFunction = Callable[[FloatArray, FloatArray], ArrayLike]


@dataclass(frozen=True, slots=True, eq=False)
class ChainAverage:
    """Record the mean over chains of a function f(w, v), under the name of the function.

    Parameters
    ----------
    function : callable
        Of positions and velocities, two arrays (n, d) with a chain a row; returns a value of each
        chain, (n,) or (n, ...). It is called at the simulation's steps, from several threads.
    name : str, optional
        Of the average; by default the function's own, "lambda" for a lambda.

    Raises
    ------
    ValueError
        If `function` is not callable or `name` is no string.

    Examples
    --------
    >>> import linsgd
    >>> problem, sgd = linsgd.LinearRegression.gaussian([1.0, 0.5]), linsgd.SGD(lr=0.1)
    >>> record = linsgd.ChainAverage(lambda w, v: abs(w[:, 0]) > 0.5, name="far")
    >>> run = linsgd.simulate(problem, sgd, steps=100, record=record)
    >>> bool(0.01 < run.value("far") < 0.1)
    True
    """

    function: StateFunction
    name: str | None = None
    averages: Mapping[str, Average] = field(init=False, repr=False)
    needs_float64: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            domains.refuse("function", self.function, "a function of (w, v)")
        name = self.name
        if name is None:
            name = getattr(self.function, "__name__", type(self.function).__name__).strip("<>")
        if not isinstance(name, str):
            domains.refuse("name", name, "a string")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "averages", {name: Average(per_step=True)})

    def needs(self, at: IntArray) -> Needs:
        """Return the steps it must see."""
        return Needs(0, at)

    def recorder(self, walks: Walks, at: IntArray) -> Recorder:
        """Start recording a tile."""
        if isinstance(walks, RadialWalks):
            accepted = "'full' or 'reduced' for a function of (w, v)"
            domains.refuse("engine", "radial", accepted)
        return _Recorder(self, walks, at)


class _Recorder(StateRecorder):
    def __init__(self, what: ChainAverage, walks: Walks, at: IntArray) -> None:
        super().__init__(walks, at)
        self.what = what

    def averages(self, lanes: int) -> Mapping[str, FloatArray]:
        assert self.what.name is not None
        values = np.stack([self._of_step(states) for states in self.states()])
        with np.errstate(over="ignore", invalid="ignore"):
            return {self.what.name: values[:, :lanes].mean(axis=1)}

    def _of_step(self, states: FloatArray) -> FloatArray:
        """Return the function's values (64, ...) at states (64, 2d)."""
        w, v = np.split(states, 2, axis=-1)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # diverged chains
            values = np.asarray(self.what.function(w, v), np.float64)
        if values.shape[:1] != w.shape[:1]:
            given = f"{self.what.name} that returns shape {values.shape} for {len(w)} chains"
            domains.refuse("record", given, f"functions that return shape ({len(w)}, ...)")
        return values
