r"""SGD with momentum as an underdamped Langevin equation around the minimum of a quadratic loss.

From the update w_{k+1} - w_k = momentum (w_k - w_{k-1}) - lr a (H_lam (w_k - mu) + noise), a = 1 -
dampening, both neighbours of w_k expanded to second order in lr,

    dw = v ds,    dv = -(2 / (lr (1 + momentum))) (a H_lam (w - mu) + (1 - momentum) v) ds + noise,    s = lr k,

with H_lam = H + weight_decay I and mu the ridge solution. In steps every eigenvector of H is a
damped oscillator,

    u = (1 - momentum) / (1 + momentum),    z = 2 a lr (rho + weight_decay) / (1 + momentum),
    q = (2 a lr / (1 + momentum))^2 N,      N the covariance of the minibatch gradient.

The algorithm's velocity is that of its last step, half a step older than its position. The velocity
that gives the equation's slow motion the algorithm's amplitude to second order in lr is the matched
one,

    v(0) = (2 momentum v_0 - a h x_0) / (1 + momentum),

because a free mode travels momentum lr v_0 / (1 - momentum) in all, in the equation (1 + momentum)
lr v(0) / (2 (1 - momentum)). A fresh optimizer's first gradient is not dampened, which turns that a
into 2 - a.

References
----------
Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli, Yamins, "The Limiting Dynamics of SGD:
Modified Loss, Phase-Space Oscillations, and Anomalous Diffusion", Neural Computation 36 (2024). The
equations are re-derived here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.stationary import existence
from linsgd.theory.langevin import currents
from linsgd.theory.langevin.autocorrelation import langevin_correlations
from linsgd.theory.langevin.currents import EntropyProduction
from linsgd.theory.langevin.gradient_noise import Noise, minibatch_covariance
from linsgd.theory.langevin.oscillation import no_nesterov, oscillation
from linsgd.theory.langevin.phase_space import Modes, carried, carried_blocks
from linsgd.theory.langevin.starts import Centered
from linsgd.theory.moments import MomentsStatus, Start
from linsgd.theory.recurrence.gradient_covariance import gradient_noise_law
from linsgd.theory.recurrence.recurrence import Method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class UnderdampedLangevin(Centered):
    """The Langevin equation of an optimizer on a problem, and what it says of phase space; times in steps.

    Attributes
    ----------
    status : MomentsStatus
        Of its stationary law: "exact_law_missing" where this one exists and the algorithm's does
        not.
    lr, momentum, gradient_weight : float
        The optimizer's; the last is 1 - dampening.
    temperature : float
        1 / (b (1 - momentum^2)), the unit of the modified loss.
    mass : float
        lr (1 + momentum) / (2 (1 - dampening)), with which mass Var(v) = curvature Var(w) along
        each direction.
    curvature : ndarray (d,)
        rho + weight_decay, in the order of ``problem.eigenvalues``.
    frequency, damping : ndarray (d,)
        Radians, and rate of the slowest exponential, a step.
    regime : ndarray of str (d,)
        "underdamped", "critical" or "overdamped".
    noise : ndarray (d,) or (d, d)
        Covariance of the minibatch gradient along the eigenvectors of H; (d,) where modes do not
        share noise.
    """

    status: MomentsStatus
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
        return modes_of(self.lr, self.momentum, self.gradient_weight, self.curvature, self.noise)

    @property
    def rotation(self) -> FloatArray:
        """Angular speed of the stationary current (d,), radians a step, clockwise in the (w, v) plane."""
        return np.sqrt(self.modes.stiffness)

    @property
    def potential_temperature(self) -> FloatArray:
        """Return twice the mean potential energy along each eigenvector (d,): curvature Var(w)."""
        temperature: FloatArray = self.curvature * self.modes.stationary_variance()[0]
        return temperature

    @property
    def kinetic_temperature(self) -> FloatArray:
        """Return twice the mean kinetic energy along each eigenvector (d,): mass Var(v)."""
        temperature: FloatArray = self.mass * self.modes.stationary_variance()[2]
        return temperature

    def drift(self) -> FloatArray:
        """Return A (2 d, 2 d) of d(w - mu, v) = -A (w - mu, v) dk + noise, in the problem's coordinates and steps."""
        d, pull = self.curvature.size, 2 * self.gradient_weight / (1 + self.momentum)
        domains.matrix_size("a (2d, 2d) drift", d)
        force = self.outward_matrix(np.diag(pull * self.curvature))
        return np.block(
            [[np.zeros((d, d)), -self.lr * np.eye(d)], [force, 2 * self.modes.damping * np.eye(d)]]
        )

    def noise_intensity(self) -> FloatArray:
        """Return the covariance (2 d, 2 d) that the noise of `drift` adds in a step; it acts on v alone."""
        d = self.curvature.size
        domains.matrix_size("a (2d, 2d) noise", d)
        intensity = self.modes.intensity / self.lr**2
        shaken = self.outward_matrix(np.diag(intensity) if intensity.ndim == 1 else intensity)
        return np.block([[np.zeros((d, d)), np.zeros((d, d))], [np.zeros((d, d)), shaken]])

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
        x = self.modes.mean(self.modes.flow(times), self.start(start, matched)[0])
        return np.concatenate([self.center + self.outward(x[:, 0]), self.outward(x[:, 1])], axis=-1)

    def covariance(
        self, steps: ArrayLike, start: Start = None, matched: bool = False
    ) -> FloatArray:
        """Return the covariance of (w, v) in the problem's coordinates (K, 2 d, 2 d); arguments as in `mean`."""
        times = domains.step_list("steps", steps)
        domains.matrix_size("a (2d, 2d) covariance", self.curvature.size)
        _, P0 = self.start(start, matched)
        blocks = self.modes.blocks(
            self.modes.flow(times),
            P0 if P0.ndim == 3 else P0[:, :, None] * np.eye(self.curvature.size),
        )
        xx, xv, vv = np.moveaxis(self.outward_matrix(blocks), 1, 0)
        return np.block([[xx, xv], [np.swapaxes(xv, -1, -2), vv]])

    def position_autocorrelation(self, steps: ArrayLike) -> FloatArray:
        """Return E x(k) x(0) / Var x of each mode (K, d)."""
        return self._correlations(steps)[0]

    def velocity_autocorrelation(self, steps: ArrayLike) -> FloatArray:
        """Return E v(k) v(0) / Var v of each mode (K, d)."""
        return self._correlations(steps)[1]

    def modified_loss(self, w: ArrayLike, v: ArrayLike) -> FloatArray:
        """Return Phi (...) at points w, v (..., d): the stationary density is exp(-Phi / temperature), normalised.

        Phi is inf off the support, where a direction has no noise.
        """
        return currents.modified_loss(self.modes, self.temperature, *self.inward(w, v))

    def current(self, w: ArrayLike, v: ArrayLike) -> FloatArray:
        """Return the stationary probability current over the density (..., 2 d) at points w, v (..., d), per step."""
        flow = currents.current(self.modes, *self.inward(w, v))
        return np.concatenate(
            [self.outward(flow[..., 0, :]), self.outward(flow[..., 1, :])], axis=-1
        )

    def entropy_production(self) -> EntropyProduction:
        """Return the entropy that the stationary state produces a step: 0 if and only if noise and H commute."""
        return currents.entropy_production(self.modes)

    def start(self, start: Start, matched: bool = False) -> tuple[FloatArray, FloatArray]:
        """Return the means (2, d) and covariances, (3, d) or (3, d, d), of (x, v) at step 0; arguments as in `mean`."""
        modes, d = self.modes, self.center.size
        if isinstance(start, str):
            domains.choice("start", start, ("stationary",))
            diagonal = modes.intensity.ndim == 1
            return np.zeros(
                (2, d)
            ), modes.stationary_variance() if diagonal else modes.stationary_blocks()
        mean, covariance = self.begin(start)
        if not domains.boolean("matched", matched):
            return mean, covariance
        a = 2 - self.gradient_weight if start is None else self.gradient_weight
        pull, kept = (
            -a * self.curvature / (1 + self.momentum),
            2 * self.momentum / (1 + self.momentum),
        )
        columns = tuple(np.broadcast_to(entry, (1, d)) for entry in (1.0, 0.0, pull, kept))
        carry = carried if covariance.ndim == 2 else carried_blocks
        return np.stack([mean[0], pull * mean[0] + kept * mean[1]]), carry(columns, covariance)[0]

    def _correlations(self, steps: ArrayLike) -> tuple[FloatArray, FloatArray]:
        times = domains.step_list("steps", steps)
        return langevin_correlations(
            times[:, None], self.momentum, self.lr * self.gradient_weight * self.curvature
        )


