r"""The stationary variance of RMSprop and Adam at small steps.

As betas[1] -> 1 the mean square of the gradient tends to C_ii, C = noise_std^2 H/b its covariance
at the optimum, and the method to SGD with the matrix learning rate lr P, P = diag(C_ii^{1/2} +
eps)^-1, in which the momentum of Adam drops out. To leading order in lr its stationary covariance
S solves P H S + S H P = lr P C P, whose solution is

    S = lr noise_std^2/(2 b) P,

diagonal in the coordinates of the weights, whatever the correlations of the features, of order lr
noise_std and not lr noise_std^2. RMSprop's own momentum multiplies lr by 1/(1 - momentum).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.adaptive import Adam, NAdam, RMSprop
from linsgd.optimizers.decoupled import AdamW
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result

COVERED = (RMSprop, Adam, AdamW, NAdam)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AdaptiveVariance(Result):
    """The stationary variance of an adaptive method, to leading order.

    Attributes
    ----------
    variance : ndarray (d,)
        Of each weight, in the problem's coordinates; covariances are 0 in this order.
    order : str
        Which terms are neglected.
    relaxation : float
        Steps in which the slowest mode loses the factor e.
    guarantee : Guarantee
        "numerical": an expansion without a bound on its remainder.
    """

    variance: FloatArray
    order: str
    relaxation: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def adaptive_variance(
    problem: LinearRegression, optimizer: RMSprop | Adam | AdamW | NAdam
) -> AdaptiveVariance:
    r"""Return the stationary variance of RMSprop, Adam, AdamW or NAdam at small steps.

    Parameters
    ----------
    problem : LinearRegression
        A law with label noise of finite variance that does not depend on the features.
    optimizer : RMSprop, Adam, AdamW or NAdam
        Without weight decay; RMSprop not centered.

    Returns
    -------
    AdaptiveVariance
        To leading order in lr and in one less the decay of the mean square.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    .. math:: \mathrm{Var}\, w_i = \frac{\eta \sigma}{2 \sqrt{b H_{ii}}}, \qquad \epsilon = 0.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([[1.0, 0.5], [0.5, 1.0]])
    >>> linsgd.adaptive_variance(problem, linsgd.Adam(lr=0.01, batch_size=4)).variance
    array([0.0025, 0.0025])
    """
    domains.exact_type("problem", problem, (LinearRegression,))
    domains.exact_type("optimizer", optimizer, COVERED)
    if optimizer.weight_decay > 0:
        domains.refuse("weight_decay", optimizer.weight_decay, "0")
    if isinstance(optimizer, RMSprop) and optimizer.centered:
        domains.refuse("centered", True, "False")
    finite = problem.noise is not None and 0 < problem.noise_variance < np.inf
    if not finite or problem.rank < problem.dimension:
        domains.refuse("problem", problem, "laws of nonsingular H with noise of finite variance")
    H, b = problem.covariance(), optimizer.batch_size
    P = 1 / (np.sqrt(problem.noise_variance * np.diag(H) / b) + optimizer.eps)
    lr = optimizer.lr / (1 - optimizer.momentum) if isinstance(optimizer, RMSprop) else optimizer.lr
    rates = np.linalg.eigvalsh(np.sqrt(P)[:, None] * H * np.sqrt(P))
    return AdaptiveVariance(
        variance=lr * problem.noise_variance / (2 * b) * P,
        order="leading in lr and in 1 - betas[1] (alpha of RMSprop)",
        relaxation=float(1 / (lr * rates[0])),
    )
