r"""The weight decay of least stationary risk, which can be negative.

For Gaussian features without momentum let D = w - w*, K = H + decay I and m = -decay K^-1 w* the
bias. The second moment M = E D D' solves, along the eigenvectors of H,

    M_ij (1 - (1 - lr k_i)(1 - lr k_j) - lr^2 h_i h_j/b) = R_ij + lr^2 h_i tr(H M)/b [i = j],
    R = lr^2 noise_std^2 H/b + lr^2 decay^2 w*w*' - lr decay ((I - lr K) m w*' + w* m'(I - lr K)),

linear in M with one scalar unknown tr(H M). At zero decay the bias is of second order in the decay,
while the variance falls with the decay at small learning rates and rises at large ones: for one
feature it is lr sigma^2 h/b over 2 k - lr (k^2 + 2 h^2/b + ...), and grows with k from lr h = 1 on.
Then the best decay is negative. Without label noise zero decay leaves no risk at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result

_TOLERANCE = 1e-10  # of the minimiser, relative to the interval searched


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BestWeightDecay(Result):
    """The weight decay of least stationary excess risk.

    Attributes
    ----------
    weight_decay : float
        The minimiser, above minus the smallest eigenvalue of H.
    lower, upper : float
        Bounds on it, from the minimiser's tolerance.
    excess_risk : float
        The stationary excess risk there.
    excess_risk_without : float
        The stationary excess risk at weight decay 0; inf where it does not exist.
    guarantee : Guarantee
        "numerical".
    """

    weight_decay: float
    lower: float
    upper: float
    excess_risk: float
    excess_risk_without: float
    guarantee: Guarantee = Guarantee.NUMERICAL


def best_weight_decay(problem: LinearRegression, sgd: SGD) -> BestWeightDecay:
    r"""Return the weight decay, possibly negative, of least stationary excess risk.

    Parameters
    ----------
    problem : LinearRegression
        Gaussian features, nonsingular H, label noise of finite variance.
    sgd : SGD
        Without momentum; its own weight decay is not used.

    Returns
    -------
    BestWeightDecay
        The decay, and the risk with and without it.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or no decay has a stationary risk.

    References
    ----------
    .. [1] L. Ziyin, K. Liu, T. Mori, M. Ueda, "Strength of Minibatch Noise in SGD" (2022), for the
       negative optimum; the exact law is derived here.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0], optimum=[1.0])
    >>> small, large = (linsgd.SGD(lr, batch_size=16) for lr in (0.3, 1.4))
    >>> [linsgd.best_weight_decay(problem, sgd).weight_decay > 0 for sgd in (small, large)]
    [True, False]
    """
    accept(problem, sgd)
    if type(problem.features) is not GaussianFeatures:
        domains.refuse_type("problem.features", problem.features, "Gaussian")
    if sgd.momentum > 0 or sgd.sampling != "independent":
        given = f"momentum = {sgd.momentum}, sampling = {sgd.sampling!r}"
        domains.refuse("sgd", given, "momentum 0 with independent batches")
    if problem.rank < problem.dimension or not np.isfinite(problem.noise_variance):
        domains.refuse("problem", problem, "nonsingular H and label noise of finite variance")
    h = problem.eigenvalues
    low, high = -float(h.min()), 2 / sgd.lr - float(h.max())
    grid = np.linspace(low, high, 402)[1:-1]
    risks = np.array([stationary_risk(problem, sgd, x) for x in grid])
    if not np.isfinite(risks).any():
        domains.refuse("lr", sgd.lr, "learning rates with a stationary risk at some decay")
    k = int(np.argmin(risks))
    ends = (low, *grid, high)[k], (low, *grid, high)[k + 2]
    found = minimize_scalar(
        lambda x: stationary_risk(problem, sgd, x),
        bounds=ends,
        method="bounded",
        options={"xatol": _TOLERANCE * (high - low)},
    )
    error = 1e-7 * (high - low)  # a minimum is flat: the root of the rounding of the risk
    return BestWeightDecay(
        weight_decay=float(found.x),
        lower=float(found.x) - error,
        upper=float(found.x) + error,
        excess_risk=float(found.fun),
        excess_risk_without=stationary_risk(problem, sgd, 0.0),
    )


def stationary_risk(problem: LinearRegression, sgd: SGD, decay: float) -> float:
    """Return the stationary excess risk at a weight decay of either sign; inf where unstable."""
    M = second_moment(problem, sgd, decay)
    return np.inf if M is None else float(problem.eigenvalues @ np.diag(M)) / 2


def second_moment(problem: LinearRegression, sgd: SGD, decay: float) -> FloatArray | None:
    """Return E (w - w*)(w - w*)' (d, d) along the eigenvectors of H; None where unstable."""
    h, w = problem.eigenvalues, problem.to_eigenbasis(problem.optimum)
    lr, b = sgd.lr, sgd.batch_size
    k = h + decay
    kept = 1 - lr * k
    own = 1 - kept[:, None] * kept - lr**2 * np.outer(h, h) / b
    if k.min() <= 0 or own.min() <= 0:
        return None
    shared = lr**2 * h**2 / (b * np.diag(own))  # what tr(H M) returns to itself
    if shared.sum() >= 1:
        return None
    bias = -decay * w / k
    pull = np.outer(kept * bias, w)
    R = lr**2 * decay**2 * np.outer(w, w) - lr * decay * (pull + pull.T)
    R += lr**2 * problem.noise_variance / b * np.diag(h)
    trace = float((h * np.diag(R) / np.diag(own)).sum() / (1 - shared.sum()))
    M: FloatArray = (R + lr**2 * trace / b * np.diag(h)) / own
    return M
