r"""Theory on measured ingredients: curvature and noise along directions, and the optimizer.

The loss is taken as quadratic around the weights and the noise as frozen there. Each direction is
then a mode of SGD on a linear model of curvature kappa = h + weight_decay whose minibatch gradient
has variance c, and its law is exact in discrete time:

    independent   Var x = lr (1 + beta) c / (kappa (1 - beta) (2 (1 + beta) - lr kappa)),
                  Var v = 2 c / ((1 - beta) (2 (1 + beta) - lr kappa))        (dampening 0)
    epochs        linear response to noise that cancels over an epoch
                  (`linsgd.theory.epochs.response`), averaged over the position in the epoch

Of the variance c a share q is fresh at every step, as that of augmentation, and independent; the
rest is that of the sampling scheme.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.result import Guarantee, Result, Status
from linsgd.theory.discrete.oscillation import relaxation
from linsgd.theory.displacement.compression import ellipse
from linsgd.theory.displacement.epochs import FixedWalk, ReshuffledWalk
from linsgd.theory.displacement.terms import exact_stationary_terms, summed
from linsgd.theory.epochs.response import EpochResponse
from linsgd.theory.recurrence.recurrence import Coefficients, unit_response

MOST = 1000  # directions under epochs, whose laws are solved for in pairs
ROUNDING = 1e-9  # relative, of the sums over modes


class PredictionStatus(Status):
    """Whether all directions have a stationary law."""

    OK = "ok"
    FLAT = "no stationary law along directions of curvature 0"
    SADDLE = "the loss falls along a direction of negative curvature"
    UNSTABLE = "the learning rate is too large along a direction"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Prediction(Result):
    """The stationary law along directions, and displacements within their span.

    Attributes
    ----------
    status : PredictionStatus
        ok, or which directions have no stationary law; their variances are inf. Curvatures include
        the weight decay.
    position_variance, velocity_variance : ndarray (m,)
        Var x and Var v along each direction; under epochs the mean over an epoch.
    regime : ndarray of str (m,)
        "underdamped", "overdamped", "critical" or "alternating"; "saddle" where the curvature is
        negative, "flat" where it is 0.
    frequency, damping : ndarray (m,)
        Of each mode, in radians and in e-folds a step; the damping of a mode that grows is
        negative.
    potential_temperature, kinetic_temperature : ndarray (m,)
        kappa Var x and lr Var v.
    excess_loss : float
        sum kappa Var x / 2: above the minimum over the span, weight decay included.
    local_msd : float
        E|theta_{k+1} - theta_k|^2 within the span.
    steps : ndarray (K,)
        k.
    global_msd, exponent : ndarray (K,)
        E|theta_{s+k} - theta_s|^2 within the span, s the start of an epoch, and its slope
        d log / d log k.
    error : float
        Relative rounding error; that of the ingredients and of the two assumptions comes on top.
    guarantee : Guarantee
        "numerical".
    """

    status: PredictionStatus
    position_variance: FloatArray
    velocity_variance: FloatArray
    regime: NDArray[np.str_]
    frequency: FloatArray
    damping: FloatArray
    potential_temperature: FloatArray
    kinetic_temperature: FloatArray
    excess_loss: float
    local_msd: float
    steps: IntArray
    global_msd: FloatArray
    exponent: FloatArray
    error: float = ROUNDING
    guarantee: Guarantee = Guarantee.NUMERICAL


class _Law(Protocol):
    """The law of every mode for unit variance of the minibatch gradient."""

    position: FloatArray
    velocity: FloatArray
    local: FloatArray

    def far(self, k: int, variance: FloatArray) -> float:
        """Return the mean-squared displacement over k steps for variances (m,)."""


def predict(
    curvature: ArrayLike,
    noise: ArrayLike,
    sgd: SGD,
    steps: ArrayLike = (1, 10, 100, 1000),
    rows: int | None = None,
    augmentation: float = 0.0,
) -> Prediction:
    r"""Predict a network's stationary fluctuations along directions from measured ingredients.

    Parameters
    ----------
    curvature : array_like (m,)
        Eigenvalues of the Hessian of the unregularised loss, ``HessianEigenpairs.eigenvalues``.
    noise : array_like (m,)
        Variance of the minibatch gradient along their eigenvectors for independent batches,
        ``GradientNoise(...).along(pairs.eigenvectors).variance``.
    sgd : SGD
        The optimizer with its sampling scheme, without Nesterov.
    steps : array_like of int (K,)
        k >= 1, of the displacement.
    rows : int, optional
        N >= 1, which reshuffled epochs and fixed orders need.
    augmentation : float
        q: the share of the variance that is fresh at every step, in [0, 1].

    Returns
    -------
    Prediction
        Per direction, and summed within their span.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    linsgd.stationary_moments : For linear regression, noise that depends on the weights included.

    Notes
    -----
    Exact for a quadratic loss with noise that does not depend on the weights. The torch linear
    model is that limit up to terms of relative order lr.

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9)
    >>> found = linsgd.deep.predict([1.0, 0.1], [0.02, 0.002], sgd)
    >>> found.position_variance.round(4)
    array([0.0103, 0.01  ])
    >>> print(found.regime[0], found.regime[1])
    underdamped underdamped
    """
    h = domains.array("curvature", curvature, (None,))
    c = domains.array("noise", noise, (h.size,))
    if c.min() < 0:
        domains.refuse("noise", float(c.min()), "[0, inf)")
    domains.exact_type("sgd", sgd, (SGD,))
    if sgd.nesterov:
        domains.refuse("nesterov", True, "False, for which networks are predicted")
    k = domains.step_list("steps", steps)
    if k.min() < 1:
        domains.refuse("steps", int(k.min()), "[1, 2**62]")
    q = domains.real("augmentation", augmentation, "[0, 1]")
    rows = None if rows is None else domains.integer("rows", rows, "[1, inf)")
    kappa = h + sgd.weight_decay
    stable = (kappa > 0) & (kappa < Coefficients.of(sgd).largest_stable_curvature())
    held = np.where(stable, kappa, 1e-3 / sgd.lr)
    laws = [(_scheme(held, sgd, rows), (1 - q) * c), (_Independent(held, sgd), q * c)]
    return _prediction(kappa, stable, sgd, k, laws)


def _prediction(
    kappa: FloatArray,
    stable: NDArray[np.bool_],
    sgd: SGD,
    k: IntArray,
    laws: list[tuple[_Law, FloatArray]],
) -> Prediction:
    """Add the law of the sampling scheme and that of fresh noise."""
    position = np.where(stable, sum(law.position * c for law, c in laws), np.inf)
    velocity = np.where(stable, sum(law.velocity * c for law, c in laws), np.inf)
    local = np.where(stable, sum(law.local * c for law, c in laws), np.inf)

    def far(steps: int) -> float:
        return sum(law.far(steps, c) for law, c in laws) if stable.all() else np.inf

    around = [(far(s - 1) if s > 1 else 0.0, far(s), far(s + 1)) for s in k.tolist()]
    before, here, after = np.array(around).T
    exponent = np.full(k.shape, np.nan)
    moves = np.isfinite(here) & (here > 0)
    slope = np.subtract(after, before, out=np.zeros(k.shape), where=moves) / 2
    np.divide(k * slope, here, out=exponent, where=moves)
    regime, frequency, damping = _relaxation(kappa, sgd)
    temperature = np.where(stable, kappa * np.where(stable, position, 0.0), np.inf)
    return Prediction(
        status=_status(kappa, stable),
        position_variance=position,
        velocity_variance=velocity,
        regime=regime,
        frequency=frequency,
        damping=damping,
        potential_temperature=temperature,
        kinetic_temperature=sgd.lr * velocity,
        excess_loss=float(temperature.sum() / 2),
        local_msd=float(local.sum()),
        steps=k,
        global_msd=here,
        exponent=exponent,
    )


def _status(kappa: FloatArray, stable: NDArray[np.bool_]) -> PredictionStatus:
    """Return ok, or the first reason for which a direction has no stationary law."""
    if kappa.min() < 0:
        return PredictionStatus.SADDLE
    if kappa.min() == 0:
        return PredictionStatus.FLAT
    return PredictionStatus.OK if stable.all() else PredictionStatus.UNSTABLE


def _relaxation(kappa: FloatArray, sgd: SGD) -> tuple[NDArray[np.str_], FloatArray, FloatArray]:
    """Return regime, frequency and damping of each mode; a saddle's mode grows."""
    z = sgd.lr * sgd.gradient_weight * kappa
    modes = relaxation(np.maximum(z, 0.0), sgd.momentum)
    # for z < 0 the larger root is 1 + growth, with growth^2 + (1 - momentum + z) growth + z = 0
    fall, linear = np.minimum(z, 0.0), 1 - sgd.momentum + np.minimum(z, 0.0)
    growth = (np.sqrt(linear**2 - 4 * fall) - linear) / 2
    named = np.where(kappa < 0, "saddle", np.where(kappa == 0, "flat", modes.regime))
    return named, modes.frequency, np.where(kappa < 0, -np.log1p(growth), modes.damping)


