r"""The kinetic Fokker-Planck operator between Legendre polynomials in x and Hermite functions in v.

With a reference temperature T_0, the density is

    p(x, v) = e^(-Phi(x)/2) sum_n b_n(x) He_n(v/sqrt T_0)/sqrt(n!) g(v),    g normal, variance T_0,

and with A = sqrt T_0 (d/dx + L'/T_0 - Phi'/2), B = sqrt T_0 (-d/dx + Phi'/2) the equation

    db_n/dt = -sqrt n A b_(n-1) + sqrt(n+1) B b_(n+1) - friction n b_n
              + friction (T(x)/T_0 - 1) sqrt(n (n-1)) b_(n-2).

At one temperature Phi = L/T: B is the adjoint of A, and all but the friction is antisymmetric. The
velocity is reversed at a wall: there b_n = 0 for odd n. Where the particle is absorbed no density
enters, so that for even m

    sum_odd <m|v|n> b_n = sum_even <m| |v| |n> b_n,

which replaces the flux through that end in the equations of even n.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import hermite_e, laguerre, legendre

from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck.block_tridiagonal import BlockTridiagonal
from linsgd.theory.fokker_planck.speed_and_scale import SpeedAndScale

LARGEST_PHASE = 24.0  # of a product of two polynomials over a panel, half the 48 of its Gauss rule


@dataclass(frozen=True, slots=True, eq=False)
class KineticOperator:
    """Minus the generator, as a matrix of blocks (b_0, b_1), (b_2, b_3), ...

    Attributes
    ----------
    matrix : BlockTridiagonal
        With the part of what leaves through an absorbing end that stays in a degree.
    exit : ndarray (N,), optional
        Values of the even functions of x at the absorbing end.
    coupling : ndarray (V/2, V/2)
        <m| |v| |n> for even m other than n: what else leaves through an absorbing end.
    low, high : float
        The interval.
    temperature : float
        T_0.
    mass : ndarray (N,)
        Integrals of e^(-Phi/2) times the even functions.
    odd : ndarray (N + 2, N)
        Legendre coefficients of the odd functions.
    process : SpeedAndScale
        Phi on panels; its diffusion is the temperature.
    """

    matrix: BlockTridiagonal
    exit: FloatArray | None
    coupling: FloatArray
    low: float
    high: float
    temperature: float
    mass: FloatArray
    odd: FloatArray
    process: SpeedAndScale

    @classmethod
    def of(
        cls,
        process: SpeedAndScale,
        friction: float,
        positions: int,
        velocities: int,
        *,
        absorbing: bool = False,
    ) -> "KineticOperator":
        """Return the operator for `positions` functions of x and `velocities` (even) of v."""
        process = _resolving(process, positions)
        panels = process.panels
        low, high = float(panels.edges[0]), float(panels.edges[-1])
        x, weights = panels.nodes.ravel(), (panels.half * panels.rule.weights).ravel()
        temperature = np.exp(process.log_d)
        reference = float(temperature.max() + temperature.min()) / 2
        slope = panels.derivative(process.equation.potential(panels.nodes))
        half_phi = panels.derivative(process.psi).ravel() / 2
        alpha = slope.ravel() / reference - half_phi
        even, even_slope = _even(x, low, high, positions)
        odd, odd_coefficients = _odd(x, weights, low, high, positions, absorbing=absorbing)
        root = math.sqrt(reference) * weights[:, None]
        parts = _Parts(
            forward=odd.T @ (root * (even_slope + alpha[:, None] * even)),
            backward=odd.T @ (root * (half_phi[:, None] * even - even_slope)),
            into_even=(root * (even_slope + half_phi[:, None] * even)).T @ odd,
            out_of_odd=(root * (alpha[:, None] * even - even_slope)).T @ odd,
            heat=_heat(even, odd, weights * (temperature.ravel() / reference - 1)),
        )
        root_density = np.exp(-(process.psi - process.psi.min()).ravel() / 2)
        matrix = _assembled(parts, friction, velocities)
        escape = math.sqrt(reference) * _half_range(velocities // 2)
        exit = None
        if absorbing:
            exit = _even(np.array([high]), low, high, positions)[0][0]
            within = np.diag(escape)[:, None, None] * np.outer(exit, exit)
            matrix.diagonal[:, :positions, :positions] += within
        return cls(
            matrix=matrix,
            exit=exit,
            coupling=escape - np.diag(np.diag(escape)),
            low=low,
            high=high,
            temperature=reference,
            mass=(weights * root_density) @ even,
            odd=odd_coefficients,
            process=process,
        )

    @property
    def size(self) -> int:
        """Number of unknowns."""
        count, n, _ = self.matrix.diagonal.shape
        return int(count * n)

    def even_at(self, x: FloatArray) -> FloatArray:
        """Return the even functions of x at positions (K, N)."""
        return _even(x, self.low, self.high, self.mass.size)[0]

    def odd_at(self, x: FloatArray) -> FloatArray:
        """Return the odd functions of x at positions (K, N)."""
        t = (2 * x - self.low - self.high) / (self.high - self.low)
        values: FloatArray = legendre.legvander(t, len(self.odd) - 1) @ self.odd
        return values

    def root_density(self, x: FloatArray) -> FloatArray:
        """Return e^(-Phi/2), 1 at its largest."""
        root: FloatArray = np.exp(-(self.process.psi_at(x) - self.process.psi.min()) / 2)
        return root

    def values(self, vector: FloatArray, x: FloatArray, v: FloatArray) -> FloatArray:
        """Return the density (J, I) at positions (I,) and velocities (J,)."""
        even, odd = self.even_at(x), self.odd_at(x)
        blocks = vector.reshape(-1, 2, self.mass.size)
        hermite = hermite_functions(v / math.sqrt(self.temperature), 2 * len(blocks))
        hermite /= math.sqrt(self.temperature)
        found = hermite[:, 0::2] @ (blocks[:, 0] @ even.T)
        found += hermite[:, 1::2] @ (blocks[:, 1] @ odd.T)
        density: FloatArray = found * self.root_density(x)
        return density


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Matrices between the functions of x (N, N): A, B and T/T_0 - 1.

    A and B from even to odd functions; into_even is B and out_of_odd is A from odd to even, by
    parts; heat holds T/T_0 - 1 between even and between odd functions.
    """

    forward: FloatArray
    backward: FloatArray
    into_even: FloatArray
    out_of_odd: FloatArray
    heat: tuple[FloatArray, FloatArray]


