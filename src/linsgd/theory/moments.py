"""Mean and covariance of SGD's phase space (w, v), in every theory."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.optimizers.accept import accept
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.second_order import StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete import scheduled
from linsgd.theory.result import Moments, Start
from linsgd.theory.risk.run import Schedules
from linsgd.theory.theories import THEORIES, TheoryName, answer, theories


def stationary_moments(
    problem: LinearRegression, sgd: SGD | StochasticNewton, theory: TheoryName = "exact"
) -> Moments:
    r"""Return mean and covariance of (w, v) in the stationary law.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD or StochasticNewton
        The optimizer. For ``sampling="epoch"`` or ``"fixed"`` the law at each phase of the epoch:
        exact for few rows, else for noise frozen at the minimum, exact in lr (h + weight_decay);
        `order` says what is neglected and `error` estimates it.
        Newton's law is exact for Gaussian features, without damping and weight decay.
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm itself, or the literature's stochastic differential equations.

    Returns
    -------
    Moments
        Its status says whether the moments exist.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    moments : The law at given steps.
    stability : The learning rates at which these moments cease to exist.
    tail_exponent : The order of the moments that exist.

    Notes
    -----
    Let H = E[x x'] have the eigenvalues :math:`h_i`, let :math:`\kappa_i = h_i + \lambda` and
    :math:`N` be the covariance of the minibatch gradient. For "exact" the covariance :math:`M` of
    the positions about the ridge solution solves

    .. math:: M_{ij} = P_{ij} N_{ij}(M), \qquad P_{ij} =
        \frac{\eta (1 - \beta^2)}{(1 - \beta)^2 (1 + \beta) (\kappa_i + \kappa_j)
        + \eta (\beta (\kappa_i - \kappa_j)^2 - (1 - \beta)^2 \kappa_i \kappa_j)}

    without Nesterov and dampening; N depends on M, as the noise grows with the distance from the
    optimum. For one Gaussian feature, batch 1 and :math:`\lambda = \beta = 0` this is
    :math:`M = \eta \sigma^2 / (2 - 3 \eta h)`.

    References
    ----------
    .. [1] L. Ziyin, K. Liu, T. Mori, M. Ueda, "Strength of Minibatch Noise in SGD" (2022), for
       Gaussian features to leading order in 1/b.
    .. [2] D. Kunin et al., "The Limiting Dynamics of SGD", Neural Computation 36 (2024), for the
       Langevin equation.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
    >>> law = linsgd.stationary_moments(problem, linsgd.SGD(lr=0.1, batch_size=4))
    >>> law.position_variance
    array([0.01360246, 0.01316367])
    """
    others = THEORIES[domains.choice("theory", theory, theories())].others
    if type(sgd) in others:
        accept(problem, sgd, tuple(others))
        return others[type(sgd)](problem, sgd)
    stationary = answer("moments", lambda t: t.stationary, theory, problem, sgd)
    assert isinstance(sgd, SGD)  # the only type that is left
    return stationary(problem, sgd)


def moments(
    problem: LinearRegression,
    sgd: SGD,
    steps: ArrayLike,
    start: Start = None,
    theory: TheoryName = "exact",
    schedule: Schedule | None = None,
    batch_schedule: Schedule | None = None,
    momentum_schedule: Schedule | None = None,
) -> Moments:
    r"""Return mean and covariance of (w, v) at given steps.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer. For ``sampling="epoch"`` or ``"fixed"`` the step 0 begins an epoch; moments
        are exact for few rows, else `order` says what is neglected and `error` estimates it. A
        fixed order is averaged over; on many rows it starts at a point or in its stationary law.
    steps : int or array_like (K,)
        Times in steps, in any order, each in [0, 2**62].
    start : None, "stationary", (w, v) or Moments
        A fresh optimizer at w = 0; the stationary law; a point, two arrays (d,); or one law.
    theory : {"exact", "langevin", "diffusion"}
        The discrete algorithm itself, or the literature's stochastic differential equations.
    schedule, batch_schedule, momentum_schedule : Schedule, optional
        Factors of the learning rate, the batch size (whole numbers) and the momentum (in (0, 1))
        at each step, for theory = "exact" with at most 1000 features and 10^6 steps. A start
        "stationary" and the status are those at factors of 1.

    Returns
    -------
    Moments
        Shapes have K first, unless `steps` is a number. Its status says whether stationary moments
        exist; at finite steps the numbers hold anyway.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    stationary_moments : The limit of many steps.
    risk_curve : The excess risk alone, under schedules in any dimension.
    simulate : The algorithm itself, chain by chain.
    displacement : Mean-squared displacement between two steps.

    Notes
    -----
    With :math:`\delta = w - w^*`, :math:`z = (\delta, v)` and the step matrix A of
    the mean, "exact" is the recursion

    .. math:: E z' = A\, E z + c\, \lambda w^*, \qquad
        \mathrm{Cov}\, z' = A\, \mathrm{Cov}\, z\, A^\top + c c^\top \otimes N(E \delta \delta^\top,
        E \delta),

    walked step by step or taken by repeated squaring, which costs O(log K).

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0], optimum=[1.0], noise_std=0.1)
    >>> sgd = linsgd.SGD(lr=0.5, batch_size=8)
    >>> linsgd.moments(problem, sgd, [0, 1, 2]).mean
    array([[0.  ],
           [0.5 ],
           [0.75]])
    >>> linsgd.moments(problem, sgd, 2).mean
    array([0.75])
    """
    moments_at = answer("moments", lambda t: t.moments, theory, problem, sgd)
    given = (schedule, batch_schedule, momentum_schedule)
    if any(each is not None for each in given):
        if theory != "exact":
            domains.refuse("theory", theory, "'exact' under a schedule")
        moments_at = partial(scheduled.moments, schedules=Schedules(*given))
    zero_dimensional = isinstance(steps, np.ndarray) and steps.ndim == 0
    if np.isscalar(steps) or zero_dimensional:
        step = domains.integer("steps", steps, "[0, 4611686018427387904]")
        law = moments_at(problem, sgd, domains.step_list("steps", [step]), start)
        return law.at(0)
    return moments_at(problem, sgd, domains.step_list("steps", steps), start)
