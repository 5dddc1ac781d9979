r"""The first-order diffusion of SGD: Ornstein-Uhlenbeck in the weights, with any noise covariance.

Time counts steps. Without inertia the weights, from the minimum and along the eigenvectors of H,
with kappa = h + weight_decay, follow

    dx_i = -theta_i x_i dt + noise of intensity q_ij,
    theta = a lr kappa / (1 - momentum),    q = (a lr / (1 - momentum))^2 N,    a = 1 - dampening,

N the covariance of the minibatch gradient (`linsgd.theory.langevin.gradient_noise`). Then

    E x(t) = e^{-theta t} x(0),
    Cov_ij(t) = e^{-(theta_i + theta_j) t} Cov_ij(0) + q_ij phi(theta_i + theta_j, t),
    phi(r, t) = (1 - e^{-r t}) / r,        B_ij = q_ij / (theta_i + theta_j)    at stationarity.

The stationary current is J = (-theta + q B^{-1} / 2) x p = -Q B^{-1} x p with
Q_ij = q_ij (theta_i - theta_j) / (2 (theta_i + theta_j)); it vanishes (detailed balance) if and
only if q and H commute, and dissipates, in nats a step,

    Sigma = tr(2 q^{-1} theta B theta) - tr(theta)
          = -sum_ij (q^{-1})_ij q_ij (theta_i - theta_j)^2 / (2 (theta_i + theta_j))  >= 0.

Its paths have no velocity: of the moments of v only the mean drift -theta x / lr is defined.

References
----------
.. [1] P. Chaudhari, S. Soatto, "Stochastic gradient descent performs variational inference,
   converges to limit cycles for deep networks" (2018), for the current.
.. [2] C. W. Gardiner, "Handbook of Stochastic Methods", for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.initial_state import InitialState, diagonal_matrices, initial_state
from linsgd.theory.langevin.centered import Centered
from linsgd.theory.langevin.currents import EntropyProduction, correlated_dissipation, energy
from linsgd.theory.langevin.gradient_noise import NoiseChoice
from linsgd.theory.langevin.process import langevin
from linsgd.theory.langevin.propagator import decayed
from linsgd.theory.result import Moments, Start, moments_from_eigenbasis

ORDER = "lr, and no velocity variance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrnsteinUhlenbeck(Centered):
    """The first-order diffusion of an optimizer on a problem; times in steps.

    Attributes
    ----------
    lr : float
        Turns the drift into a mean velocity.
    rate : ndarray (d,)
        theta of each mode, a step.
    intensity : ndarray (d,) or (d, d)
        q along the eigenvectors of H, a step; (d,) where modes do not share noise.
    """

    lr: float
    rate: FloatArray
    intensity: FloatArray

    def covariance(self, steps: ArrayLike, start: Start = None) -> FloatArray:
        """Return the covariance of w in the problem's coordinates (K, d, d) at `steps` (K,)."""
        domains.matrix_size("a (d, d) covariance", self.rate.size)
        begin = self.initial_state(start).matrices[0]
        blocks = self.evolved(domains.step_list("steps", steps), begin)
        return self.covariance_in_coordinates(blocks)

    def modified_loss(self, w: ArrayLike) -> FloatArray:
        """Return x' B^{-1} x / 2 (...) at points w (..., d), x = w - mu; inf off the support.

        The stationary density is exp(-modified_loss), normalised: it is in units of the
        temperature, which has no one value where the noise has any covariance.
        """
        return energy(self.along_eigenvectors(w, w)[0], self.stationary())

    def current(self, w: ArrayLike) -> FloatArray:
        """Return the stationary probability current over the density (..., d), per step."""
        x = self.along_eigenvectors(w, w)[0]
        if self.intensity.ndim == 1:
            return np.zeros_like(x)
        # J / p = -theta x + q B^{-1} x / 2
        solved = np.linalg.solve(self.stationary(), x[..., None])[..., 0]
        diffusive = solved @ self.intensity / 2
        return self.in_coordinates(-self.rate * x + diffusive)

    def entropy_production(self) -> EntropyProduction:
        """Return the entropy that the stationary state produces a step.

        It is 0 if and only if the noise commutes with H.
        """

        def weights() -> FloatArray:
            # (theta_i - theta_j)^2 / (2 (theta_i + theta_j))
            theta = self.rate
            total = theta[:, None] + theta
            gap = theta[:, None] - theta
            return np.divide(gap**2, 2 * total, out=np.zeros_like(gap), where=total > 0)

        return correlated_dissipation(self.intensity, weights, self.rate > 0)

    def initial_state(self, start: Start) -> InitialState:
        """Return the moments of x at step 0 along the eigenvectors; a velocity is ignored."""
        return initial_state(
            start, self.center, self.eigenvectors, self._stationary_state, velocity=False
        )

    def stationary(self) -> FloatArray:
        """Return B along the eigenvectors, (d,) or (d, d); inf for a free mode with noise."""
        q = self.intensity
        total = self._total_rate(q.ndim == 2)
        unbounded = np.where(q != 0, np.copysign(np.inf, q), 0.0)
        return np.divide(q, total, out=unbounded, where=total > 0)

    def evolved(self, times: IntArray, covariance: FloatArray) -> FloatArray:
        """Return the covariance along the eigenvectors at times (K,), from (d,) or (d, d)."""
        matrix = covariance.ndim == 2
        diagonal = matrix and self.intensity.ndim == 1
        q = diagonal_matrices(self.intensity) if diagonal else self.intensity
        ones = (1,) * covariance.ndim
        t = times.astype(np.float64).reshape(-1, *ones)
        total = self._total_rate(matrix)
        # q phi(theta_i + theta_j, t), with inf * 0 taken as 0
        added = np.zeros((t.size, *q.shape))
        np.multiply(q, decayed(total, t), out=added, where=(q != 0) & (t > 0))
        return np.exp(-total * t) * covariance + added

    def _total_rate(self, matrix: bool) -> FloatArray:
        """Return theta_i + theta_j (d, d), or 2 theta (d,)."""
        theta = self.rate
        return theta[:, None] + theta if matrix else 2 * theta

    def _stationary_state(self) -> InitialState:
        """Return the stationary law as a state at step 0, without a velocity."""
        B = self.stationary()
        none = np.zeros_like(B)
        return InitialState(np.zeros((2, self.rate.size)), np.stack([B, none, none]))