def langevin(problem: LinearRegression, sgd: SGD, noise: Noise = None) -> UnderdampedLangevin:
    """Return the underdamped Langevin equation of SGD with momentum.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        How; without Nesterov. Batches are taken as independent between steps, also those of
        reshuffled epochs.
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

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9)
    >>> process = langevin(linsgd.LinearRegression.gaussian([1.0, 0.01]), sgd)
    >>> process.regime
    array(['underdamped', 'overdamped'], dtype='<U11')
    >>> process.covariance([0, 10, 1000])[:, 0, 0].round(4)  # of w_1, which starts at rest
    array([0.    , 0.0805, 0.125 ])
    """
    accept(problem, sgd)
    no_nesterov(sgd)
    curvature = problem.eigenvalues + sgd.weight_decay
    free = modes_of(sgd.lr, sgd.momentum, sgd.gradient_weight, curvature, np.zeros_like(curvature))
    covariance = minibatch_covariance(
        problem, sgd, noise, damping=free.damping, stiffness=free.stiffness
    )
    relaxation = oscillation(problem, sgd, "langevin")
    return UnderdampedLangevin(
        status=_status(problem, sgd, curvature, covariance),
        lr=sgd.lr,
        momentum=sgd.momentum,
        gradient_weight=sgd.gradient_weight,
        temperature=1 / (sgd.batch_size * (1 - sgd.momentum**2)),
        mass=sgd.lr * (1 + sgd.momentum) / (2 * sgd.gradient_weight),
        curvature=curvature,
        frequency=relaxation.frequency,
        damping=relaxation.damping,
        regime=relaxation.regime,
        center=problem.solution(sgd.weight_decay),
        noise=covariance,
        eigenvectors=problem.eigenvectors,
    )


def modes_of(
    lr: float, momentum: float, gradient_weight: float, curvature: FloatArray, noise: FloatArray
) -> Modes:
    """Return the damped oscillators, in steps, of given curvature and minibatch noise."""
    kick = 2 * gradient_weight * lr / (1 + momentum)
    return Modes(lr, (1 - momentum) / (1 + momentum), kick * curvature, kick**2 * noise)


def _status(
    problem: LinearRegression, sgd: SGD, curvature: FloatArray, noise: FloatArray
) -> MomentsStatus:
    own = noise if noise.ndim == 1 else np.diagonal(noise)
    if not np.isfinite(noise).all() or (own[curvature == 0] > 0).any():
        return MomentsStatus.INFINITE_VARIANCE
    exact, _ = existence(problem, gradient_noise_law(problem, sgd), curvature, Method.of(sgd))
    if exact in (MomentsStatus.UNSTABLE, MomentsStatus.INFINITE_VARIANCE):
        return MomentsStatus.EXACT_LAW_MISSING
    return MomentsStatus.NULL_SPACE if (curvature == 0).any() else MomentsStatus.OK
