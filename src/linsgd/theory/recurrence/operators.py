"""Largest eigenvalue of, and linear systems with, self-adjoint operators on symmetric matrices.

The operators map a symmetric matrix (d, d) to another and are given as functions. In few dimensions
their matrix is formed; else ARPACK's Lanczos iteration and conjugate gradients apply them.
"""

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray

Operator = Callable[[FloatArray], FloatArray]

LARGEST_DENSE = 13  # d up to which the matrix of an operator, d (d + 1)/2 squared, is formed
TOLERANCES = (1e-13, 1e-9)  # of Lanczos; the second where rounding hides the first
EPS = float(np.finfo(float).eps)


def largest_eigenvalue(operator: Operator, d: int) -> float:
    """Return the largest eigenvalue of a self-adjoint operator on symmetric matrices (d, d)."""
    if d <= LARGEST_DENSE:
        return float(np.linalg.eigvalsh(_dense(operator, d))[-1])
    return _lanczos(operator, d)


def solve_feedback(gain: Operator, source: FloatArray) -> tuple[FloatArray, float]:
    """Solve X - gain(X) = source for symmetric X (d, d), by conjugate gradients.

    Parameters
    ----------
    gain : callable
        A self-adjoint operator of spectral radius below one.
    source : ndarray (d, d)
        Symmetric.

    Returns
    -------
    X : ndarray (d, d)
        The solution.
    residual : float
        Norm of the residual over that of X. Divided by 1 minus the spectral radius it bounds the
        relative error of X.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    d = len(source)

    def difference(x: FloatArray) -> FloatArray:
        X = x.reshape(d, d)
        return (X - gain(X)).ravel()

    linear = LinearOperator((d * d, d * d), matvec=difference, dtype=np.float64)
    right_side = source.ravel()
    solution, _ = cg(linear, right_side, rtol=1e-15, atol=0.0, maxiter=1000)
    remainder = difference(solution) - right_side
    scale = float(np.linalg.norm(solution)) or 1.0
    residual = float(np.linalg.norm(remainder)) / scale
    X = solution.reshape(d, d)
    return (X + X.T) / 2, max(residual, EPS)


def _dense(operator: Operator, d: int) -> FloatArray:
    """Return the matrix of the operator in an orthonormal basis of the symmetric matrices.

    The basis is e_i e_i' and (e_i e_j' + e_j e_i') / sqrt(2), i < j.
    """
    i, j = np.triu_indices(d)
    diagonal = i == j
    entry = np.where(diagonal, 1.0, np.sqrt(0.5))
    weight = np.where(diagonal, 0.5, entry)
    matrix = np.empty((i.size, i.size))
    for column, (a, b) in enumerate(zip(i, j, strict=True)):
        basis = np.zeros((d, d))
        basis[a, b] = basis[b, a] = entry[column]
        image = operator(basis)
        twice = image[i, j] + image[j, i]
        matrix[:, column] = twice * weight
    return (matrix + matrix.T) / 2


def _lanczos(operator: Operator, d: int) -> float:
    """Return the largest eigenvalue by ARPACK, at the first of `TOLERANCES` that it reaches."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    def on_symmetric(x: FloatArray) -> FloatArray:
        M = x.reshape(d, d)
        return operator((M + M.T) / 2).ravel()

    linear = LinearOperator((d * d, d * d), matvec=on_symmetric, dtype=np.float64)
    start = np.eye(d).ravel()
    for tol in TOLERANCES:
        with suppress(ArpackNoConvergence):
            found = eigsh(linear, k=1, which="LA", v0=start, tol=tol, return_eigenvectors=False)
            return float(found[0])
    given = f"{d} features whose second-moment operator has no resolvable largest eigenvalue"
    return domains.refuse("problem", given, "better conditioned features; scale the columns alike")
