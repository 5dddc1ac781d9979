r"""The first-order diffusion in one dimension with state-dependent noise: a Pearson diffusion.

With theta = a lr kappa / (1 - momentum), kappa = h + weight_decay and x = w - mu, the noise of a
step has variance q0 + q1 x^2, so that

    dx = -theta x dt + sqrt(q0 + q1 x^2) dW    (Ito),

where q0 and q1 are (a lr / (1 - momentum))^2 / b times the variance of one sample's gradient at the
centre, and times E x^4 - h^2 of the feature (2 h^2 if it is Gaussian). The stationary density

    p ~ (q0 + q1 x^2)^{-1 - theta / q1}

is Student's with nu = 1 + 2 theta / q1 degrees of freedom and scale^2 = q0 / (q1 nu). Its variance
q0 / (2 theta - q1) is finite if and only if q1 < 2 theta. It has the mechanism of the heavy tail
but another exponent: for a Gaussian feature without momentum nu = 1 + b / (lr h), while the tail
exponent of the algorithm is the root s of E|1 - lr x^2|^s = 1 (b = 1), which is smaller; and it
needs lr h small, as a step of the algorithm is not.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Result, Status
from linsgd.theory.diffusion.ornstein_uhlenbeck import diffusion
from linsgd.theory.recurrence.gradient_covariance import ModeNoise, Noise, gradient_noise_law


class PearsonStatus(Status):
    """Whether the stationary law has a finite variance."""

    OK = "ok"
    INFINITE_VARIANCE = "infinite_variance"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Pearson(Result):
    """The stationary law of a Pearson diffusion: Student's.

    Attributes
    ----------
    status : PearsonStatus
        Whether its variance is finite.
    dof : float
        nu, which is the diffusion's tail exponent.
    center, scale : float
        Of the law of w.
    variance : float
        q0 / (2 theta - q1), or inf.
    rate, additive, multiplicative : float
        theta, q0 and q1, a step.
    """

    status: PearsonStatus
    dof: float
    center: float
    scale: float
    variance: float
    rate: float
    additive: float
    multiplicative: float

    def density(self, w: ArrayLike) -> FloatArray:
        """Return the stationary density at weights `w`."""
        from scipy import stats

        law = stats.t(self.dof, self.center, self.scale)
        return np.asarray(law.pdf(np.asarray(w, dtype=np.float64)))

    def exceedance(self, t: ArrayLike) -> FloatArray:
        """Return P(|w - center| > t) for t >= 0."""
        from scipy import stats

        standard = np.asarray(t, dtype=np.float64) / self.scale
        return np.asarray(2 * stats.t.sf(standard, self.dof))

    def decay_rates(self) -> FloatArray:
        """Return the discrete decay rates lam_n = n theta - n (n - 1) q1/2, n < nu/2, per step.

        The eigenfunctions are polynomials. From q1 nu^2/8 on the spectrum is continuous.
        """
        n = np.arange(math.ceil(self.dof / 2))
        rates: FloatArray = n * self.rate - n * (n - 1) * self.multiplicative / 2
        return rates

    @property
    def gap(self) -> float:
        """The spectral gap per step: theta where the variance is finite, else q1 nu^2/8."""
        if self.dof > 2:
            return self.rate
        return self.multiplicative * self.dof**2 / 8


def pearson(problem: LinearRegression, sgd: SGD) -> Pearson:
    r"""Return the stationary law of the one-dimensional diffusion with state-dependent noise.

    Parameters
    ----------
    problem : LinearRegression
        One feature with a law, whose fourth moment is finite; label noise of finite, positive
        variance.
    sgd : SGD
        Without Nesterov; weight decay only if the optimum is 0, else the noise is not symmetric
        about the centre.

    Returns
    -------
    Pearson
        The law.

    Raises
    ------
    ValueError
        If an argument is outside its domain, or the problem is not of this form.

    See Also
    --------
    tail_exponent : The exponent of the algorithm itself, which is smaller.
    diffusion : The same with noise frozen at the minimum, whose law is normal.

    Notes
    -----
    With the rate :math:`\theta` and the noise :math:`q_0 + q_1 x^2` of a step, the stationary
    density is :math:`p(x) \propto (q_0 + q_1 x^2)^{-1 - \theta/q_1}`, Student's law with
    :math:`\nu = 1 + 2 \theta / q_1` degrees of freedom.

    References
    ----------
    .. [1] J. L. Forman, M. Sorensen, "The Pearson diffusions: a class of statistically tractable
       diffusion processes", Scandinavian Journal of Statistics 35 (2008).

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.1, batch_size=4)
    >>> law = linsgd.pearson(linsgd.LinearRegression.gaussian([1.0]), sgd)
    >>> round(law.dof, 6), round(law.variance, 6)  # 1 + b / (lr h), lr / (2 (b - lr h))
    (41.0, 0.012821)
    """
    accept(problem, sgd)
    _check(problem, sgd)
    noise = gradient_noise_law(problem, sgd)
    if any(noise.infinite):
        moment = "fourth moment" if noise.infinite.features else "label variance"
        domains.refuse("problem", f"infinite {moment}", "finite noise that grows with |x|")
    rate = float(diffusion(problem, sgd).rate[0])
    pace = sgd.gradient_weight * sgd.lr / (1 - sgd.momentum)
    # the variance is q0 + q1 x^2
    q0 = pace**2 * _variance(noise, 0.0)
    q1 = pace**2 * _variance(noise, 1.0) - q0
    positive = q0 > 0 and q1 > 0 and rate > 0
    if not (positive and q0 < np.inf and q1 < np.inf):
        given = f"noise of variance {q0:g} + {q1:g} x^2 a step"
        domains.refuse("problem", given, "finite noise that grows with |x|")
    dof = 1 + 2 * rate / q1
    finite = q1 < 2 * rate
    return Pearson(
        status=PearsonStatus.OK if finite else PearsonStatus.INFINITE_VARIANCE,
        dof=dof,
        center=float(problem.solution(sgd.weight_decay)[0]),
        scale=float(np.sqrt(q0 / (q1 * dof))),
        variance=q0 / (2 * rate - q1) if finite else np.inf,
        rate=rate,
        additive=q0,
        multiplicative=q1,
    )


def _check(problem: LinearRegression, sgd: SGD) -> None:
    """Refuse what is not one feature with a law and a symmetric noise."""
    data = isinstance(problem.features, FiniteData)
    if problem.dimension != 1 or data:
        given = "a data set" if data else f"{problem.dimension} features"
        domains.refuse("problem", given, "problems of one feature with a law")
    if sgd.weight_decay > 0 and problem.optimum[0] != 0:
        domains.refuse("weight_decay", sgd.weight_decay, "0, unless the optimum is 0")


def _variance(noise: Noise, distance: float) -> float:
    """Return the variance of the minibatch gradient at a distance from the optimum."""
    mean = np.full(1, distance)
    second = mean**2
    if isinstance(noise, ModeNoise):
        return float(noise.diagonal(second)[0])
    return float(noise(second[:, None], mean)[0, 0])
