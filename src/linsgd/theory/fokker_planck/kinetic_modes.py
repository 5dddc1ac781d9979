"""Stationary law, slow modes, passage and evolution of the kinetic operator."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

from linsgd.domains import FloatArray
from linsgd.theory.fokker_planck.kinetic_operator import KineticOperator

SHIFT = 0.02  # of the friction: near the eigenvalue 0, and away from it
MODES, SPACE = 3, 12  # eigenvalues near a shift, and vectors that Arnoldi's method keeps
KRYLOV = 60  # dimension of the space of an evolution
POLE = 0.1  # of its rational functions, over the length of the time interval


def stationary(operator: KineticOperator, friction: float) -> FloatArray:
    """Return the stationary vector, of mass 1, by inverse iteration."""
    shift = 1e-9 * friction
    factors = operator.matrix.shifted(shift)
    vector = np.zeros(operator.size)
    vector[: operator.mass.size] = operator.mass
    for _ in range(3):
        vector = factors.solve(vector)
        vector /= operator.mass @ vector[: operator.mass.size]
    return vector


def slow_rates(operator: KineticOperator, friction: float, frequency: float) -> NDArray[Any]:
    """Return eigenvalues near 0, and near i frequency if those are no slower than the friction.

    The first is that of the stationary law: 0 but for the errors of the method.
    """
    found = _near(operator, SHIFT * friction)
    near: NDArray[Any] = found[np.argsort(np.abs(found))]
    slowest = near[1:].real.min()
    underdamped = friction < 2 * frequency
    # a mode of a well decays at friction/2; one between wells, if any, is slower and near 0
    if underdamped and slowest > friction / 4:
        ringing = _near(operator, SHIFT * friction - 1j * frequency)
        far = np.abs(ringing) > friction / 4
        near = np.append(near, ringing[far])
    return near


def _near(operator: KineticOperator, shift: complex) -> NDArray[Any]:
    """Return the eigenvalues nearest to -shift."""
    factors = operator.matrix.shifted(shift)
    size = operator.size
    dtype = np.result_type(type(shift), float)
    inverse = LinearOperator((size, size), matvec=factors.solve, dtype=dtype)
    start = np.cos(np.arange(size)).astype(dtype)
    values: NDArray[Any]
    try:
        values = eigs(inverse, MODES, v0=start, ncv=SPACE, return_eigenvectors=False)
    except ArpackNoConvergence as error:
        values = error.eigenvalues
    return np.asarray(1 / values - shift)


def mean_passage(operator: KineticOperator, start: float) -> float:
    """Return the mean time to the absorbing end, from a position with thermal velocities."""
    positions = operator.mass.size
    columns = operator.size // positions
    x = np.array([start])
    log_temperature = np.log(operator.process.equation.diffusion(x))
    hotter = float(np.exp(log_temperature[0])) / operator.temperature - 1
    # a normal law of variance T in functions of variance T_0
    vector = np.zeros((columns, positions))
    location = operator.even_at(x)[0] / operator.root_density(x)[0]
    weight = 1.0
    for degree in range(0, columns, 2):
        vector[degree] = weight * location
        weight *= hotter / 2 * math.sqrt((degree + 1) * (degree + 2)) / (degree / 2 + 1)
    # the flux through the end couples all even degrees: U C U', U = end values of each
    factors = operator.matrix.shifted(0.0)
    ends = np.zeros((columns, positions, columns // 2))
    for k in range(columns // 2):
        ends[2 * k, :, k] = operator.exit
    U = ends.reshape(operator.size, -1)
    solved = factors.solve(np.column_stack([vector.ravel(), U]))
    direct, through = solved[:, 0], solved[:, 1:]
    # Woodbury: (M + U C U')^-1 f = M^-1 f - M^-1 U (1 + C U' M^-1 U)^-1 C U' M^-1 f
    C = operator.coupling
    small = np.eye(len(C)) + C @ (U.T @ through)
    density = direct - through @ np.linalg.solve(small, C @ (U.T @ direct))
    return float(operator.mass @ density[:positions])


def evolved(operator: KineticOperator, vector: FloatArray, time: float) -> tuple[FloatArray, float]:
    """Return exp(-time M) of a vector, and the change from a space of 3/4 the dimension.

    Arnoldi's method for (1 + pole M)^-1, whose space holds smooth solutions for any time step.
    """
    if time == 0:
        return vector, 0.0
    pole = POLE * time
    factors = operator.matrix.shifted(1 / pole)
    basis = [vector / np.linalg.norm(vector)]
    H = np.zeros((KRYLOV + 1, KRYLOV))
    for k in range(KRYLOV):
        image = factors.solve(basis[k]) / pole
        for _ in range(2):  # orthogonal to rounding
            overlap = np.array(basis) @ image
            H[: k + 1, k] += overlap
            image = image - overlap @ np.array(basis)
        H[k + 1, k] = np.linalg.norm(image)
        basis.append(image / H[k + 1, k])
    found = [
        _exponential(H[:m, :m], np.array(basis[:m]), time / pole) for m in (KRYLOV, 3 * KRYLOV // 4)
    ]
    size = np.linalg.norm(vector)
    change = float(np.linalg.norm(found[0] - found[1]) / np.linalg.norm(found[0]))
    return size * found[0], change


def _exponential(H: FloatArray, basis: FloatArray, steps: float) -> FloatArray:
    generator = (np.eye(len(H)) - np.linalg.inv(H)) * steps
    found: FloatArray = expm(generator)[:, 0] @ basis
    return found
