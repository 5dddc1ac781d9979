"""Random maps w' = Psi(w, z): an update rule of a user's own, with normal random numbers."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

from linsgd import domains

MOST = 10_000  # coordinates, or random numbers a step


class _Code(NamedTuple):
    update: Any  # compiled: (w, z, out) -> None


class MapCode(_Code):
    """The record of a random map that kernels are compiled for."""

    @staticmethod
    def advance(code: Any, w: Any, z: Any, out: Any) -> None:
        """Write Psi(w, z) to out."""
        code.update(w, z, out)


MapCode.__module__ = "user"  # the code is the user's: a kernel made of it is not cached


class RandomMap:
    """A random map w' = Psi(w, z), z independent standard normal numbers, fresh at each step.

    Made by `from_callable`.

    Attributes
    ----------
    dimension : int
        d, of w.
    normals : int
        Length of z.

    See Also
    --------
    linsgd.simulate_map : Chains of it.
    linsgd.claims.MapChains : Chains as the evidence of a claim.
    """

    __slots__ = ("_update", "code", "dimension", "normals")

    def __init__(self, update: Callable[..., Any], dimension: int, normals: int) -> None:
        self.dimension, self.normals = dimension, normals
        self._update = update
        self.code = MapCode(numba.njit(_writing(numba.njit(update), dimension, normals)))

    def __repr__(self) -> str:
        name = getattr(self._update, "__name__", "function")
        return f"RandomMap({name}, dimension={self.dimension}, normals={self.normals})"

    @classmethod
    def from_callable(
        cls, update: Callable[..., Any], dimension: int = 1, normals: int = 1
    ) -> "RandomMap":
        """Return the random map of a function, which Numba compiles.

        Parameters
        ----------
        update : callable
            Psi(w, z), which returns the next w. Each of w and z is a number if there is one of
            them, else an array, (dimension,) and (normals,). Other laws are functions of z: a
            uniform number is ``0.5 * math.erfc(z / math.sqrt(2))``.
        dimension : int
            Coordinates of w.
        normals : int
            Random numbers of a step.

        Returns
        -------
        RandomMap

        Raises
        ------
        ValueError
            If the function does not compile, with Numba's reason and the types of w and z, or
            returns something else than the next w.

        Examples
        --------
        >>> import linsgd
        >>> linsgd.RandomMap.from_callable(lambda w, z: 0.5 * w + z)
        RandomMap(<lambda>, dimension=1, normals=1)
        """
        if not callable(update):
            domains.refuse_type("update", update, "a function of w and z")
        d = domains.integer("dimension", dimension, f"[1, {MOST}]")
        made = cls(update, d, domains.integer("normals", normals, f"[1, {MOST}]"))
        made._check()
        return made

    @property
    def source(self) -> str:
        """The SHA-256 of the function's bytecode, constants and closure."""
        code = self._update.__code__
        cells = [repr(cell.cell_contents) for cell in self._update.__closure__ or ()]
        parts = [code.co_code.hex(), repr(code.co_consts), repr(code.co_names), *cells]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _check(self) -> None:
        """Refuse a function that does not compile, or that returns something else than w."""
        out = np.zeros(self.dimension)
        types = " and ".join(
            "a number" if size == 1 else f"an array ({size},)"
            for size in (self.dimension, self.normals)
        )
        try:
            MapCode.advance(self.code, np.full(self.dimension, 0.5), np.zeros(self.normals), out)
        except numba.core.errors.NumbaError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            known = f"a function of w and z, {types}, that Numba compiles; it says: "
            domains.refuse("update", self, known + " ".join(lines[1:3]))
        except ValueError as error:
            known = f"a function that returns w, of length {self.dimension}"
            domains.refuse("update", self, f"{known}: {error}")


def _writing(update: Any, dimension: int, normals: int) -> Callable[[Any, Any, Any], None]:
    """Return the function (w, z, out) that writes Psi(w, z); single numbers are passed as such."""
    if dimension == 1 and normals == 1:

        def write(w: Any, z: Any, out: Any) -> None:
            out[0] = update(w[0], z[0])

    elif dimension == 1:

        def write(w: Any, z: Any, out: Any) -> None:
            out[0] = update(w[0], z)

    elif normals == 1:

        def write(w: Any, z: Any, out: Any) -> None:
            out[:] = update(w, z[0])

    else:

        def write(w: Any, z: Any, out: Any) -> None:
            out[:] = update(w, z)

    return write
