r"""Critical learning rates: where the mean, the second moment and the law of SGD's iterates cease to converge.

The mean diverges where the fastest mode does. The second moment diverges where the operator K of
`linsgd.theory.recurrence` reaches spectral radius one. Along principal axes that is the root of G(lr) = 1 below G's
first pole. Else, without Nesterov, 1 = K M is a self-adjoint eigenvalue problem for 1/lr,

    M/lr = a ((1 + m) N_1(M) + ((1 - m) h_i h_j - m (h_i - h_j)^2/(1 - m)) o M) / ((1 - m^2) (h_i + h_j)),

with m the momentum, whose largest eigenvalue is the smallest root; with Nesterov the radius is solved for in lr.
A second moment implies a law, so the almost sure threshold is at least the mean-square one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.result import Result, Status
from linsgd.theory.noise import MatrixNoise, ModeNoise, gradient_noise_law
from linsgd.theory.recurrence import Method, largest_eigenvalue, mode_gains, spectral_radius
from linsgd.theory.tails.lyapunov import almost_sure_threshold


class StabilityStatus(Status):
    """What the thresholds are worth."""

    OK = "ok"
    BRACKETED = "bracketed"  # the almost sure threshold is known to lie in an interval only


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Threshold(Result):
    """An interval that holds a critical learning rate."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Stability(Result):
    """Where the recursion is stable; momentum, decay and batch of the optimizer are kept and lr varied.

    Attributes
    ----------
    mean, mean_square : bool
        Whether the mean and the second moment of w converge at the optimizer's own lr.
    almost_sure : bool or None
        Whether the law of w converges; None where that is not known.
    lr_mean, lr_mean_square : float
        The smallest positive lr at which the mean, the second moment diverge.
    lr_almost_sure : Threshold
        Bounds on the lr at which the law ceases to exist; a second moment implies a law, hence the lower bound.
    error : float
        Relative error of the thresholds (numerical).
    status : StabilityStatus
        "bracketed" where `lr_almost_sure` is an interval.
    """

    mean: bool
    mean_square: bool
    almost_sure: bool | None
    lr_mean: float
    lr_mean_square: float
    lr_almost_sure: Threshold
    error: float = 1e-12
    status: StabilityStatus


def stability(problem: LinearRegression, sgd: SGD) -> Stability:
    """Critical learning rates of SGD on a problem, for independent batches.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer; its momentum, decay and batches are kept while lr varies.

    Returns
    -------
    Stability
        Thresholds and what they say at the optimizer's own lr. Never samples.

    Raises
    ------
    ValueError
        If the batches cannot be drawn from the problem, or are those of reshuffled epochs.

    Examples
    --------
    With Gaussian features in d dimensions and batch b, lr must stay below 2 b/(b + d + 1):

    >>> problem = LinearRegression.gaussian(np.ones(5))
    >>> round(stability(problem, SGD(lr=0.1, batch_size=4)).lr_mean_square, 12)
    0.8
    """
    if sgd.sampling == "epoch":
        domains.refuse("sampling", sgd.sampling, "'independent': no exact threshold is known for reshuffled epochs")
    noise = gradient_noise_law(problem, sgd)
    h = problem.eigenvalues + sgd.weight_decay
    method = Method.of(sgd)
    lr_mean = method.at(1.0).largest_stable_curvature() / float(h.max())
    lr_mean_square = _mean_square_threshold(noise, h, method, lr_mean)
    lower, upper = almost_sure_threshold(problem, sgd)
    almost_sure = Threshold(lower=max(lower, lr_mean_square), upper=upper)
    return Stability(
        mean=sgd.lr < lr_mean,
        mean_square=sgd.lr < lr_mean_square,
        almost_sure=True if sgd.lr < almost_sure.lower else False if sgd.lr > almost_sure.upper else None,
        lr_mean=lr_mean,
        lr_mean_square=lr_mean_square,
        lr_almost_sure=almost_sure,
        status=StabilityStatus.BRACKETED if almost_sure.upper == np.inf else StabilityStatus.OK,
    )


def _mean_square_threshold(noise: ModeNoise | MatrixNoise, h: FloatArray, method: Method, lr_mean: float) -> float:
    if noise.heavy[0]:
        return 0.0
    if isinstance(noise, ModeNoise):
        return _root(lambda lr: _gain(noise, h, method.at(lr)), lr_mean)
    if method.nesterov:
        return _root(lambda lr: spectral_radius(noise, h, method.at(lr)), lr_mean)
    return _heavy_ball_threshold(noise, h, method)


def _gain(noise: ModeNoise, h: FloatArray, method: Method) -> float:
    """Return G, or inf beyond its first pole."""
    return mode_gains(noise, h, method)[1]


def _root(gain: Callable[[float], float], lr_mean: float) -> float:
    """Solve gain(lr) = 1 below lr_mean for a gain that rises from 0 and may pass to inf."""

    def shortfall(lr: float) -> float:
        value = gain(lr)
        return lr / value - lr if value > 0 else lr

    upper = lr_mean * (1 - 1e-14)
    if shortfall(upper) >= 0:
        return lr_mean
    return float(brentq(shortfall, 1e-12 * lr_mean, upper, xtol=1e-300, rtol=1e-15))


def _heavy_ball_threshold(noise: MatrixNoise, h: FloatArray, method: Method) -> float:
    m, a = method.momentum, method.gradient_weight
    total = h[:, None] + h
    root = np.sqrt(np.divide(a / (1 - m**2), total, out=np.zeros_like(total), where=total > 0))
    curvature = (1 - m) * h[:, None] * h - m / (1 - m) * (h[:, None] - h) ** 2
    return 1 / largest_eigenvalue(
        lambda M: root * ((1 + m) * noise.homogeneous(root * M) + curvature * root * M), h.size
    )
