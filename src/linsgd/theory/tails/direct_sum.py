r"""Products that fall into parts: subspaces that no batch mixes.

Where the rows of a data set fall into mutually orthogonal groups, every H_B, and with it every
step, is block diagonal in the spans of the groups, whatever the batch. Then

    rho = max rho_i,      h(s) = max h_i(s),      alpha = min alpha_i,

over the blocks i, and one law exists where each has one. A block is a problem of its own, in fewer
dimensions, in which the rows of other groups are zero. The groups are the connected components of
the graph of rows that are not orthogonal.

Two equal signs are data too: (1, 1) and (1, -1) up to sign, each with probability 1/2; both blocks
have the same law.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from linsgd.domains import FloatArray, IntArray
from linsgd.problems.features import FiniteData, RademacherFeatures, principal_axes
from linsgd.result import Guarantee
from linsgd.theory.tails.result import Interval, TailResult, TailStatus
from linsgd.theory.tails.setting import Setting, along_axes, interpolates

_ORTHOGONAL = 1e-12  # cosine of an angle that is a right one to rounding
_MIXING = (
    1e-6  # cosines up to which directions take so many steps to mix that sampling does not see it
)
_RISING = (Guarantee.RIGOROUS, Guarantee.NUMERICAL, Guarantee.STATISTICAL)  # in doubt


def parts(setting: Setting) -> tuple[Setting, ...]:
    """Return settings whose products are the blocks of this one's, one of equal ones; itself if there is no other."""
    law = setting.features
    if isinstance(law, RademacherFeatures) and setting.dimension == 2 and setting.isotropic:
        variance = setting.spectrum.mean(keepdims=True)
        rows = FiniteData(np.array([[math.sqrt(2 * variance[0])], [0.0]]), np.zeros(2))
        return (dataclasses.replace(setting, features=rows, spectrum=variance),)
    if not isinstance(law, FiniteData) or setting.dimension == 1:
        return (setting,)
    groups = orthogonal_groups(law.X)
    if len(groups) == 1:
        return (setting,)
    blocks = [_block(setting, law, group) for group in groups]
    return tuple({_law(block): block for block in blocks}.values())


def _law(block: Setting) -> tuple[object, ...]:
    """Return what is equal for blocks of one dimension whose products have the same law to rounding."""
    if not isinstance(block.features, FiniteData) or block.dimension > 1:
        return (id(block),)
    sizes = np.sort(np.abs(block.features.X[:, 0]))
    return (block.steady, *(f"{size:.13e}" for size in sizes[sizes > 0]))


def _block(setting: Setting, law: FiniteData, group: IntArray) -> Setting:
    X = np.zeros_like(law.X)
    X[group] = law.X[group]
    eigenvalues, vectors = principal_axes(X.T @ X / len(X))
    rows = along_axes(FiniteData(X, law.y), eigenvalues, vectors)
    spectrum = eigenvalues[eigenvalues > 0]
    assert isinstance(rows, FiniteData)
    steady = setting.steady or setting.full_batch or interpolates(rows, spectrum, setting.decay)
    return dataclasses.replace(setting, features=rows, spectrum=spectrum, steady=steady)


def mixes_slowly(setting: Setting) -> bool:
    """Whether the blocks of a data set would be more, and rho another number, but for angles that nearly are right."""
    law = setting.features
    if not isinstance(law, FiniteData):
        return False
    return len(orthogonal_groups(law.X, _MIXING)) > len(orthogonal_groups(law.X))


def orthogonal_groups(X: FloatArray, cosine: float = _ORTHOGONAL) -> list[IntArray]:
    """Return the indices of the nonzero rows (n, d) of each of the groups that are orthogonal, up to this cosine."""
    length = np.linalg.norm(X, axis=1)
    unit = X / np.where(length > 0, length, 1.0)[:, None]
    left, groups = np.flatnonzero(length), []
    while left.size:
        group, new, left = [], left[:1], left[1:]
        while new.size:
            group.append(new)
            span = np.asarray(np.linalg.qr(unit[new], mode="r"))
            joined = (
                np.linalg.norm(unit[left] @ span.T, axis=1) > cosine
            )  # |span x| = |(x_i'x)_{i new}|
            new, left = left[joined], left[~joined]
        groups.append(np.concatenate(group))
    return groups


def largest(results: Sequence[TailResult]) -> TailResult:
    """Return rho or h(s) from those of the blocks."""
    if len(results) == 1:
        return results[0]
    lead = max(results, key=lambda result: result.upper)
    return _with_bounds(lead, results, max, TailStatus.OK)


def heaviest(results: Sequence[TailResult]) -> TailResult:
    """Return alpha from those of the blocks; blocks in which W is a point have no say."""
    if len(results) == 1:
        return results[0]
    rho = max((result.lyapunov for result in results), key=lambda x: math.inf if x != x else x)
    growing = [result for result in results if result.status is TailStatus.NO_STATIONARY_LAW]
    if growing:
        return max(growing, key=lambda result: result.lyapunov)
    moving = [result for result in results if result.status is not TailStatus.DEGENERATE]
    if not moving:
        return dataclasses.replace(results[0], lyapunov=rho)
    lead = min(moving, key=lambda result: result.lower)
    return dataclasses.replace(_with_bounds(lead, moving, min, lead.status), lyapunov=rho)


def _with_bounds(
    lead: TailResult,
    results: Sequence[TailResult],
    extreme: Callable[[Sequence[float]], float],
    status: TailStatus,
) -> TailResult:
    """Return the result of the leading block with bounds on the extreme, and no value where a block may pass it."""
    value, lower, upper = _extreme(results, extreme)
    resolved = value == value
    return dataclasses.replace(
        lead,
        value=value,
        lower=lower,
        upper=upper,
        status=status if resolved else TailStatus.UNRESOLVED,
        guarantee=max((result.guarantee for result in results), key=_RISING.index),
        confidence=next(
            (result.confidence for result in results if result.confidence is not None), None
        ),
    )


def _extreme(
    results: Sequence[TailResult], extreme: Callable[[Sequence[float]], float]
) -> Interval:
    known = [result.value for result in results if result.value == result.value]
    lower, upper = (
        extreme([getattr(result, end) for result in results]) for end in ("lower", "upper")
    )
    value = extreme(known) if known else math.nan
    ends = [
        end
        for result in results
        if result.value != result.value
        for end in (result.lower, result.upper)
    ]
    return Interval(value if known and extreme([value, *ends]) == value else math.nan, lower, upper)
