r"""Least squares of a finite data set from the singular values of its columns brought to one scale.

With D the powers of two that bring every column of X to the order of one, X = B D. Let B = U S V'
with the singular values below rounding left out; their number is the rank. Then X = U (D V S)', and
the singular value decomposition D V S = Z sigma P' gives

    H = X'X/N = Z (sigma^2/N) Z',        the rows along the eigenvectors: X Z = U P sigma.

Neither X'X nor X Z is formed, both of which square or mix what columns of unequal size hold. The
second decomposition is one-sided Jacobi with pivoting, whose singular values are accurate one by
one, so that every eigenvalue has the relative error eps cond(B), whatever the units of the columns.

The solution is refined on the augmented system, with r the residuals and w the coefficients,

    [[I, B], [B', 0]] [dr, dw] = [y - r - B w, -B'r],

whose right side is computed in twice the working precision; this takes cond(B)^2 out of the error
also where the residuals are large. Among the solutions of data of deficient rank the one of
least norm in X's own units is returned.

References
----------
Bjorck (1967), Iterative refinement of linear least squares solutions I, BIT 7;
Drmac and Veselic (2008), New fast and accurate Jacobi SVD algorithm, SIAM J. Matrix Anal. 29;
Ogita, Rump and Oishi (2005), Accurate sum and dot product, SIAM J. Sci. Comput. 26.
"""

from dataclasses import dataclass

import numpy as np

from linsgd.domains import FloatArray

EPS = float(np.finfo(float).eps)
ROUNDINGS = 8  # of the two decompositions, in eps cond(B); up to 4 on NIST's data
TIE = 1e-8  # relative difference of entries of an eigenvector that machines may order differently
CORRECTIONS = 10  # each gains as many digits as cond(B) leaves of sixteen
HALF_MANTISSA = 2.0**27 + 1  # splits a double in two halves, products of which are exact
BLOCK = 2**20  # numbers multiplied at once in twice the precision
GRADED, WITH_VECTORS, WHOLE_BASIS, NO_DENORMAL_CUT = 2, 0, 1, 0  # options of LAPACK's dgejsv


@dataclass(frozen=True, slots=True, eq=False)
class LeastSquares:
    """The algebra of a finite data set.

    Attributes
    ----------
    optimum : ndarray (d,)
        The least-squares solution of least norm.
    residuals : ndarray (N,)
        y - X optimum; exactly 0 where every one of them is rounding.
    eigenvalues : ndarray (d,)
        Of H = X'X/N, ascending; `d - rank` of them are exactly 0.
    eigenvectors : ndarray (d, d)
        As columns.
    rows : ndarray (N, d)
        X along the eigenvectors.
    rank : int
        The number of directions that the data determine.
    condition : float
        Largest over smallest of the singular values that are kept, of the columns at one scale.
    error : float
        Bound on the relative rounding error of the eigenvalues, the rows and the optimum.
    """

    optimum: FloatArray
    residuals: FloatArray
    eigenvalues: FloatArray
    eigenvectors: FloatArray
    rows: FloatArray
    rank: int
    condition: float
    error: float

    def __post_init__(self) -> None:
        for name in ("optimum", "residuals", "eigenvalues", "eigenvectors", "rows"):
            getattr(self, name).flags.writeable = False


def least_squares(X: FloatArray, y: FloatArray) -> LeastSquares:
    """Solve min |X w - y| and decompose H = X'X/N.

    Parameters
    ----------
    X : ndarray (N, d)
        Features, not all zero.
    y : ndarray (N,)
        Labels.

    Returns
    -------
    LeastSquares
        Solution, residuals and eigenvectors.

    Examples
    --------
    >>> import numpy as np
    >>> fit = least_squares(np.array([[1.0, 0.0], [1.0, 1e-9]]), np.array([1.0, 3.0]))
    >>> fit.optimum, fit.rank
    (array([1.e+00, 2.e+09]), 2)
    """
    n, d = X.shape
    scale = np.frexp(np.abs(X).max(axis=0))[1]
    B = np.ldexp(X, -scale)
    U, S, Vt = np.linalg.svd(B, full_matrices=False)
    rank = int(np.count_nonzero(S[0] * max(n, d) * EPS < S))
    U, S, Vt = U[:, :rank], S[:rank], Vt[:rank]
    w, residuals, correction = _refined(B, y, (U, S, Vt))

    Z, sigma, P = _singular_vectors(np.ldexp(Vt.T * S, scale[:, None]))
    optimum = np.ldexp(w, -scale)
    if rank < d:
        optimum = Z[:, :rank] @ (Z[:, :rank].T @ optimum)
    rows = np.zeros((n, d))
    # one column is its own singular vector, without rounding
    rows[:, :rank] = X * Z[0, 0] if d == 1 else (U @ P) * sigma
    eigenvalues = np.zeros(d)
    eigenvalues[:rank] = np.mean(X**2) if d == 1 else (sigma / np.sqrt(n)) ** 2
    return LeastSquares(
        optimum=optimum,
        residuals=residuals,
        eigenvalues=eigenvalues[::-1].copy(),
        eigenvectors=Z[:, ::-1].copy(),
        rows=rows[:, ::-1].copy(),
        rank=rank,
        condition=float(S[0] / S[-1]),
        error=correction + ROUNDINGS * EPS * float(S[0] / S[-1]),
    )


