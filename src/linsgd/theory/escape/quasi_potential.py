r"""Exponents of escape where noise and Hessian need not commute: the quasi-potential.

The diffusion dX = -L'(X) dt + sqrt(eps C(X)) dW with eps = lr/b has for small eps

    eps log E tau -> V(target),    V(y) = inf int (|L'|_C |phi'|_C + <L', phi'>_C) ds,

over paths phi from the minimum a to y, with <u, v>_C = u'C^{-1} v: the geometric form of Freidlin
and Wentzell's action, which does not depend on the path's speed (Heymann and Vanden-Eijnden 2008).
For C = c I it is 2 (L(y) - L(a))/c; for a quadratic loss and constant C it is y'S^{-1} y/2 with
H S + S H = C, whether or not H and C commute. Here the path is the straight line plus K sines,
whose coefficients BFGS moves; the action never lies below the least one, and its values at K/2 and
K sines give the error.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import Potential
from linsgd.result import Guarantee, Result
from linsgd.theory.escape.crossing import accept, refined

MODES = 12  # sines of the fine path
NODES = 120  # of the integral over the path
TINY = 1e-30  # keeps the root of the action differentiable at rest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class QuasiPotential(Result):
    """The exponent of escape to a point, with the path of least action.

    Attributes
    ----------
    value : float
        V: lr log E k/b tends to V/b as lr does to 0.
    exponent : float
        V b/lr (1 - momentum): the logarithm of the mean number of steps, to leading order.
    path : ndarray (n, d)
        From the minimum to the target.
    error : float
        Estimated relative error of `value`, from two resolutions.
    guarantee : Guarantee
        "numerical": of a path that is locally the best.
    """

    value: float
    exponent: float
    path: FloatArray = field(repr=False)
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def large_deviation(
    potential: Potential,
    sgd: SGD,
    minimum: ArrayLike,
    target: ArrayLike,
    noise: Any,
) -> QuasiPotential:
    r"""Return the exponent of the time to escape to a point, for any covariance of the noise.

    Parameters
    ----------
    potential : Potential
        One of `linsgd.potentials`.
    sgd : SGD
        lr and batch_size, without momentum.
    minimum : float or array_like (d,)
        Close to the minimum where SGD begins; refined.
    target : float or array_like (d,)
        A saddle, or any point of the minimum's basin.
    noise : float, array_like (d, d) or callable
        Covariance C of one sample's gradient, positive definite: a number times the identity, a
        matrix, or a function of points (n, d) that returns matrices (n, d, d), such as
        `FiniteSum.noise_covariance`.

    Returns
    -------
    QuasiPotential
        V, the exponent of the mean number of steps, and the path. No prefactor.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, or C is not positive definite on the way.

    See Also
    --------
    kramers : With the prefactor, for noise that is the same in all directions.

    Notes
    -----
    .. math:: V = \min_\varphi \int \left(|\nabla L|_C |\varphi'|_C + \langle\nabla L,
        \varphi'\rangle_C\right) ds, \qquad \log E k \approx \frac{b}{\eta} V.

    References
    ----------
    .. [1] M. Heymann, E. Vanden-Eijnden, "The geometric minimum action method", Communications on
       Pure and Applied Mathematics 61 (2008).

    Examples
    --------
    >>> import linsgd
    >>> bowl = linsgd.potentials.Quadratic([2.0, 1.0])
    >>> sgd = linsgd.SGD(lr=0.01)
    >>> found = linsgd.escape.large_deviation(bowl, sgd, [0, 0], [0, 1], [[1, 0.5], [0.5, 1]])
    >>> abs(found.value - 1.285714) < 1e-3
    True
    """
    accept(potential, sgd)
    if sgd.momentum:
        domains.refuse("momentum", sgd.momentum, "0: the quasi-potential is that of positions")
    d = potential.dimension
    a = refined(potential, "minimum", minimum)
    if np.linalg.eigvalsh(potential._hessians(a))[0] <= 0:
        domains.refuse("minimum", minimum, "close to a minimum with positive curvatures")
    y = domains.array("target", np.atleast_1d(np.asarray(target)), (d,))
    action = _Action(potential, _covariance(noise, d), a, y)
    coarse, modes = action.least(np.zeros((MODES // 2, d)))
    fine, modes = action.least(np.vstack([modes, np.zeros((MODES // 2, d))]))
    return QuasiPotential(
        value=fine,
        exponent=fine * sgd.batch_size / sgd.lr,
        path=action.path(modes, np.linspace(0, 1, 101)),
        error=(coarse - fine) / max(fine, 1e-300) + 1e-7,
    )


@dataclass(frozen=True, slots=True)
class _Action:
    """The action of the paths a + s (y - a) + sum_k c_k sin(k pi s), with coefficients c (K, d)."""

    potential: Potential
    covariance: Any  # points (n, d) -> (n, d, d)
    a: FloatArray
    y: FloatArray

    def path(self, c: FloatArray, s: FloatArray) -> FloatArray:
        """Return the points at s (n, d)."""
        waves = np.sin(np.pi * np.outer(s, np.arange(1, len(c) + 1)))
        found: FloatArray = self.a + s[:, None] * (self.y - self.a) + waves @ c
        return found

    def value(self, c: FloatArray) -> float:
        """Return the integral of |L'|_C |phi'|_C + <L', phi'>_C."""
        k = np.pi * np.arange(1, len(c) + 1)
        x = self.path(c, _S)
        moving = (self.y - self.a) + (k * np.cos(np.outer(_S, k))) @ c
        slope, C = self.potential._gradients(x), self.covariance(x)
        pulled = np.linalg.solve(C, slope[..., None])[..., 0]
        carried = np.linalg.solve(C, moving[..., None])[..., 0]
        speed = np.sqrt(np.sum(slope * pulled, axis=1) + TINY)
        length = np.sqrt(np.sum(moving * carried, axis=1) + TINY)
        return float(_W @ (speed * length + np.sum(pulled * moving, axis=1)))

    def least(self, start: FloatArray) -> tuple[float, FloatArray]:
        """Return the least action near a path, and its coefficients."""
        found = minimize(  # type: ignore[call-overload]
            lambda c: self.value(c.reshape(start.shape)),
            start.ravel(),
            method="BFGS",
            options={"gtol": 1e-7, "maxiter": 400},
        )
        return float(found.fun), np.asarray(found.x).reshape(start.shape)


def _covariance(noise: Any, d: int) -> Any:
    """Return the covariance as a function from points (n, d) to matrices (n, d, d)."""
    if callable(noise):

        def at(x: FloatArray) -> FloatArray:
            found = np.asarray(noise(x[:, 0] if d == 1 else x), dtype=np.float64)
            return _positive(found.reshape(len(x), d, d))

        return at
    given = np.asarray(noise)
    spread = np.full(d, given) if given.ndim == 0 else given
    numbers = domains.covariance("noise", spread)
    matrix = np.diag(numbers) if numbers.ndim == 1 else numbers
    if len(matrix) != d:
        domains.refuse("noise", f"array of shape {given.shape}", f"a covariance ({d}, {d})")
    _positive(matrix)
    return lambda x: np.broadcast_to(matrix, (len(x), d, d))


def _positive(C: FloatArray) -> FloatArray:
    """Return covariances, or refuse one that is singular."""
    least = float(np.linalg.eigvalsh(C).min())
    if not least > 0:
        domains.refuse("noise", f"covariance with eigenvalue {least:.3g}", "positive definite")
    return C


_S: FloatArray = (np.polynomial.legendre.leggauss(NODES)[0] + 1) / 2
_W: FloatArray = np.polynomial.legendre.leggauss(NODES)[1] / 2