def _resolving(process: SpeedAndScale, count: int) -> SpeedAndScale:
    """Return the process on panels that integrate products of `count` polynomials exactly.

    In the angle a with x = middle - half cos a, a product oscillates with 2 count radians a radian.
    """
    edges = process.panels.edges
    middle, half = (edges[0] + edges[-1]) / 2, (edges[-1] - edges[0]) / 2
    angles = np.arccos(np.clip((middle - edges) / half, -1.0, 1.0))
    pieces = np.ceil(np.diff(angles) * 2 * count / LARGEST_PHASE).astype(int)
    cuts: list[float] = []
    for first, last, number in zip(angles, angles[1:], pieces, strict=False):
        inside = np.linspace(first, last, max(number, 1) + 1)[1:-1]
        cuts.extend(middle - half * np.cos(inside))
    return process.cut(cuts) if cuts else process


def _assembled(parts: _Parts, friction: float, velocities: int) -> BlockTridiagonal:
    n = parts.forward.shape[0]
    count = velocities // 2
    diagonal = np.zeros((count, 2 * n, 2 * n))
    upper = np.zeros((count - 1, 2 * n, 2 * n))
    lower = np.zeros((count - 1, 2 * n, 2 * n))
    even, odd = slice(0, n), slice(n, 2 * n)
    for k in range(count):
        degree = 2 * k
        diagonal[k][even, even] = friction * degree * np.eye(n)
        diagonal[k][odd, odd] = friction * (degree + 1) * np.eye(n)
        diagonal[k][odd, even] = math.sqrt(degree + 1) * parts.forward
        diagonal[k][even, odd] = -math.sqrt(degree + 1) * parts.into_even
        if k == 0:
            continue
        upper[k - 1][odd, even] = -math.sqrt(degree) * parts.backward
        lower[k - 1][even, odd] = math.sqrt(degree) * parts.out_of_odd
        for block, first in ((even, degree), (odd, degree + 1)):
            factor = friction * math.sqrt(first * (first - 1))
            heat = parts.heat[0] if block is even else parts.heat[1]
            lower[k - 1][block, block] = -factor * heat
    return BlockTridiagonal(diagonal, upper, lower)