def diffusion(problem: LinearRegression, sgd: SGD, noise: NoiseChoice = None) -> OrnsteinUhlenbeck:
    r"""Return the first-order diffusion of SGD.

    Parameters
    ----------
    problem, sgd, noise
        As in `linsgd.langevin`.

    Returns
    -------
    OrnsteinUhlenbeck
        The process.

    Raises
    ------
    ValueError
        If an argument is outside its domain, or with Nesterov momentum.

    See Also
    --------
    langevin : The equation with inertia, of which this is the limit.
    pearson : The same in one dimension, with noise that grows with the distance.

    Notes
    -----
    Along the eigenvectors of H, with time in steps, :math:`\kappa = h + \lambda` and the covariance
    N of the minibatch gradient,

    .. math:: dx_i = -\frac{\eta \kappa_i}{1 - \beta} x_i\, dt + \text{noise of intensity }
        \left(\frac{\eta}{1 - \beta}\right)^2 N_{ij}

    without dampening: the limit of small :math:`\eta \kappa / (1 - \beta)^2`.

    References
    ----------
    .. [1] P. Chaudhari, S. Soatto, "Stochastic gradient descent performs variational inference,
       converges to limit cycles for deep networks" (2018).

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1])
    >>> process = linsgd.diffusion(problem, linsgd.SGD(lr=0.1, batch_size=4))
    >>> process.stationary()  # lr noise_std^2 / (2 b), whatever the curvature
    array([0.0125, 0.0125])
    """
    accept(problem, sgd)
    process = langevin(problem, sgd, noise)
    pace = process.gradient_weight * process.lr / (1 - process.momentum)
    return OrnsteinUhlenbeck(
        stationary_status=process.stationary_status,
        lr=process.lr,
        rate=pace * process.curvature,
        intensity=pace**2 * process.noise,
        center=process.center,
        eigenvectors=process.eigenvectors,
    )


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary moments of the diffusion."""
    process = diffusion(problem, sgd)
    at_center = np.zeros_like(process.rate)
    return _result(problem, sgd, process, at_center, process.stationary(), None)


def moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start = None) -> Moments:
    """Return the moments of the diffusion at `steps` (K,)."""
    process = diffusion(problem, sgd)
    begin = process.initial_state(start)
    matrix = process.intensity.ndim == 2 or begin.covariance.ndim == 3
    initial = (begin.matrices if matrix else begin.covariance)[0]
    mean = np.exp(-process.rate * steps[:, None]) * begin.mean[0]
    covariance = process.evolved(steps, initial)
    return _result(problem, sgd, process, mean, covariance, steps)


def _result(
    problem: LinearRegression,
    sgd: SGD,
    process: OrnsteinUhlenbeck,
    mean: FloatArray,
    covariance: FloatArray,
    steps: IntArray | None,
) -> Moments:
    """Make the result from mean and covariance of x; those of the velocity are nan."""
    missing = np.full_like(covariance, np.nan)
    axis = mean.ndim - 1  # after the steps
    shift = problem.to_eigenbasis(process.center - problem.optimum)
    return moments_from_eigenbasis(
        problem,
        sgd,
        status=process.status,
        mean=np.stack([mean + shift, -process.rate / process.lr * mean], axis=-2),
        covariance=np.stack([covariance, missing, missing], axis=axis),
        steps=steps,
        order=ORDER,
        error=16 * float(np.finfo(float).eps),
    )
