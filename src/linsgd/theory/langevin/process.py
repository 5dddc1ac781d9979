r"""SGD with momentum as an underdamped Langevin equation around the minimum of a quadratic loss.

From the update w_{k+1} - w_k = momentum (w_k - w_{k-1}) - lr a (H_lam (w_k - mu) + noise),
a = 1 - dampening, with both neighbours of w_k expanded to second order in lr,

    dw = v ds,
    dv = -(2 / (lr (1 + momentum))) (a H_lam (w - mu) + (1 - momentum) v) ds + noise,    s = lr k,

with H_lam = H + weight_decay I and mu the ridge solution. In steps every eigenvector of H, of
curvature kappa = h + weight_decay, is a damped oscillator with

    u = (1 - momentum) / (1 + momentum),    w2 = 2 a lr kappa / (1 + momentum),
    q = (2 a lr / (1 + momentum))^2 N,      N the covariance of the minibatch gradient.

The algorithm's velocity is that of its last step, half a step older than its position. The matched
velocity gives the equation's slow motion the algorithm's amplitude to second order in lr:

    v(0) = (2 momentum v_0 - a kappa x_0) / (1 + momentum),

because a free mode travels momentum lr v_0 / (1 - momentum) in all, and in the equation
(1 + momentum) lr v(0) / (2 (1 - momentum)). A fresh optimizer's first gradient is not dampened,
which turns that a into 2 - a.

References
----------
.. [1] D. Kunin, J. Sagastuy-Brena, L. Gillespie, E. Margalit, H. Tanaka, S. Ganguli,
   D. L. K. Yamins, "The Limiting Dynamics of SGD: Modified Loss, Phase-Space Oscillations, and
   Anomalous Diffusion", Neural Computation 36 (2024). The equations are re-derived here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Deferred
from linsgd.theory.initial_state import InitialState, initial_state
from linsgd.theory.langevin import currents
from linsgd.theory.langevin.centered import Centered, approximate_status
from linsgd.theory.langevin.currents import EntropyProduction
from linsgd.theory.langevin.gradient_noise import NoiseChoice, minibatch_covariance
from linsgd.theory.langevin.modes import (
    Modes,
    StepMatrix,
    propagate_covariance,
    propagate_covariance_blocks,
)
from linsgd.theory.langevin.oscillation import correlations, relaxation
from linsgd.theory.recurrence.recurrence import Recurrence
from linsgd.theory.relaxation import no_nesterov
from linsgd.theory.result import Start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnderdampedLangevin(Centered):
    """The Langevin equation of an optimizer on a problem; times in steps.

    Attributes
    ----------
    lr, momentum, gradient_weight : float
        The optimizer's; the last is 1 - dampening.
    temperature : float
        1 / (b (1 - momentum^2)), the unit of the modified loss.
    mass : float
        lr (1 + momentum) / (2 (1 - dampening)), with which mass Var(v) = curvature Var(w) along
        each direction.
    curvature : ndarray (d,)
        h + weight_decay, in the order of ``problem.eigenvalues``.
    frequency, damping : ndarray (d,)
        Radians, and rate of the slowest exponential, a step.
    regime : ndarray of str (d,)
        "underdamped", "critical" or "overdamped".
    noise : ndarray (d,) or (d, d)
        Covariance of the minibatch gradient along the eigenvectors of H; (d,) where modes do not
        share noise.
    """

    lr: float
    momentum: float
    gradient_weight: float
    temperature: float
    mass: float
    curvature: FloatArray
    frequency: FloatArray
    damping: FloatArray
    regime: NDArray[np.str_]
    noise: FloatArray

    @property
    def modes(self) -> Modes:
        """The damped oscillators along the eigenvectors of H."""
        return Modes.of(self.lr, self.momentum, self.gradient_weight, self.curvature, self.noise)

    @property
    def rotation(self) -> FloatArray:
        """Angular speed of the stationary current (d,), radians a step, clockwise in (w, v)."""
        return np.sqrt(self.modes.w2)

    @property
    def potential_temperature(self) -> FloatArray:
        """Twice the mean potential energy along each eigenvector (d,): curvature Var(w)."""
        temperature: FloatArray = self.curvature * self.modes.stationary_variance()[0]
        return temperature

    @property
    def kinetic_temperature(self) -> FloatArray:
        """Twice the mean kinetic energy along each eigenvector (d,): mass Var(v)."""
        temperature: FloatArray = self.mass * self.modes.stationary_variance()[2]
        return temperature

    def drift(self) -> FloatArray:
        """Return A (2d, 2d) of d(w - mu, v) = -A (w - mu, v) dk + noise, dk counting steps."""
        d = self.curvature.size
        domains.matrix_size("a (2d, 2d) drift", d)
        force = 2 * self.gradient_weight / (1 + self.momentum)
        restoring = self.covariance_in_coordinates(np.diag(force * self.curvature))
        friction = 2 * self.modes.damping * np.eye(d)
        transport = -self.lr * np.eye(d)
        return np.block([[np.zeros((d, d)), transport], [restoring, friction]])

    def noise_intensity(self) -> FloatArray:
        """Return the covariance (2d, 2d) that the noise adds a step; it acts on v alone."""
        d = self.curvature.size
        domains.matrix_size("a (2d, 2d) noise", d)
        intensity = self.modes.intensity / self.lr**2
        matrix = np.diag(intensity) if intensity.ndim == 1 else intensity
        found = np.zeros((2 * d, 2 * d))
        found[d:, d:] = self.covariance_in_coordinates(matrix)
        return found

    def mean(self, steps: ArrayLike, start: Start = None, matched: bool = False) -> FloatArray:
        """Return E(w, v) in the problem's coordinates.

        Parameters
        ----------
        steps : array_like of int (K,)
            Times in steps, >= 0.
        start : None, "stationary", (w, v) or Moments
            At rest at w = 0; this theory's stationary law; a point; a law.
        matched : bool
            Whether to start from the matched velocity, with which the mean is accurate to second
            order in lr.

        Returns
        -------
        ndarray (K, 2 d)
            Positions, then velocities.
        """
        times = domains.step_list("steps", steps)
        begin = self.initial_state(start, matched)
        mean = self.modes.mean(self.modes.propagator(times), begin.mean)
        positions = self.center + self.in_coordinates(mean[:, 0])
        velocities = self.in_coordinates(mean[:, 1])
        return np.concatenate([positions, velocities], axis=-1)

    def covariance(
        self, steps: ArrayLike, start: Start = None, matched: bool = False
    ) -> FloatArray:
        """Return the covariance of (w, v) in the problem's coordinates.

        Parameters
        ----------
        steps, start, matched
            As in `mean`.

        Returns
        -------
        ndarray (K, 2 d, 2 d)
            Of positions, then velocities.
        """
        times = domains.step_list("steps", steps)
        domains.matrix_size("a (2d, 2d) covariance", self.curvature.size)
        begin = self.initial_state(start, matched)
        blocks = self.modes.blocks(self.modes.propagator(times), begin.matrices)
        xx, xv, vv = np.moveaxis(self.covariance_in_coordinates(blocks), 1, 0)
        return np.block([[xx, xv], [np.swapaxes(xv, -1, -2), vv]])

    def position_autocorrelation(self, steps: ArrayLike) -> FloatArray:
        """Return E x(k) x(0) / Var x of each mode (K, d)."""
        return self._correlations(steps)[0]

    def velocity_autocorrelation(self, steps: ArrayLike) -> FloatArray:
        """Return E v(k) v(0) / Var v of each mode (K, d)."""
        return self._correlations(steps)[1]

    def modified_loss(self, w: ArrayLike, v: ArrayLike) -> FloatArray:
        """Return Phi (...) at points w, v (..., d).

        The stationary density is exp(-Phi / temperature), normalised. Phi is inf off the support,
        where a direction has no noise.
        """
        points = self.along_eigenvectors(w, v)
        return currents.modified_loss(self.modes, self.temperature, *points)

    def current(self, w: ArrayLike, v: ArrayLike) -> FloatArray:
        """Return the stationary probability current over the density, per step.

        Parameters
        ----------
        w, v : array_like (..., d)
            Points of phase space.

        Returns
        -------
        ndarray (..., 2 d)
            The change of w, then of v.
        """
        flow = currents.current(self.modes, *self.along_eigenvectors(w, v))
        change_of_w = self.in_coordinates(flow[..., 0, :])
        change_of_v = self.in_coordinates(flow[..., 1, :])
        return np.concatenate([change_of_w, change_of_v], axis=-1)

    def entropy_production(self) -> EntropyProduction:
        """Return the entropy that the stationary state produces a step.

        It is 0 if and only if the noise commutes with H.
        """
        return currents.entropy_production(self.modes)

    def initial_state(self, start: Start, matched: bool = False) -> InitialState:
        """Return the moments of (w - mu, v) at step 0 along the eigenvectors, as in `mean`."""
        matched = domains.boolean("matched", matched)
        begin = initial_state(start, self.center, self.eigenvectors, self._stationary_state)
        if not matched or isinstance(start, str):
            return begin
        # v(0) = (2 momentum v_0 - a kappa x_0) / (1 + momentum)
        a = 2 - self.gradient_weight if begin.fresh else self.gradient_weight
        from_x = -a * self.curvature / (1 + self.momentum)
        from_v = 2 * self.momentum / (1 + self.momentum)
        entries = (1.0, 0.0, from_x, from_v)
        E = StepMatrix(*(np.broadcast_to(entry, (1, from_x.size)) for entry in entries))
        x, v = begin.mean
        mean = np.stack([x, from_x * x + from_v * v])
        C = begin.covariance
        propagate = propagate_covariance if C.ndim == 2 else propagate_covariance_blocks
        return InitialState(mean, propagate(E, C)[0])

    def _stationary_state(self) -> InitialState:
        """Return the stationary law as a state at step 0."""
        modes = self.modes
        diagonal = modes.intensity.ndim == 1
        covariance = modes.stationary_variance() if diagonal else modes.stationary_blocks()
        return InitialState(np.zeros((2, self.center.size)), covariance)

    def _correlations(self, steps: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the autocorrelations of position and velocity (K, d)."""
        times = domains.step_list("steps", steps)
        z = self.lr * self.gradient_weight * self.curvature
        return correlations(times[:, None], self.momentum, z)


