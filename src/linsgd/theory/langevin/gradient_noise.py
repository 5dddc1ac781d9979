r"""The gradient noise that drives the Langevin equation: one covariance, frozen for all times.

None                that of the papers: noise_std^2 H / b at the optimum of a law of features; of a
                    data set its own at the ridge solution
"self_consistent"   the noise averaged over the stationary law that it causes itself
array_like          a measured covariance of one sample's gradient: (d,) along the eigenvectors of
                    H, or (d, d)

For the self-consistent choice let mu be the centre, s = mu - w* the ridge shift, N(D, E delta) the
covariance of `linsgd.theory.recurrence.gradient_covariance` and X the linear map from noise to
stationary position covariance. Then C = X(N(C + s s', s)). It has a solution if and only if the
positive operator C -> X(N_1(C)) has spectral radius below one. Second moments of the equation with
state-dependent noise are exactly those of this frozen noise.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.modes import Modes, mismatch
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise, label_noise
from linsgd.theory.recurrence.operators import largest_eigenvalue, solve_feedback
from linsgd.theory.recurrence.recurrence import Recurrence

NoiseChoice = None | Literal["self_consistent"] | ArrayLike


def minibatch_covariance(recurrence: Recurrence, noise: NoiseChoice, free: Modes) -> FloatArray:
    """Return the covariance of the minibatch gradient along the eigenvectors of H.

    Parameters
    ----------
    recurrence : Recurrence
        Of the problem and the optimizer.
    noise : None, "self_consistent" or array_like
        As in the module's docstring.
    free : Modes
        The equation without noise.

    Returns
    -------
    ndarray (d,) or (d, d)
        For the self-consistent choice inf where the noise has no solution.

    Raises
    ------
    ValueError
        If `noise` is none of these, or a matrix that is not symmetric and positive semidefinite.
    """
    problem = recurrence.problem
    sgd = recurrence.sgd
    law = recurrence.noise
    shift = recurrence.shift
    if isinstance(noise, str):
        domains.choice("noise", noise, ("self_consistent",))
        # Cov(x_i, x_j) = gain * response_ij * N_ij
        m = sgd.momentum
        kick = sgd.lr * sgd.gradient_weight
        gain = 2 * kick**2 / ((1 - m) * (1 + m))
        if isinstance(law, ModeNoise):
            return _self_consistent_modes(law, shift, gain, free)
        return _self_consistent_matrix(law, shift, gain * _response(free))
    if noise is not None:
        scale = law.scale if isinstance(law, MatrixNoise) else 1 / sgd.batch_size
        return scale * _measured(problem, noise)
    if isinstance(problem.features, FiniteData) and isinstance(law, MatrixNoise):
        return law(np.multiply.outer(shift, shift), shift)
    return label_noise(problem) / sgd.batch_size


def _measured(problem: LinearRegression, noise: ArrayLike) -> FloatArray:
    """Return a measured covariance along the eigenvectors of H, (d,) or (d, d)."""
    covariance = domains.covariance("noise", noise)
    d = problem.dimension
    if len(covariance) != d:
        domains.refuse("noise", f"array of shape {covariance.shape}", f"({d},) or ({d}, {d})")
    Q = problem.eigenvectors
    if covariance.ndim == 1 or Q is None:
        return covariance
    return Q.T @ covariance @ Q


def _response(free: Modes) -> FloatArray:
    """Return Cov(x_i, x_j) per noise and gain (d, d): 1 / ((w2_i + w2_j) (1 + k_ij)), 0 if free."""
    total = free.w2[:, None] + free.w2
    inverse = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return inverse / (1 + mismatch(free.w2, free.damping))


def _self_consistent_modes(
    law: ModeNoise, shift: FloatArray, gain: float, free: Modes
) -> FloatArray:
    """Return the self-consistent noise of features along principal axes, (d,) or (d, d).

    With X_i the response of mode i, f_i = h_i / (1 - own h_i^2 X_i), g_i = own h_i s_i^2 + label:

        N_ii = f_i (g_i + common T),
        T (1 - common sum_i h_i X_i f_i) = sum_i h_i (s_i^2 + X_i f_i g_i).
    """
    h, w2 = law.eigenvalues, free.w2
    infinite = np.where(h > 0, np.inf, 0.0)
    X = np.divide(gain / 2, w2, out=np.zeros_like(w2), where=w2 > 0)
    if any(law.infinite):
        return infinite
    own_gain = law.own * h**2 * X
    if own_gain.max() >= 1:
        return infinite
    f = h / (1 - own_gain)
    g = law.own * h * shift**2 + law.label
    feedback = law.common * np.sum(h * X * f)
    if feedback >= 1:
        return infinite
    second_moments = shift**2 + X * f * g
    T = np.sum(h * second_moments) / (1 - feedback)
    own = f * (g + law.common * T)
    if not shift.any():
        return own
    # the shift correlates modes: N_ij = pair h_i h_j (s_i s_j + X_ij N_ij)
    domains.matrix_size("the self-consistent noise of a shifted centre", h.size)
    coupling = law.pair * np.multiply.outer(h, h)
    pair_gain = coupling * gain * _response(free)
    N = coupling * np.multiply.outer(shift, shift) / (1 - pair_gain)
    np.fill_diagonal(N, own)
    return N


def _self_consistent_matrix(
    law: MatrixNoise, shift: FloatArray, response: FloatArray
) -> FloatArray:
    """Solve C = response o N(C + s s', s) in the symmetric variable response^{-1/2} o C."""
    root = np.sqrt(response)

    def gain(M: FloatArray) -> FloatArray:
        return root * law.homogeneous(root * M)

    exists = not any(law.infinite)
    if exists and law.scale > 0:
        exists = largest_eigenvalue(gain, shift.size) < 1
    if not exists:
        return np.where(law.eigenvalues > 0, np.inf, 0.0)
    frozen = law(np.multiply.outer(shift, shift), shift)
    solution, _ = solve_feedback(gain, root * frozen)
    return frozen + law.homogeneous(root * solution)
