r"""Products that decompose: subspaces that are invariant under every batch's step.

Where the rows of a data set fall into mutually orthogonal groups, every H_B, and with it every
step, is block diagonal in the spans of the groups, whatever the batch. Then

    rho = max rho_i,      h(s) = max h_i(s),      alpha = min alpha_i,

over the blocks i, and one law exists where each has one. A block is a setting of its own, in fewer
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
_NEARLY_ORTHOGONAL = 1e-6  # cosine up to which sampled products do not mix in the steps taken
_BY_STRENGTH = (Guarantee.RIGOROUS, Guarantee.NUMERICAL, Guarantee.STATISTICAL)

Extreme = Callable[[Sequence[float]], float]


def invariant_blocks(setting: Setting) -> tuple[Setting, ...]:
    """Return the blocks of the products, one of each law; the setting itself if there is one."""
    law = setting.features
    if isinstance(law, RademacherFeatures) and setting.dimension == 2 and setting.isotropic:
        variance = setting.spectrum.mean(keepdims=True)
        rows = np.array([[math.sqrt(2 * variance[0])], [0.0]])
        data = FiniteData(rows, np.zeros(2))
        return (dataclasses.replace(setting, features=data, spectrum=variance),)
    if not isinstance(law, FiniteData) or setting.dimension == 1:
        return (setting,)
    groups = orthogonal_groups(law.X)
    if len(groups) == 1:
        return (setting,)
    blocks = [_block(setting, law, group) for group in groups]
    return tuple({_identity(block): block for block in blocks}.values())


def _identity(block: Setting) -> tuple[object, ...]:
    """Return a key that is equal for one-dimensional blocks of the same law to rounding."""
    if not isinstance(block.features, FiniteData) or block.dimension > 1:
        return (id(block),)
    sizes = np.sort(np.abs(block.features.X[:, 0]))
    return (block.has_fixed_point, *(f"{size:.13e}" for size in sizes[sizes > 0]))


def _block(setting: Setting, law: FiniteData, group: IntArray) -> Setting:
    """Return the setting of one group of rows, along the axes of their own second moment."""
    X = np.zeros_like(law.X)
    X[group] = law.X[group]
    eigenvalues, eigenvectors = principal_axes(X.T @ X / len(X))
    rows = along_axes(FiniteData(X, law.y), eigenvalues, eigenvectors)
    assert isinstance(rows, FiniteData)
    spectrum = eigenvalues[eigenvalues > 0]
    known = setting.has_fixed_point or setting.full_batch
    fixed = known or interpolates(rows, spectrum, setting.decay)
    return dataclasses.replace(setting, features=rows, spectrum=spectrum, has_fixed_point=fixed)


def mixes_slowly(setting: Setting) -> bool:
    """Return whether some rows are so nearly orthogonal that sampled products would not mix.

    The blocks that sampling would see are then fewer than those of the products, and their rho is
    another number.
    """
    law = setting.features
    if not isinstance(law, FiniteData):
        return False
    nearly = orthogonal_groups(law.X, _NEARLY_ORTHOGONAL)
    return len(nearly) > len(orthogonal_groups(law.X))


def orthogonal_groups(X: FloatArray, cosine: float = _ORTHOGONAL) -> list[IntArray]:
    """Return the groups of rows that are orthogonal to all rows of other groups.

    Parameters
    ----------
    X : ndarray (n, d)
        The rows; those that are zero are in no group.
    cosine : float
        Rows whose angle to the span of others has at most this cosine are taken as orthogonal.

    Returns
    -------
    list of ndarray
        Indices of the rows of each group.
    """
    length = np.linalg.norm(X, axis=1)
    unit = X / np.where(length > 0, length, 1.0)[:, None]
    left, groups = np.flatnonzero(length), []
    while left.size:
        # a group grows from its first row by the rows that are not orthogonal to the new ones
        group = []
        new = left[:1]
        left = left[1:]
        while new.size:
            group.append(new)
            span = np.asarray(np.linalg.qr(unit[new], mode="r"))
            cosines = np.linalg.norm(unit[left] @ span.T, axis=1)  # |span x| = |(x_i'x)_{i new}|
            joined = cosines > cosine
            new = left[joined]
            left = left[~joined]
        groups.append(np.concatenate(group))
    return groups


def combine_rates(results: Sequence[TailResult]) -> TailResult:
    """Return rho or h(s), the largest of those of the blocks."""
    if len(results) == 1:
        return results[0]
    first = max(results, key=lambda result: result.upper)
    return _combined(first, results, max, TailStatus.OK)


def combine_exponents(results: Sequence[TailResult]) -> TailResult:
    """Return alpha, the smallest of those of the blocks; degenerate blocks are ignored."""
    if len(results) == 1:
        return results[0]
    growing = [result for result in results if result.status is TailStatus.NO_STATIONARY_LAW]
    if growing:
        return max(growing, key=lambda result: result.lyapunov)
    exponents = [result.lyapunov for result in results]
    lyapunov = math.nan if any(map(math.isnan, exponents)) else max(exponents)
    moving = [result for result in results if result.status is not TailStatus.DEGENERATE]
    if not moving:
        return dataclasses.replace(results[0], lyapunov=lyapunov)
    first = min(moving, key=lambda result: result.lower)
    return dataclasses.replace(_combined(first, moving, min, first.status), lyapunov=lyapunov)


def _combined(
    first: TailResult, results: Sequence[TailResult], extreme: Extreme, status: TailStatus
) -> TailResult:
    """Return the result of the decisive block with bounds on the extreme of all blocks.

    Its guarantee is the weakest of theirs.
    """
    bounds = _extreme([result.bounds for result in results], extreme)
    confidences = [result.confidence for result in results if result.confidence is not None]
    return dataclasses.replace(
        first,
        **bounds._asdict(),
        status=status if bounds.resolved else TailStatus.UNRESOLVED,
        guarantee=max((result.guarantee for result in results), key=_BY_STRENGTH.index),
        confidence=confidences[0] if confidences else None,
    )


def _extreme(blocks: Sequence[Interval], extreme: Extreme) -> Interval:
    """Return the extreme with its bounds; no value where an unresolved block may pass it."""
    lower = extreme([block.lower for block in blocks])
    upper = extreme([block.upper for block in blocks])
    known = [block.value for block in blocks if block.resolved]
    if not known:
        return Interval.between(lower, upper)
    value = extreme(known)
    unresolved = [block for block in blocks if not block.resolved]
    reachable = [end for block in unresolved for end in (block.lower, block.upper)]
    if extreme([value, *reachable]) != value:
        return Interval.between(lower, upper)
    return Interval(value, lower, upper)
