r"""Selling's decomposition of a symmetric positive definite matrix on the integer lattice.

    D = sum_k rho_k e_k e_k',        rho_k >= 0, e_k integer,

with three offsets e_k in two dimensions: a superbase b_0 + b_1 + b_2 = 0 is changed until all
b_i' D b_j <= 0; then rho_k = -b_i' D b_j, and e_k is b_k turned by a right angle. Second
derivatives become differences along lattice vectors with positive weights, so that the equation
on a grid is a Markov chain for any D.

References
----------
.. [1] E. Selling, "Ueber die binaeren und ternaeren quadratischen Formen", Crelle 77 (1874).
.. [2] J.-M. Mirebeau, "Sparse non-negative stencils for anisotropic diffusion", Journal of
   Mathematical Imaging and Vision 41 (2011), for its use in schemes.
"""

import itertools

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray

MOST_CHANGES = 100
LARGEST_OFFSET = 3  # in cells: a wider one makes the chain jump over what it should resolve


def offset_weights(D: FloatArray) -> dict[tuple[int, int], FloatArray]:
    """Return {offset: weights (...)} with D = sum weights offset offset', for D (..., 2, 2)."""
    shape = D.shape[:-2]
    matrices = D.reshape(-1, 2, 2)
    base = _obtuse(matrices)
    found: dict[tuple[int, int], FloatArray] = {}
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        weight = -np.einsum("pa,pab,pb->p", base[:, i], matrices, base[:, j])
        offset = np.column_stack([-base[:, k, 1], base[:, k, 0]])
        # e and -e are one direction: the first that is not zero is positive
        first = np.where(offset[:, 0] != 0, offset[:, 0], offset[:, 1])
        offset *= np.sign(first)[:, None]
        for e in np.unique(offset, axis=0):
            here = (offset == e).all(axis=1)
            pair = (int(e[0]), int(e[1]))
            total = found.setdefault(pair, np.zeros(len(matrices)))
            total[here] += np.maximum(weight[here], 0.0)
    kept = {e: weight.reshape(shape) for e, weight in found.items() if weight.any()}
    _check(kept)
    return kept


def _obtuse(matrices: FloatArray) -> IntArray:
    """Return superbases (P, 3, 2) whose vectors form no acute angle in the norm of D."""
    base = np.tile(np.array([[1, 0], [0, 1], [-1, -1]]), (len(matrices), 1, 1))
    for _ in range(MOST_CHANGES):
        changed = False
        for i, j in itertools.combinations(range(3), 2):
            product = np.einsum("pa,pab,pb->p", base[:, i], matrices, base[:, j])
            scale = np.trace(matrices, axis1=1, axis2=2)
            acute = product > 1e-14 * scale
            k = 3 - i - j
            b_i, b_j = base[acute, i], base[acute, j]
            base[acute, i], base[acute, k] = -b_i, b_i - b_j
            changed |= bool(acute.any())
        if not changed:
            break
    return base


def _check(weights: dict[tuple[int, int], FloatArray]) -> None:
    for e in weights:
        if max(abs(e[0]), abs(e[1])) > LARGEST_OFFSET:
            given = f"so anisotropic that the chain jumps by {e} cells"
            remedy = "noise less anisotropic in cells: choose cells along the noise, or scale x, y"
            domains.refuse("diffusion", given, remedy)
