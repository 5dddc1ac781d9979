"""The seam between walks, which draw gradients, and optimizers, which step along them.

An update is a record for kernels: a NamedTuple of an optimizer's numbers, whose class says how it
steps and which state it keeps. Walks call its `step` through `advance`.
"""

from typing import Any, ClassVar, Self

from numba.extending import overload

from linsgd.jit import INLINED, Array, kernel, method

advance = method("step")
"""Step the chains: advance(update, k, W, V, M, G) on arrays (d, chains), for kernels."""


class Update:
    """An optimizer's step and its state, for kernels: the base of a class over a NamedTuple.

    Attributes
    ----------
    slots : int
        How many arrays of the shape of the positions the state has besides the velocities.
    rotates : bool
        Whether the step commutes with rotations of positions, velocities and gradients. If not it
        is made in the problem's own coordinates only.
    given : tuple of str
        Fields of the record that the walk fills in, in its own coordinates: "origin" (d,), where
        its positions begin, and "hessian" (d, d), the matrix H.
    elementwise : bool
        Whether `step` treats all entries alike and by themselves, so that arrays may be transposed.
    """

    slots: ClassVar[int] = 0
    rotates: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    given: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, optimizer: Any, fresh: bool, dtype: Any) -> Self:
        """Return the record of `optimizer`, started fresh or going on, in a precision."""
        raise NotImplementedError

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k in place, as compiled by Numba.

        Positions W and velocities V are (d, chains), the further state M is (slots, d, chains); a
        fresh optimizer's V and M are 0. G holds the gradients of the regularised loss. The origin
        of W is the walk's: a step that depends on W itself has it in `given`. An optimizer without
        a velocity of its own writes the last displacement over the learning rate to V.
        """
        raise NotImplementedError


class BatchUpdate(Update):
    """A step that is given the samples of its batch instead of a gradient."""

    def rows(self, batch_size: int) -> int:
        """Return how many samples a step takes."""
        return batch_size

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, X: Array, E: Array) -> None:
        """Make step number k in place, as compiled by Numba.

        Positions W and velocities V are (chains, d), features X (chains, rows, d) and labels E
        (chains, rows) less the prediction at the walk's origin.
        """
        raise NotImplementedError


@kernel
def make_batch_step(update: Any, k: int, W: Array, V: Array, X: Array, E: Array) -> None:
    """Make one step of a `BatchUpdate`."""
    advance(update, k, W, V, X, E)


def advance_rows(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
    """Step the chains of arrays (chains, d), for kernels."""
    if type(update).elementwise:
        advance(update, k, W, V, M, G)
    else:
        advance(update, k, W.T, V.T, M.transpose((0, 2, 1)), G.T)


@overload(advance_rows, strict=False, jit_options=INLINED)
def _advance_rows(update: Any, k: Any, W: Any, V: Any, M: Any, G: Any) -> Any:
    def as_they_are(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        advance(update, k, W, V, M, G)

    def transposed(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        advance(update, k, W.T, V.T, M.transpose((0, 2, 1)), G.T)

    return as_they_are if update.instance_class.elementwise else transposed


@kernel
def make_step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
    """Make one step of chains (chains, d) whose gradients are made elsewhere."""
    advance_rows(update, k, W, V, M, G)


@kernel
def copy_state(W: Array, V: Array, out: Array) -> None:
    """Copy positions and velocities (d, 64) to out (2d, 64); slice assignments compile slowly."""
    d = len(W)
    for i in range(d):
        for j in range(W.shape[1]):
            out[i, j] = W[i, j]
            out[d + i, j] = V[i, j]