def _singular_vectors(M: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Z (d, d), sigma (r,) descending and P (r, r) with M = Z[:, :r] sigma P'."""
    if M.shape == (1, 1):  # exactly, where the sweeps round
        return np.ones((1, 1)), np.abs(M[0]), np.sign(M)
    from scipy.linalg import lapack  # heavy, and not needed to name a problem

    values, Z, P, work, _, info = lapack.dgejsv(
        M, joba=GRADED, jobu=WHOLE_BASIS, jobv=WITH_VECTORS, jobr=NO_DENORMAL_CUT
    )
    if info != 0:
        raise np.linalg.LinAlgError(f"the Jacobi sweeps of dgejsv ended with info = {info}")
    # the first entry that is the largest in magnitude, or as large to rounding, is positive
    size = np.abs(Z)
    first = (size >= (1 - TIE) * size.max(axis=0)).argmax(axis=0)
    sign = np.where(Z[first, np.arange(len(Z))] < 0, -1.0, 1.0)
    return Z * sign, values * (work[0] / work[1]), P * sign[: values.size]


def _refined(
    B: FloatArray, y: FloatArray, factors: tuple[FloatArray, FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray, float]:
    """Return w, the residuals, and the last correction relative to w."""
    U, S, Vt = factors
    w, r, last = np.zeros(B.shape[1]), np.zeros(len(y)), np.inf
    for _ in range(CORRECTIONS):
        f, g = _augmented_residual(B, y, r, w)
        within, pull = U.T @ f, (Vt @ g) / S
        step = Vt.T @ ((within - pull) / S)
        size = float(np.abs(step).max())
        if not size < last / 2:
            break
        w, r, last = w + step, r + (f - U @ within) + U @ pull, size
    if (np.abs(r) <= _rounding(B, y, w)).all():
        r = np.zeros_like(r)
    return w, r, last / (float(np.abs(w).max()) or 1.0)


def _rounding(B: FloatArray, y: FloatArray, w: FloatArray) -> FloatArray:
    """Return the residuals that rounding of labels x'w leaves: a few units in the last place."""
    bound: FloatArray = (B.shape[1] + 8) * EPS * (np.abs(y) + np.abs(B) @ np.abs(w))
    return bound


def _augmented_residual(
    B: FloatArray, y: FloatArray, r: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return y - r - B w (N,) and -B'r (d,), each rounded once from twice the working precision."""
    f, g, g_low = np.empty_like(y), np.zeros_like(w), np.zeros_like(w)
    rows = max(BLOCK // len(w), 1)
    for start in range(0, len(y), rows):
        here = slice(start, start + rows)
        block = B[here]
        high, low = _products(block.T, -w[:, None])
        total = np.vstack([high, y[here], -r[here]]), np.vstack([low, np.zeros((2, len(block)))])
        f[here] = sum(_total(*total))
        high, low = _total(*_products(block, -r[here, None]))
        g, rounding = _two_sum(g, high)
        g_low += low + rounding
    return f, g + g_low


def _total(high: FloatArray, low: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the sum over the first axis and its rounding error, by halves."""
    while len(high) > 1:
        half = len(high) // 2
        odd_high, odd_low = high[2 * half :], low[2 * half :]
        rounding = low[:half] + low[half : 2 * half]
        high, lost = _two_sum(high[:half], high[half : 2 * half])
        high = np.concatenate([high, odd_high])
        low = np.concatenate([rounding + lost, odd_low])
    return high[0], low[0]


def _two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a + b and its rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _products(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a b and its rounding error (Dekker)."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    rest = product - a_high * b_high - a_low * b_high - a_high * b_low
    return product, a_low * b_low - rest


def _halves(a: FloatArray) -> tuple[FloatArray, FloatArray]:
    shifted = HALF_MANTISSA * a
    high = shifted - (shifted - a)
    return high, a - high