def langevin(problem: LinearRegression, sgd: SGD, noise: NoiseChoice = None) -> UnderdampedLangevin:
    r"""Return the underdamped Langevin equation of SGD with momentum.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer, without Nesterov. Batches are taken as independent between steps, also those
        of reshuffled epochs.
    noise : None, "self_consistent" or array_like (d,) or (d, d)
        Gradient covariance of one sample, frozen for all times: noise_std^2 H (of a data set its
        own at the ridge solution); that of the stationary law it causes itself; or a measured one,
        (d,) along the eigenvectors of H or (d, d) in the problem's coordinates.

    Returns
    -------
    UnderdampedLangevin
        The equation.

    Raises
    ------
    ValueError
        If an argument is outside its domain, or with Nesterov momentum.

    See Also
    --------
    diffusion : Its limit without inertia.
    stationary_moments, moments, displacement : Its laws, with ``theory="langevin"``.
    equivalent : Optimizers of another batch size with the same stationary law.

    Notes
    -----
    With time :math:`s = \eta k`, :math:`H_\lambda = H + \lambda I`, the ridge solution
    :math:`\mu` and the dampening :math:`\tau`,

    .. math:: dw = v\, ds, \qquad dv = -\frac{2}{\eta (1 + \beta)}
        \left[(1 - \tau) H_\lambda (w - \mu) + (1 - \beta) v\right] ds + \text{noise}.

    With the noise :math:`\sigma^2 H` of one sample and without decay the stationary law has
    :math:`\mathrm{Var}\, w_i = \eta (1 - \tau) \sigma^2 / (2 b (1 - \beta))` along every
    eigenvector. The status of the stationary law is computed when it is first read.

    References
    ----------
    .. [1] D. Kunin et al., "The Limiting Dynamics of SGD: Modified Loss, Phase-Space Oscillations,
       and Anomalous Diffusion", Neural Computation 36 (2024).

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9)
    >>> process = linsgd.langevin(linsgd.LinearRegression.gaussian([1.0, 0.01]), sgd)
    >>> process.regime
    array(['underdamped', 'overdamped'], dtype='<U11')
    >>> process.covariance([0, 10, 1000])[:, 0, 0].round(4)  # of w_1, which starts at rest
    array([0.    , 0.0805, 0.125 ])
    """
    accept(problem, sgd)
    no_nesterov(sgd)
    recurrence = Recurrence.of(problem, sgd)
    lr = sgd.lr
    m = sgd.momentum
    a = sgd.gradient_weight
    curvature = recurrence.curvature
    free = Modes.of(lr, m, a, curvature, np.zeros_like(curvature))
    covariance = minibatch_covariance(recurrence, noise, free)
    modes = relaxation(lr * a * curvature, m)
    return UnderdampedLangevin(
        stationary_status=Deferred(approximate_status, recurrence, covariance),
        lr=lr,
        momentum=m,
        gradient_weight=a,
        temperature=1 / (sgd.batch_size * (1 - m) * (1 + m)),
        mass=lr * (1 + m) / (2 * a),
        curvature=curvature,
        frequency=modes.frequency,
        damping=modes.damping,
        regime=modes.regime,
        center=problem.solution(sgd.weight_decay),
        noise=covariance,
        eigenvectors=problem.eigenvectors,
    )
