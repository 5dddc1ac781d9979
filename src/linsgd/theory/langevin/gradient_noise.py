r"""The gradient noise that drives the Langevin equation: one covariance for all times, chosen once.

None            the paper's: sigma^2 H / b at the optimum of a law of features; a data set's own at the ridge solution
"self_consistent"  the noise averaged over the stationary law that it causes itself: with the centre mu, the ridge
                shift s = mu - w* and N(D, E delta) of
                `linsgd.theory.recurrence.gradient_covariance`, C = X(N(C + s s', s)), X the linear
                map from noise to stationary position covariance. It has a solution if and only if
                the positive operator C -> X(N_1(C)) has spectral radius below one; second moments
                of the equation with state-dependent noise are then exactly those of this frozen
                noise.
an array        a measured covariance of one sample's gradient: (d,) along the eigenvectors of H, or (d, d)
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator, cg

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.phase_space import mismatch
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise, gradient_noise_law
from linsgd.theory.recurrence.recurrence import largest_eigenvalue

Noise = None | str | ArrayLike


def minibatch_covariance(
    problem: LinearRegression, sgd: SGD, noise: Noise, *, damping: float, stiffness: FloatArray
) -> FloatArray:
    """Return the covariance of the minibatch gradient along the eigenvectors of H, (d,) or (d, d); inf if it is.

    Parameters
    ----------
    problem, sgd
        What is learned and how.
    noise : None, "self_consistent" or array_like
        As in the module's docstring.
    damping, stiffness
        Of the modes, for the self-consistent choice.

    Returns
    -------
    ndarray (d,) or (d, d)
        For the self-consistent choice inf where the noise feeds on itself without bound.

    Raises
    ------
    ValueError
        If `noise` is none of these, or a matrix that is not symmetric and positive semidefinite.
    """
    law = gradient_noise_law(problem, sgd)
    shift = problem.to_eigenbasis(problem.solution(sgd.weight_decay) - problem.optimum)
    if isinstance(noise, str):
        domains.choice("noise", noise, ("self_consistent",))
        gain = 2 * (sgd.lr * sgd.gradient_weight) ** 2 / (1 - sgd.momentum**2)
        if isinstance(law, ModeNoise):
            return _self_consistent_modes(law, shift, gain, damping, stiffness)
        return _self_consistent_matrix(law, shift, gain * _response(damping, stiffness))
    if noise is not None:
        scale = law.scale if isinstance(law, MatrixNoise) else 1 / sgd.batch_size
        return scale * _measured(problem, noise)
    if isinstance(problem.features, FiniteData) and isinstance(law, MatrixNoise):
        return law(np.multiply.outer(shift, shift), shift)
    rho = problem.eigenvalues
    return np.multiply(
        rho, problem.noise_variance / sgd.batch_size, out=np.zeros_like(rho), where=rho > 0
    )


def _measured(problem: LinearRegression, noise: ArrayLike) -> FloatArray:
    covariance = domains.covariance("noise", noise)
    if len(covariance) != problem.dimension:
        domains.refuse(
            "noise", f"array of shape {covariance.shape}", f"({problem.dimension},) or that twice"
        )
    if covariance.ndim == 1:
        return covariance
    smallest = float(np.linalg.eigvalsh(covariance)[0])
    if smallest < -1e-12 * np.abs(covariance).max():
        domains.refuse(
            "noise", f"matrix with eigenvalue {smallest:.6g}", "positive semidefinite matrices"
        )
    Q = problem.eigenvectors
    return covariance if Q is None else Q.T @ covariance @ Q


def _response(damping: float, stiffness: FloatArray) -> FloatArray:
    """Return Cov(x_i, x_j) of the modes (d, d) in units of their noise and of the gain; 0 for free pairs."""
    total = stiffness[:, None] + stiffness
    return np.divide(1.0, total, out=np.zeros_like(total), where=total > 0) / (
        1 + mismatch(stiffness, damping)
    )


def _self_consistent_modes(
    law: ModeNoise, shift: FloatArray, gain: float, damping: float, stiffness: FloatArray
) -> FloatArray:
    rho = law.eigenvalues
    X = np.divide(gain / 2, stiffness, out=np.zeros_like(stiffness), where=stiffness > 0)
    if any(law.heavy) or (law.own * rho**2 * X).max() >= 1:
        return np.where(rho > 0, np.inf, 0.0)
    amplified = rho / (1 - law.own * rho**2 * X)
    source = law.own * rho * shift**2 + law.label
    feedback = law.common * np.sum(rho * X * amplified)
    if feedback >= 1:
        return np.where(rho > 0, np.inf, 0.0)
    T = (np.sum(rho * shift**2) + np.sum(rho * X * amplified * source)) / (1 - feedback)
    own = amplified * (source + law.common * T)
    if not shift.any():
        return own
    domains.matrix_size("the self-consistent noise of a shifted centre", rho.size)
    coupling = law.pair * np.multiply.outer(rho, rho)
    N = (
        coupling
        * np.multiply.outer(shift, shift)
        / (1 - coupling * gain * _response(damping, stiffness))
    )
    np.fill_diagonal(N, own)
    return N


def _self_consistent_matrix(
    law: MatrixNoise, shift: FloatArray, response: FloatArray
) -> FloatArray:
    """Solve C = response o N(C + s s', s) in the variable response^{-1/2} o C, in which the operator is symmetric."""
    d, root = shift.size, np.sqrt(response)

    def gain(M: FloatArray) -> FloatArray:
        return root * law.homogeneous(root * M)

    if any(law.heavy) or (law.scale > 0 and largest_eigenvalue(gain, d) >= 1):
        return np.where(law.eigenvalues > 0, np.inf, 0.0)
    frozen = law(np.multiply.outer(shift, shift), shift)
    operator = LinearOperator(
        (d * d, d * d), matvec=lambda x: x - gain(x.reshape(d, d)).ravel(), dtype=np.float64
    )
    solution, _ = cg(operator, (root * frozen).ravel(), rtol=1e-15, atol=0.0, maxiter=1000)
    C = root * solution.reshape(d, d)
    return frozen + law.homogeneous((C + C.T) / 2)
