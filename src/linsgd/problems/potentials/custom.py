"""A loss by functions of a user's own, or by a SymPy expression."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numba
import numpy as np
import sympy

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.potentials.potential import Potential

STEP = 1e-5  # of the central differences of the gradient, which err by its square
MOST = 4  # coordinates


class Custom(Potential):
    """A loss given by functions of its coordinates.

    Parameters
    ----------
    value : callable
        L(x), in two dimensions L(x, y), and so on; of arrays of coordinates of one shape.
    gradient : callable
        The derivative in one dimension; else a tuple of the partial derivatives. Simulations
        compile it with Numba for single numbers.
    hessian : callable, optional
        The second derivative in one dimension; else a tuple of d tuples. By default central
        differences of the gradient, to 1e-9 relative.
    dimension : int
        d, from 1 to 4.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    See Also
    --------
    Custom.from_expression : All three from a SymPy expression.

    Examples
    --------
    >>> import numpy as np
    >>> import linsgd
    >>> loss = linsgd.potentials.Custom(lambda x: 1 - np.cos(x) + x**2 / 20,
    ...                                 lambda x: np.sin(x) + x / 10)
    >>> round(float(loss.hessian(0.0)), 6)
    1.1
    """

    __slots__ = ("_code", "_dimension", "_gradient", "_hessian", "_value")

    def __init__(
        self,
        value: Callable[..., Any],
        gradient: Callable[..., Any],
        hessian: Callable[..., Any] | None = None,
        dimension: int = 1,
    ) -> None:
        for name, function in (("value", value), ("gradient", gradient)):
            if not callable(function):
                domains.refuse_type(name, function, "a function of the coordinates")
        if hessian is not None and not callable(hessian):
            domains.refuse_type("hessian", hessian, "a function of the coordinates, or None")
        self._value, self._gradient, self._hessian = value, gradient, hessian
        self._dimension = domains.integer("dimension", dimension, f"[1, {MOST}]")
        self._code: Any = None

    @classmethod
    def from_expression(
        cls, expression: sympy.Expr, symbols: Sequence[sympy.Symbol] | None = None
    ) -> Self:
        """Return the loss of a SymPy expression.

        Parameters
        ----------
        expression : sympy.Expr
            L.
        symbols : sequence of sympy.Symbol, optional
            The coordinates in their order; by default the expression's symbols by name.

        Examples
        --------
        >>> import linsgd, sympy
        >>> x, y = sympy.symbols("x y")
        >>> loss = linsgd.potentials.Custom.from_expression((x**2 - 1)**2 / 4 + x * y + y**2)
        >>> loss.gradient([0.0, 1.0])
        array([1., 2.])
        """
        if not isinstance(expression, sympy.Expr):
            domains.refuse_type("expression", expression, "a SymPy expression")
        free = sorted(expression.free_symbols, key=str)
        own = free if symbols is None else list(symbols)
        if not own or not set(free) <= set(own):
            domains.refuse("symbols", symbols, f"the symbols of the expression, {free}")
        first = [sympy.diff(expression, s) for s in own]
        second = [[sympy.diff(each, s) for s in own] for each in first]
        one = len(own) == 1
        slope = first[0] if one else tuple(first)
        bend = second[0][0] if one else tuple(map(tuple, second))
        return cls(
            sympy.lambdify(own, expression, "numpy"),
            sympy.lambdify(own, slope, "numpy"),
            sympy.lambdify(own, bend, "numpy"),
            len(own),
        )

    def __repr__(self) -> str:
        return f"Custom(dimension {self.dimension})"

    @property
    def dimension(self) -> int:
        """The number of coordinates d."""
        return self._dimension

    def _values(self, points: FloatArray) -> FloatArray:
        return _spread(self._value(*np.moveaxis(points, -1, 0)), points.shape[:-1])

    def _gradients(self, points: FloatArray) -> FloatArray:
        found = self._gradient(*np.moveaxis(points, -1, 0))
        parts = (found,) if self.dimension == 1 else found
        if len(parts) != self.dimension:
            domains.refuse("gradient", found, f"a tuple of {self.dimension} partial derivatives")
        return np.stack([_spread(part, points.shape[:-1]) for part in parts], axis=-1)

    def _hessians(self, points: FloatArray) -> FloatArray:
        shape = points.shape[:-1]
        if self._hessian is None:
            return self._differences(points)
        found = self._hessian(*np.moveaxis(points, -1, 0))
        rows = ((found,),) if self.dimension == 1 else found
        columns = [np.stack([_spread(e, shape) for e in row], axis=-1) for row in rows]
        return np.stack(columns, axis=-2)

    def _differences(self, points: FloatArray) -> FloatArray:
        """Return symmetrised central differences of the gradient."""
        step = STEP * (1 + np.abs(points).max(axis=-1, keepdims=True))
        rows = []
        for axis in np.eye(self.dimension):
            ahead, behind = points + step * axis, points - step * axis
            rows.append((self._gradients(ahead) - self._gradients(behind)) / (2 * step))
        found = np.stack(rows, axis=-2)
        symmetric: FloatArray = (found + found.swapaxes(-1, -2)) / 2
        return symmetric

    def code(self) -> Any:
        """Return the kernel code: the gradient, compiled by Numba.

        Raises
        ------
        ValueError
            If Numba does not compile the gradient.
        """
        if self._code is None:
            compiled = numba.njit(self._gradient)
            try:
                compiled(*np.full(self.dimension, 0.5))
            except numba.core.errors.NumbaError as error:
                why = str(error).strip().splitlines()[0]
                known = "functions of numbers that Numba compiles, or a SymPy expression"
                domains.refuse("gradient", f"a function that it refuses ({why})", known)
            self._code = _SLOPES[self.dimension](compiled)
        return self._code


def _spread(value: Any, shape: tuple[int, ...]) -> FloatArray:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), shape)


class _Function(NamedTuple):
    gradient: Any  # compiled


class _One(_Function):
    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        g[0] = record.gradient(x[0])


class _Two(_Function):
    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        g[0], g[1] = record.gradient(x[0], x[1])


class _Three(_Function):
    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        g[0], g[1], g[2] = record.gradient(x[0], x[1], x[2])


class _Four(_Function):
    @staticmethod
    def slope(record: Any, x: Any, g: Any) -> None:
        g[0], g[1], g[2], g[3] = record.gradient(x[0], x[1], x[2], x[3])


_SLOPES: dict[int, type[_Function]] = {1: _One, 2: _Two, 3: _Three, 4: _Four}
for _record in _SLOPES.values():
    _record.__module__ = "user"  # the code is the user's: a kernel made of it is not cached