def _scheme(kappa: FloatArray, sgd: SGD, rows: int | None) -> _Law:
    """Return the law of the optimizer's sampling scheme."""
    if sgd.sampling == "independent":
        return _Independent(kappa, sgd)
    if rows is None:
        domains.refuse("rows", None, f"a number of rows, for sampling = {sgd.sampling!r}")
    N = domains.integer("rows", rows, f"[{max(sgd.batch_size, 2)}, inf)")
    if kappa.size > MOST:
        domains.refuse("curvature", f"{kappa.size} values", f"at most {MOST} under epochs")
    return _Epochs(kappa, sgd, N)


class _Independent:
    """Independent batches."""

    def __init__(self, kappa: FloatArray, sgd: SGD) -> None:
        coefficients = Coefficients.of(sgd)
        law = unit_response(kappa, kappa, coefficients)
        self._z = sgd.lr * sgd.gradient_weight * kappa
        self._momentum = sgd.momentum
        self.position, self.velocity = law[0], law[3]
        self.local = sgd.lr**2 * law[3]

    def far(self, k: int, variance: FloatArray) -> float:
        terms, region = exact_stationary_terms(self._momentum), ellipse(self._momentum)
        measures = (self.local * variance)[None]
        return float(summed(terms, self._z, measures, region, np.array([k]))[0, 0])


class _Epochs:
    """Reshuffled epochs or a fixed order."""

    def __init__(self, kappa: FloatArray, sgd: SGD, rows: int) -> None:
        coefficients = Coefficients.of(sgd)
        response = EpochResponse.of(kappa, coefficients, rows, sgd.batch_size)
        # a row's variance b c, in units of C/(N - 1)
        self._unit = sgd.batch_size / (rows - 1)
        fixed = sgd.sampling == "fixed"
        self._walk = FixedWalk(response) if fixed else ReshuffledWalk(response, coefficients)
        phases = range(response.batches)
        laws = [response.fixed()] if fixed else _phases(response)
        own = self._unit * np.mean([np.einsum("abii->abi", law) for law in laws], axis=0)
        self.position, self.velocity = own[0, 0], own[1, 1]
        self.local = self._unit * np.mean([self._walk.one_step(p) for p in phases], axis=0)

    def far(self, k: int, variance: FloatArray) -> float:
        return float(self._unit * self._walk.square(k) @ variance)


def _phases(response: EpochResponse) -> list[FloatArray]:
    """Return the laws (2, 2, d, d) at the phases of a reshuffled epoch."""
    start = response.reshuffled()
    return [response.at_phase(start, p) for p in range(response.batches)]
