"""A walk: the 64 chains of one tile, advanced together and read at chosen steps.

`Walks` describes all tiles of an ensemble and pickles; ``walks.tile(t)`` starts the chains 64 t to
64 t + 63 and returns a function from increasing steps (K,) to states (K, rows, 64), to be called
with later steps each time. Each engine has coordinates of its own; `Walks.states` turns them to the
problem's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.jit import Array, kernel
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.optimizer import Optimizer, loss_decay
from linsgd.optimizers.scheduled_sgd import ScheduledSGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.variates import LANES

Advance = Callable[[IntArray], NDArray[Any]]


class Batch(NamedTuple):
    """The batch of a gradient: its size, the reciprocal of that and the weight decay."""

    size: int
    share: Any
    weight_decay: Any

    @classmethod
    def of(cls, sgd: Optimizer, dtype: Any) -> "Batch":
        """Return the batch of an optimizer in the precision of the chains."""
        return cls(sgd.batch_size, dtype(1 / sgd.batch_size), dtype(loss_decay(sgd)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walks:
    """All tiles of an ensemble.

    Attributes
    ----------
    problem : LinearRegression
        The problem.
    sgd : Optimizer
        The optimizer, of a type in the table of updates.
    kind : type
        Of the optimizer's update.
    seed : int
        In [0, 2**64).
    start : tuple of ndarray or None
        (w, v), each (d,); None for a fresh optimizer at w = 0.
    dtype : type
        np.float64 or np.float32.
    """

    problem: LinearRegression
    sgd: Optimizer
    kind: type[Update]
    seed: int
    start: tuple[FloatArray, FloatArray] | None
    dtype: Any

    def tile(self, tile: int) -> Advance:
        """Start the chains 64 tile to 64 tile + 63."""
        raise NotImplementedError

    @property
    def update(self) -> Update:
        """The optimizer's step, with what it is given of the walk."""
        update = self.kind.of(self.sgd, self.start is None, self.dtype)
        record: Any = update
        for name in self.kind.given:
            value = self.centre if name == "origin" else self.problem.covariance()
            record = record._replace(**{name: value.astype(self.dtype)})
        complete: Update = record
        return complete

    @property
    def batch(self) -> Batch:
        """The batch of a step."""
        return Batch.of(self.sgd, self.dtype)

    def pieces(
        self, step: int, at: IntArray, out: NDArray[Any]
    ) -> Iterator[tuple[Batch, IntArray, NDArray[Any]]]:
        """Yield parts of the way from `step` to the steps `at`, each of one batch size.

        Yields
        ------
        tuple
            The batch, the steps to go to and the part of `out` (K, rows, 64) for their states.
        """
        batch, sgd = self.batch, self.sgd
        if not isinstance(sgd, ScheduledSGD) or (sgd.batch_sizes == sgd.batch_size).all():
            yield batch, at, out
            return
        sizes = sgd.batch_sizes
        changes = np.flatnonzero(np.diff(sizes)) + 1
        for k, goal in enumerate(at):
            passed = changes[(changes > step) & (changes < goal)]
            for stop in (*passed, goal):
                size = int(sizes[min(step, len(sizes) - 1)])
                now = batch._replace(size=size, share=self.dtype(1 / size))
                yield now, np.array([stop]), out[k : k + 1]
                step = int(stop)

    @property
    def basis(self) -> FloatArray | None:
        """The matrix Q (d, d) from the walk's coordinates u to the problem's; None for I."""
        return None

    @property
    def centre(self) -> FloatArray:
        """The origin (d,) of the walk's positions."""
        return np.zeros(self.problem.dimension)

    def states(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Turn a tile's output to states (K, 64, 2d) in the problem's coordinates."""
        out = np.empty((len(rows), LANES, rows.shape[1]), rows.dtype)
        d = self.problem.dimension
        if self.basis is None:
            out[:] = rows.transpose(0, 2, 1)
        else:
            _rotate(self.basis, rows, out)
        out[:, :, :d] += self.centre.astype(rows.dtype)
        return out

    def begin(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return positions, velocities (d, 64) and further state (slots, d, 64) at step 0."""
        d = self.problem.dimension
        w, v = (np.zeros(d), np.zeros(d)) if self.start is None else self.start
        if self.basis is not None:
            w = (w - self.centre) @ self.basis
            v = v @ self.basis
        else:
            w = w - self.centre
        W, V = (np.repeat(x[:, None], LANES, axis=1).astype(self.dtype) for x in (w, v))
        return W, V, np.zeros((self.kind.slots, *W.shape), self.dtype)


@kernel
def _rotate(Q: Array, rows: Array, out: Array) -> None:
    d = len(Q)
    for k in range(len(rows)):
        for half in range(0, 2 * d, d):
            for i in range(d):
                for j in range(LANES):
                    total = 0.0
                    for m in range(d):
                        total += Q[i, m] * rows[k, half + m, j]
                    out[k, j, half + i] = total
