"""Largest eigenvalue of, and linear systems with, self-adjoint operators on symmetric matrices.

The operators map a symmetric matrix (d, d) to another and are given as functions. In few dimensions
their matrix is formed; else ARPACK's Lanczos iteration and conjugate gradients apply them.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray

Operator = Callable[[FloatArray], FloatArray]

LARGEST_DENSE = 13  # d up to which the matrix of an operator, d (d + 1)/2 squared, is formed
LARGEST_FORMED = 64  # and where Lanczos does not converge: 2080 rows, a few seconds
RESTARTS = 300  # of Lanczos; an eigenvalue of 64 features that is apart takes a few
TOLERANCES = (1e-13, 1e-9)  # of Lanczos; the second where rounding hides the first
EPS = float(np.finfo(float).eps)


def largest_eigenvalue(operator: Operator, d: int) -> float:
    """Return the largest eigenvalue of a self-adjoint operator on symmetric matrices (d, d)."""
    if d <= LARGEST_DENSE:
        return float(np.linalg.eigvalsh(_dense(operator, d))[-1])
    found = _lanczos(operator, d, vectors=False)
    if found is None:
        return float(np.linalg.eigvalsh(_dense_if_possible(operator, d))[-1])
    return found[0]


def leading_eigenmatrix(operator: Operator, d: int) -> tuple[float, FloatArray]:
    """Return the largest eigenvalue of a self-adjoint operator, and its eigenmatrix (d, d).

    The eigenmatrix is symmetric, of norm 1 and of trace at least 0.
    """
    found = None if d <= LARGEST_DENSE else _lanczos(operator, d, vectors=True)
    if found is None:
        values, vectors = np.linalg.eigh(_dense_if_possible(operator, d))
        i, j = np.triu_indices(d)
        # from the orthonormal basis of `_dense`
        unit = np.where(i == j, 1.0, np.sqrt(0.5))
        entries = vectors[:, -1] * unit
        G = np.empty((d, d))
        G[i, j] = entries
        G[j, i] = entries
        found = float(values[-1]), G
    value, G = found
    return value, G if np.trace(G) >= 0 else -G


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


def _dense_if_possible(operator: Operator, d: int) -> FloatArray:
    if d <= LARGEST_FORMED:
        return _dense(operator, d)
    given = f"{d} features whose second-moment operator has no resolvable largest eigenvalue"
    return domains.refuse("problem", given, "better conditioned features; scale the columns alike")


def _lanczos(operator: Operator, d: int, vectors: bool) -> tuple[float, FloatArray] | None:
    """Return the largest eigenvalue and its eigenmatrix, if asked for, by ARPACK.

    At the first of `TOLERANCES` that is reached; None where eigenvalues are too close together.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    def on_symmetric(x: FloatArray) -> FloatArray:
        M = x.reshape(d, d)
        return operator((M + M.T) / 2).ravel()

    linear = LinearOperator((d * d, d * d), matvec=on_symmetric, dtype=np.float64)
    largest = partial(eigsh, linear, k=1, which="LA", v0=np.eye(d).ravel(), maxiter=RESTARTS)
    for tol in TOLERANCES:
        with suppress(ArpackNoConvergence):
            if not vectors:
                return float(largest(tol=tol, return_eigenvectors=False)[0]), np.empty((0, 0))
            values, columns = largest(tol=tol)
            G = columns[:, 0].reshape(d, d)
            return float(values[0]), (G + G.T) / 2
    return None
