r"""The first-order diffusion of SGD: Ornstein-Uhlenbeck in the weights, with any noise covariance.

Time counts steps. Without inertia the weights, from the minimum and along the eigenvectors of H,
follow

    dx_i = -theta_i x_i dt + noise of intensity q_ij,
    theta = a lr h / (1 - momentum),    q = (a lr / (1 - momentum))^2 N,    a = 1 - dampening,

N the covariance of the minibatch gradient (`linsgd.theory.langevin.gradient_noise`). Then

    E x(t) = e^{-theta t} x(0),    Cov_ij(t) = e^{-(theta_i + theta_j) t} Cov_ij(0) + q_ij phi(theta_i + theta_j, t),
    phi(r, t) = (1 - e^{-r t}) / r,        B_ij = q_ij / (theta_i + theta_j)    at stationarity.

The stationary current is J = (-theta + q B^{-1} / 2) x p = -Q B^{-1} x p with Q_ij = q_ij (theta_i
- theta_j) / (2 (theta_i + theta_j)); it vanishes (detailed balance) if and only if q and H commute,
and dissipates

    Sigma = tr(2 q^{-1} theta B theta) - tr(theta)
          = -sum_ij (q^{-1})_ij q_ij (theta_i - theta_j)^2 / (2 (theta_i + theta_j))  >= 0    nats a step.

Its paths have no velocity: of the moments of v only the mean drift, theta x / lr downhill, is
defined.

References
----------
Chaudhari and Soatto, "Stochastic gradient descent performs variational inference, converges to
limit cycles for deep networks" (2018), for the current; Gardiner, "Handbook of Stochastic Methods",
for the rest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.currents import EntropyProduction, energy, exchange
from linsgd.theory.langevin.gradient_noise import Noise
from linsgd.theory.langevin.process import langevin
from linsgd.theory.langevin.propagator import decayed
from linsgd.theory.langevin.starts import Centered
from linsgd.theory.moments import Moments, MomentsStatus, Start, law

ORDER = "lr, and no velocity variance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OrnsteinUhlenbeck(Centered):
    """The first-order diffusion of an optimizer on a problem; times in steps.

    Attributes
    ----------
    status : MomentsStatus
        Of its stationary law: "exact_law_missing" where this one exists and the algorithm's does
        not.
    lr : float
        Turns the drift into a mean velocity.
    rate : ndarray (d,)
        theta of each mode, a step.
    intensity : ndarray (d,) or (d, d)
        q along the eigenvectors of H, a step; (d,) where modes do not share noise.
    """

    status: MomentsStatus
    lr: float
    rate: FloatArray
    intensity: FloatArray

    def covariance(self, steps: ArrayLike, start: Start = None) -> FloatArray:
        """Return the covariance of w in the problem's coordinates (K, d, d) at `steps` (K,)."""
        domains.matrix_size("a (d, d) covariance", self.rate.size)
        blocks = self.evolved(domains.step_list("steps", steps), _matrix(self.start(start)[1]))
        return self.outward_matrix(blocks)

    def modified_loss(self, w: ArrayLike) -> FloatArray:
        """Return x' B^{-1} x / 2 (...) at points (..., d), x = w - mu: the density is its exponential; inf off support.

        In units of the temperature, which has no one value where the noise has any covariance.
        """
        return energy(self.inward(w, w)[0], self.stationary())

    def current(self, w: ArrayLike) -> FloatArray:
        """Return the stationary probability current over the density (..., d) at points w (..., d), per step."""
        x = self.inward(w, w)[0]
        if self.intensity.ndim == 1:
            return np.zeros_like(x)
        force = np.linalg.solve(self.stationary(), x[..., None])[..., 0]
        return self.outward(-self.rate * x + force @ self.intensity / 2)

    def entropy_production(self) -> EntropyProduction:
        """Return the entropy that the stationary state produces a step: 0 if and only if noise and H commute."""

        def share() -> FloatArray:
            total, gap = self.rate[:, None] + self.rate, self.rate[:, None] - self.rate
            return np.divide(gap**2, 2 * total, out=np.zeros_like(gap), where=total > 0)

        return exchange(self.intensity, share, self.rate > 0)

    def start(self, start: Start) -> tuple[FloatArray, FloatArray]:
        """Return the mean (d,) and covariance, (d,) or (d, d), of x at step 0."""
        if isinstance(start, str):
            domains.choice("start", start, ("stationary",))
            return np.zeros_like(self.rate), self.stationary()
        mean, covariance = self.begin(start)
        return mean[0], covariance[0]

    def stationary(self) -> FloatArray:
        """Return B along the eigenvectors, (d,) or (d, d); inf for a free mode with noise."""
        q, total = self.intensity, self._total()
        return np.divide(
            q, total, out=np.where(q != 0, np.copysign(np.inf, q), 0.0), where=total > 0
        )

    def evolved(self, times: IntArray, covariance: FloatArray) -> FloatArray:
        """Return the covariance along the eigenvectors at times (K,), from (d,) or (d, d) at step 0."""
        matrix = covariance.ndim == 2
        q = _matrix(self.intensity) if matrix else self.intensity
        t = times.astype(np.float64).reshape(-1, *(1,) * covariance.ndim)
        total = self.rate[:, None] + self.rate if matrix else 2 * self.rate
        noise = np.multiply(
            q, decayed(total, t), out=np.zeros((t.size, *q.shape)), where=(q != 0) & (t > 0)
        )
        return np.exp(-total * t) * covariance + noise

    def _total(self) -> FloatArray:
        return 2 * self.rate if self.intensity.ndim == 1 else self.rate[:, None] + self.rate


