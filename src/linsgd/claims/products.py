"""Quadratic observables of a case's chains as sums of products, as the theory of forms takes them.

Each observable of `linsgd.judge.observables` that is quadratic in the states is a weighted sum of
products of two linear functions of the states at the steps of the case.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.judge.observables import (
    Displacement,
    LaggedProduct,
    Observable,
    Quadratic,
    Stack,
    Total,
)
from linsgd.theory.discrete.quadratic_forms import Products

if TYPE_CHECKING:
    from linsgd.claims.case import Case


def products(case: "Case", observable: Observable) -> Products:
    """Return a quadratic observable as products of linear functions of the states.

    Parameters
    ----------
    case : Case
        The optimizer, the problem and its exact law.
    observable : Observable
        Quadratic in the states, or several of this kind.

    Returns
    -------
    Products
        About the exact means.

    Raises
    ------
    ValueError
        If the observable is of another kind.
    """
    if isinstance(observable, Quadratic):
        at = observable.at
        left = _factor(case, {at: observable.left}, {at: observable.centre})
        right = _factor(case, {at: observable.right}, {at: observable.centre})
        return _products(left, right, observable.weights)
    if isinstance(observable, LaggedProduct):
        before, after = observable.earlier, observable.later
        left = _factor(case, {before: observable.left}, {before: observable.centre})
        right = _factor(case, {after: observable.right}, {after: observable.centre})
        return _products(left, right, observable.weights)
    if isinstance(observable, Displacement):
        directions = observable.directions
        ends = {observable.later: directions, observable.earlier: -directions}
        moved = _factor(case, ends, dict.fromkeys(ends, np.zeros(len(directions))))
        return _products(moved, moved, np.full((directions.shape[1], 1), observable.weight))
    if isinstance(observable, Stack | Total):
        parts = [products(case, part) for part in observable.parts]
        weights = [part.weights for part in parts]
        if isinstance(observable, Stack):
            return _joined(parts, block_diag(*weights))
        scaled = [c * w for c, w in zip(observable.weights, weights, strict=True)]
        return _joined(parts, np.vstack(scaled))
    return domains.refuse("observable", observable, "quadratic ones")


Factor = tuple[FloatArray, FloatArray]


def _factor(case: "Case", along: dict[int, FloatArray], centres: dict[int, FloatArray]) -> Factor:
    """Return a linear function (K, 2 d, p) of the states and its mean (p,).

    `along` holds the directions (2 d, p), and `centres` what is subtracted, by snapshot.
    """
    K, shape = len(case.steps), next(iter(along.values())).shape
    directions, mean = np.zeros((K, *shape)), np.zeros(shape[1])
    for at, each in along.items():
        directions[at] += each
        mean += (case.mean_state(at) - centres[at]) @ each
    return directions, mean


def _products(left: Factor, right: Factor, weights: FloatArray) -> Products:
    return Products(
        left=left[0], right=right[0], left_mean=left[1], right_mean=right[1], weights=weights
    )


def _joined(parts: list[Products], weights: FloatArray) -> Products:
    """Return the products of all parts, with their common weights."""
    left, right, left_mean, right_mean = (
        np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in ("left", "right", "left_mean", "right_mean")
    )
    return Products(
        left=left, right=right, left_mean=left_mean, right_mean=right_mean, weights=weights
    )