def _heat(even: FloatArray, odd: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    return even.T @ (weights[:, None] * even), odd.T @ (weights[:, None] * odd)


def _even(x: FloatArray, low: float, high: float, count: int) -> tuple[FloatArray, FloatArray]:
    """Return orthonormal Legendre polynomials on the interval and their slopes (K, count)."""
    t = (2 * x - low - high) / (high - low)
    scale = np.sqrt((2 * np.arange(count) + 1) / (high - low))
    values = legendre.legvander(t, count - 1)
    slopes = values[:, :-1] @ legendre.legder(np.eye(count)) * 2 / (high - low)
    scaled: FloatArray = np.asarray(values * scale, dtype=np.float64)
    return scaled, slopes * scale


def _odd(
    x: FloatArray, weights: FloatArray, low: float, high: float, count: int, *, absorbing: bool
) -> tuple[FloatArray, FloatArray]:
    """Return orthonormal polynomials that vanish at walls, and their Legendre coefficients."""
    wall = [1.0, 1.0] if absorbing else [1.0, 0.0, -1.0]  # 1 + t, or 1 - t^2
    factor = legendre.poly2leg(wall)
    products = np.zeros((count + len(wall) - 1, count))
    for k, unit in enumerate(np.eye(count)):
        product = legendre.legmul(factor, unit[: k + 1])
        products[: product.size, k] = product
    t = (2 * x - low - high) / (high - low)
    values = legendre.legvander(t, len(products) - 1) @ products
    _, R = np.linalg.qr(np.sqrt(weights)[:, None] * values)
    inverse = np.linalg.inv(R)
    return np.asarray(values @ inverse, dtype=np.float64), products @ inverse


def _half_range(count: int) -> FloatArray:
    """Return <m| |v| |n> for even m, n at temperature 1: polynomials in y = v^2/2, weight e^-y."""
    y, weights = laguerre.laggauss(2 * count)
    polynomials = _normalised_hermite(np.sqrt(2 * y), 2 * count)[:, 0::2]
    found: FloatArray = polynomials.T @ (weights[:, None] * polynomials) * math.sqrt(2 / math.pi)
    return found


def _normalised_hermite(s: FloatArray, count: int) -> FloatArray:
    """Return He_n(s)/sqrt(n!) for n below count (K, count)."""
    values = np.ones((s.size, count))
    values[:, 1] = s
    for n in range(2, count):
        values[:, n] = (s * values[:, n - 1] - math.sqrt(n - 1) * values[:, n - 2]) / math.sqrt(n)
    return values


def hermite_functions(s: FloatArray, count: int) -> FloatArray:
    """Return He_n(s)/sqrt(n!) times the standard normal density (K, count)."""
    normal = np.exp(-(s**2) / 2) / math.sqrt(2 * math.pi)
    return _normalised_hermite(s, count) * normal[:, None]


def hermite_projection(count: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes s (Q,) and weights (Q, count) of int f(s) He_n(s)/sqrt(n!) ds."""
    s, weights = hermite_e.hermegauss(min(2 * count, 120))
    ratio = weights / np.exp(-(s**2) / 2)
    return s, ratio[:, None] * _normalised_hermite(s, count)
