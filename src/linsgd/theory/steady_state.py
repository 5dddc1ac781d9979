r"""The steady state of SGD with momentum: Gibbs' law of small lr beside the exact temperatures.

As lr -> 0 at fixed momentum the law of a mode of curvature kappa = h + weight_decay tends to
exp(-kappa x^2/(2 T)) with T = e C/2, e = lr (1 - dampening)/(1 - momentum) and C the variance of
the minibatch gradient at the minimum; C = noise_std^2 h/b gives the same variance in every mode.
With mass lr the kinetic temperature is lr Var v, the potential one kappa Var w, and without
Nesterov their ratio is 2 (1 - dampening)/(1 + momentum) at every lr and for any unbiased noise.
"""

from dataclasses import dataclass

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.references import WU_2021
from linsgd.result import Guarantee, Result
from linsgd.theory.moments import stationary_moments
from linsgd.theory.result import MomentsStatus


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SteadyState(Result):
    """Temperatures of every mode.

    Attributes
    ----------
    status : MomentsStatus
        Of the exact law.
    temperature : ndarray (d,)
        T of Gibbs' law, leading as lr -> 0.
    potential_temperature : ndarray (d,)
        (h + weight_decay) Var w, exact.
    kinetic_temperature : ndarray (d,)
        lr Var v, exact.
    ratio : float
        Kinetic over potential temperature, 2 (1 - dampening)/(1 + momentum).
    error : float
        Estimated relative error of the exact ones.
    guarantee : Guarantee
        "numerical".
    """

    references = (WU_2021,)
    status: MomentsStatus
    temperature: FloatArray
    potential_temperature: FloatArray
    kinetic_temperature: FloatArray
    ratio: float
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def steady_state(problem: LinearRegression, sgd: SGD) -> SteadyState:
    r"""Return the temperatures of SGD's steady state: Gibbs' of small lr, and the exact ones.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        Without Nesterov, with independent batches.

    Returns
    -------
    SteadyState
        Per mode, in the order of ``problem.eigenvalues``.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    pearson, tail_exponent : Where the Gaussian bulk ends: a power law of exponent about
        1 + b/(lr h), though every moment of the noise at fixed weights is finite.

    Notes
    -----
    .. math:: p(w) \propto e^{-\kappa w^2/(2T)}, \qquad T = \frac{\eta (1 - \tau)}{2 (1 - \beta)} C,
        \qquad \frac{\eta\, \mathrm{Var}\, v}{\kappa\, \mathrm{Var}\, w} =
        \frac{2 (1 - \tau)}{1 + \beta}.

    At fixed momentum the ratio does not tend to 1 as lr does to 0: phase space is Gibbs' only as
    the momentum tends to 1.

    References
    ----------
    The ratio and the exact law are derived here; L. Wu et al., "Revisiting the characteristics of
    stochastic gradient noise and dynamics" (2021), for the steady state, by its abstract.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
    >>> found = linsgd.steady_state(problem, linsgd.SGD(lr=0.01, batch_size=4, momentum=0.9))
    >>> found.temperature, round(found.ratio, 3)
    (array([0.0125 , 0.00625]), 1.053)
    """
    exact = stationary_moments(problem, sgd)
    if sgd.nesterov or sgd.sampling != "independent":
        given = f"nesterov = {sgd.nesterov} with sampling = {sgd.sampling!r}"
        domains.refuse("sgd", given, "nesterov False with sampling 'independent'")
    small = stationary_moments(problem, sgd, theory="diffusion")
    curvature = problem.eigenvalues + sgd.weight_decay
    return SteadyState(
        status=exact.status,
        temperature=curvature * small.position_variance,
        potential_temperature=curvature * exact.position_variance,
        kinetic_temperature=sgd.lr * exact.velocity_variance,
        ratio=2 * sgd.gradient_weight / (1 + sgd.momentum),
        error=exact.error,
    )
