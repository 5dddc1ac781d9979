r"""Critical learning rates: where the mean, the second moment and the law of SGD's iterates cease to converge.

The mean diverges where the fastest mode does. The second moment diverges where the operator K of
`linsgd.theory.recurrence.recurrence` reaches spectral radius one. Along principal axes that is the
root of G(lr) = 1 below G's first pole. Else, without Nesterov, 1 = K M is a self-adjoint eigenvalue
problem for 1/lr,

    M/lr = a ((1 + m) N_1(M) + ((1 - m) h_i h_j - m (h_i - h_j)^2/(1 - m)) o M) / ((1 - m^2) (h_i +
    h_j)),

with m the momentum, whose largest eigenvalue is the smallest root; with Nesterov the radius is
solved for in lr. A second moment implies a law, so the almost sure threshold is at least the
mean-square one; where no operator knows it it is sampled, when asked for.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import (
    FeatureLaw,
    FiniteData,
    GaussianFeatures,
    PrincipalAxesLaw,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status, summary
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise, gradient_noise_law
from linsgd.theory.recurrence.recurrence import (
    Method,
    largest_eigenvalue,
    mode_gains,
    spectral_radius,
)
from linsgd.theory.stability.almost_sure import CONFIDENCE, almost_sure_threshold, needs_sampling
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.setting import Setting


class StabilityStatus(Status):
    """What the thresholds are worth."""

    OK = "ok"
    BRACKETED = "bracketed"  # the almost sure threshold is known to lie in an interval only


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Threshold(Result):
    """An interval that holds a critical learning rate.

    Attributes
    ----------
    lower, upper : float
        Its ends.
    confidence : float or None
        Of an interval that was sampled; None where the bounds are computed.
    """

    lower: float
    upper: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Products(Result):
    """Features and an optimizer whose almost sure threshold takes seconds or more: computed when asked for.

    Attributes
    ----------
    law : str
        Name of the law of the features.
    features : ndarray (d,) or (N, d)
        Positive eigenvalues of H, or the rows of a data set.
    dof : float
        Degrees of freedom of Student features; else inf.
    batch, weight_decay, momentum, dampening, nesterov, replacement
        The optimizer's.
    """

    law: str
    features: FloatArray
    dof: float
    batch: int
    weight_decay: float
    momentum: float
    dampening: float
    nesterov: bool
    replacement: bool

    @classmethod
    def of(cls, problem: LinearRegression, sgd: SGD) -> "Products | None":
        """Keep what the threshold depends on; None for laws of the user's own."""
        law = problem.features
        if not isinstance(law, FiniteData | PrincipalAxesLaw):
            return None
        return cls(
            law=law.name,
            features=law.X if isinstance(law, FiniteData) else law.eigenvalues[law.eigenvalues > 0],
            dof=law.dof if isinstance(law, StudentFeatures) else np.inf,
            batch=sgd.batch_size,
            weight_decay=sgd.weight_decay,
            momentum=sgd.momentum,
            dampening=sgd.dampening,
            nesterov=sgd.nesterov,
            replacement=bool(sgd.replacement),
        )

    def problem(self) -> LinearRegression:
        """Return a problem with these features."""
        if self.law == FiniteData.name:
            return LinearRegression.from_data(self.features, np.zeros(len(self.features)))
        if self.law == StudentFeatures.name:
            return LinearRegression.from_features(StudentFeatures(self.features, dof=self.dof))
        laws = {law.name: law for law in (GaussianFeatures, RademacherFeatures, UniformFeatures)}
        law: FeatureLaw = laws[self.law](self.features)
        return LinearRegression.from_features(law)

    def threshold(self) -> Threshold:
        """Return bounds on the learning rate at which the Lyapunov exponent turns positive."""
        return _threshold(self)