def diffusion(problem: LinearRegression, sgd: SGD, noise: Noise = None) -> OrnsteinUhlenbeck:
    """Return the first-order diffusion of SGD.

    Parameters
    ----------
    problem, sgd, noise
        As in `linsgd.langevin`, of which this is the limit of small lr h / (1 - momentum)^2.

    Returns
    -------
    OrnsteinUhlenbeck
        The process.

    Raises
    ------
    ValueError
        If an argument is outside its domain, or with Nesterov momentum.

    Examples
    --------
    >>> import linsgd
    >>> process = diffusion(linsgd.LinearRegression.gaussian([1.0, 0.1]), linsgd.SGD(lr=0.1, batch_size=4))
    >>> process.stationary()  # lr noise_std^2 / (2 b), whatever the curvature
    array([0.0125, 0.0125])
    """
    accept(problem, sgd)
    process = langevin(problem, sgd, noise)
    pace = process.gradient_weight * process.lr / (1 - process.momentum)
    return OrnsteinUhlenbeck(
        status=process.status,
        lr=process.lr,
        rate=pace * process.curvature,
        intensity=pace**2 * process.noise,
        center=process.center,
        eigenvectors=process.eigenvectors,
    )


def stationary(problem: LinearRegression, sgd: SGD) -> Moments:
    """Return the stationary moments of the diffusion."""
    process = diffusion(problem, sgd)
    return _result(problem, sgd, process, np.zeros_like(process.rate), process.stationary(), None)


def moments(problem: LinearRegression, sgd: SGD, steps: IntArray, start: Start = None) -> Moments:
    """Return the moments of the diffusion at `steps` (K,)."""
    process = diffusion(problem, sgd)
    mean, covariance = process.start(start)
    if process.intensity.ndim == 2:
        covariance = _matrix(covariance)
    decay = np.exp(-process.rate * steps[:, None])
    return _result(problem, sgd, process, decay * mean, process.evolved(steps, covariance), steps)


def _result(
    problem: LinearRegression,
    sgd: SGD,
    process: OrnsteinUhlenbeck,
    mean: FloatArray,
    covariance: FloatArray,
    steps: IntArray | None,
) -> Moments:
    matrix = covariance.ndim - (steps is not None) == 2
    variance = np.diagonal(covariance, axis1=-2, axis2=-1) if matrix else covariance
    missing = np.full_like(covariance, np.nan)
    shift = problem.to_eigenbasis(process.center - problem.optimum)
    return law(
        problem,
        sgd,
        status=process.status,
        mean=np.stack([mean + shift, -process.rate / process.lr * mean], axis=-2),
        covariance=np.stack(
            [variance, np.full_like(variance, np.nan), np.full_like(variance, np.nan)], axis=-2
        ),
        steps=steps,
        order=ORDER,
        error=16 * float(np.finfo(float).eps),
        blocks=np.stack([covariance, missing, missing], axis=-3) if matrix else None,
    )


def _matrix(values: FloatArray) -> FloatArray:
    return values if values.ndim == 2 else np.diag(values)
