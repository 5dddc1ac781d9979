"""The exact risk over dimensions, batch sizes and steps, and the least risk at each compute."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.accept import OPTIMIZERS, accept
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.result import Result
from linsgd.theory.risk.coverage import check_finite_risk
from linsgd.theory.risk.risk_curve import risk_curve

PER_DECADE = 4  # computes of the frontier


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RiskFrontier(Result):
    """The exact risk over dimensions, batch sizes and steps.

    Attributes
    ----------
    dimensions, batch_sizes, steps : ndarray (D,), (B,), (K,)
        The grid.
    risk : ndarray (D, B, K)
        Of the model that has the first d features only: the excess risk on them and what the
        others would explain; infinite where the learning rate is unstable.
    error : ndarray (D, B, K)
        Relative, estimated.
    compute : ndarray (C,)
        Budgets d b k, four a decade.
    least_risk : ndarray (C,)
        Among the points of the grid within the budget.
    best_dimension, best_batch_size, best_steps : ndarray (C,)
        Where it is reached.
    """

    dimensions: IntArray
    batch_sizes: IntArray
    steps: IntArray
    risk: FloatArray
    error: FloatArray
    compute: FloatArray
    least_risk: FloatArray
    best_dimension: IntArray
    best_batch_size: IntArray
    best_steps: IntArray


def risk_frontier(
    law: PowerLaw,
    sgd: SGD,
    dimensions: ArrayLike,
    batch_sizes: ArrayLike,
    steps: ArrayLike,
) -> RiskFrontier:
    r"""Return the exact risk of models of the first d features, and the least risk at each compute.

    Parameters
    ----------
    law : PowerLaw
        Infinitely many features, of which a model has the first d; without them the rest of the
        target is label noise.
    sgd : SGD
        Its learning rate and momentum serve all; its batch size is not used.
    dimensions, batch_sizes, steps : array_like (D,), (B,), (K,)
        Of the grid, each at least 1.

    Returns
    -------
    RiskFrontier
        Risks, and the frontier of compute d b k.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    compute_optimal : Exponents of the frontier on random features.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.5, source=0.4)
    >>> found = linsgd.risk_frontier(law, linsgd.SGD(lr=0.2), [4, 16, 64], [1, 4], [10, 100, 1000])
    >>> found.risk.shape, bool((found.least_risk[1:] <= found.least_risk[:-1]).all())
    ((3, 2, 3), True)
    """
    accept(law, sgd, OPTIMIZERS, (PowerLaw,))
    if law.dimension is not None:
        domains.refuse("law.dimension", law.dimension, "None: models have its first features")
    check_finite_risk(law)
    sizes, batches, times = (
        np.unique(domains.step_list(name, values))
        for name, values in (
            ("dimensions", dimensions),
            ("batch_sizes", batch_sizes),
            ("steps", steps),
        )
    )
    for name, values in (("dimensions", sizes), ("batch_sizes", batches), ("steps", times)):
        if values[0] < 1:
            domains.refuse(name, int(values[0]), "[1, inf)")
    risk = np.empty((sizes.size, batches.size, times.size))
    error = np.empty_like(risk)
    for i, size in enumerate(sizes):
        missing = _missing(law, int(size))
        noise_std = float(np.sqrt(law.noise_std**2 + missing))
        model = replace(law, dimension=int(size), noise_std=noise_std)
        for j, batch in enumerate(batches):
            curve = risk_curve(model, replace(sgd, batch_size=int(batch)), times)
            stable = curve.status == "ok"
            risk[i, j] = curve.excess_risk + missing / 2 if stable else np.inf
            error[i, j] = curve.error
    return _frontier(sizes, batches, times, risk, error)


def _missing(law: PowerLaw, size: int) -> float:
    """Return sum_{j > d} h_j b_j^2, by summing to J and Euler and Maclaurin's formula beyond."""
    weight = law.exponent + 2 * law.source
    last = max(1000, 2 * size)
    j = np.arange(last, size, -1.0)
    start = last + 0.5
    integral = start ** (1 - weight) / (weight - 1)
    beyond = integral - weight * start ** (-weight - 1) / 24
    return float(np.sum(j**-weight) + beyond)


def _frontier(
    sizes: IntArray, batches: IntArray, times: IntArray, risk: FloatArray, error: FloatArray
) -> RiskFrontier:
    """Return the least risk within each budget."""
    spent = np.multiply.outer(np.multiply.outer(sizes, batches), times).astype(float)
    order = np.argsort(spent.ravel(), kind="stable")
    ascending = spent.ravel()[order]
    decades = np.log10(ascending[-1] / ascending[0])
    count = max(2, int(np.ceil(PER_DECADE * decades)) + 1)
    compute = np.geomspace(ascending[0], ascending[-1], count)
    compute[-1] = ascending[-1]
    within = np.searchsorted(ascending, compute * (1 + 1e-12), side="right") - 1
    best = _first_least(risk.ravel()[order])[within]
    i, j, k = np.unravel_index(order[best], risk.shape)
    return RiskFrontier(
        dimensions=sizes,
        batch_sizes=batches,
        steps=times,
        risk=risk,
        error=error,
        compute=compute,
        least_risk=risk[i, j, k],
        best_dimension=sizes[i],
        best_batch_size=batches[j],
        best_steps=times[k],
    )


def _first_least(values: FloatArray) -> IntArray:
    """Return for each place the index of the least value up to it (N,)."""
    least = np.minimum.accumulate(values)
    new = np.r_[True, values[1:] < least[:-1]]
    index: IntArray = np.maximum.accumulate(np.where(new, np.arange(values.size), 0))
    return index