@functools.lru_cache(maxsize=8)  # a key may hold a data set
def _threshold(products: Products) -> Threshold:
    problem = products.problem()
    sgd = SGD(
        lr=1.0,
        batch_size=products.batch,
        weight_decay=products.weight_decay,
        momentum=products.momentum,
        dampening=products.dampening,
        nesterov=products.nesterov,
        replacement=products.replacement,
    )
    lower, upper = almost_sure_threshold(problem, sgd, seed=0)
    sampled = needs_sampling(Setting.of(problem, sgd)) and lower > 0
    return Threshold(lower=lower, upper=upper, confidence=CONFIDENCE if sampled else None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Stability(Result):
    """Where the recursion is stable; momentum, decay and batch of the optimizer are kept and lr varied.

    Attributes
    ----------
    lr : float
        The optimizer's own.
    mean, mean_square : bool
        Whether the mean and the second moment of w converge at the optimizer's own lr.
    lr_mean, lr_mean_square : float
        The smallest positive lr at which the mean, the second moment diverge.
    known : Threshold
        What is known at once of the lr at which the law ceases to exist; a second moment implies a
        law, hence the lower bound.
    pending : Products or None
        What closer bounds follow from, where there are any.
    error : float
        Relative error of the other thresholds (numerical).
    """

    lr: float
    mean: bool
    mean_square: bool
    lr_mean: float
    lr_mean_square: float
    known: Threshold
    pending: Products | None
    error: float = 1e-12

    @property
    def lr_almost_sure(self) -> Threshold:
        """Bounds on the lr at which the law ceases to exist; beyond the simplest case computed when asked for.

        1e-12 apart relatively for isotropic Gaussian features without momentum. By a transfer
        operator and its error, 1e-8 to a few per cent apart, for isotropic Gaussian features with
        momentum, for two or three uneven ones without and for one feature of any law, in seconds,
        or minutes for three. Else, to 200 features, a confidence interval from sampled products
        with a fixed seed, about one to ten per cent wide, in seconds to a minute; its `confidence`
        says so. From the mean-square threshold to infinity where none of these serves.
        """
        if self.pending is None:
            return self.known
        found = self.pending.threshold()
        return Threshold(
            lower=max(found.lower, self.known.lower), upper=found.upper, confidence=found.confidence
        )

    @property
    def almost_sure(self) -> bool | None:
        """Whether the law of w converges at the optimizer's own lr; None where that is not known.

        At once below the mean-square threshold; else as `lr_almost_sure` says, which may sample, at
        its confidence.
        """
        if self.lr < self.known.lower:
            return True
        threshold = self.lr_almost_sure
        return True if self.lr < threshold.lower else False if self.lr > threshold.upper else None

    @property
    def status(self) -> StabilityStatus:
        """Whether an upper bound of `lr_almost_sure` is known or can be asked for, or it is "bracketed" from below."""
        unbounded = self.pending is None and np.isinf(self.known.upper)
        return StabilityStatus.BRACKETED if unbounded else StabilityStatus.OK

    def rows(self) -> list[tuple[str, str]]:
        """Return what the printed form shows, without computing what is pending."""
        numbers = ("lr", "mean", "mean_square", "lr_mean", "lr_mean_square", "error")
        shown = [(name, summary(getattr(self, name))) for name in numbers]
        closer = "" if self.pending is None else "; closer when asked for"
        return [
            *shown,
            ("lr_almost_sure", summary(self.known) + closer),
            ("status", str(self.status)),
        ]


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
        Thresholds and what they say at the optimizer's own lr. Nothing is sampled before
        `lr_almost_sure` or `almost_sure` are asked for.

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
    accept(problem, sgd)
    if sgd.sampling == "epoch":
        domains.refuse(
            "sampling",
            sgd.sampling,
            "'independent': no exact threshold is known for reshuffled epochs",
        )
    noise = gradient_noise_law(problem, sgd)
    h = problem.eigenvalues + sgd.weight_decay
    method = Method.of(sgd)
    lr_mean = method.at(1.0).largest_stable_curvature() / float(h.max())
    lr_mean_square = _mean_square_threshold(noise, h, method, lr_mean)
    setting = Setting.of(problem, sgd)
    quick = not quadrature.covers(setting)
    later = not quick and not (needs_sampling(setting) and population.covers(setting))
    lower, upper = almost_sure_threshold(problem, sgd) if quick else (0.0, np.inf)
    return Stability(
        lr=sgd.lr,
        mean=sgd.lr < lr_mean,
        mean_square=sgd.lr < lr_mean_square,
        lr_mean=lr_mean,
        lr_mean_square=lr_mean_square,
        known=Threshold(lower=max(lower, lr_mean_square), upper=upper),
        pending=Products.of(problem, sgd) if later else None,
    )


def _mean_square_threshold(
    noise: ModeNoise | MatrixNoise, h: FloatArray, method: Method, lr_mean: float
) -> float:
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
