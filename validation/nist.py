"""Digits of linsgd's least squares and stationary moments on NIST's reference data sets.

    python validation/nist.py            nist.json and docs/_tables/nist.md, a minute

The truth is the exact solution of the data as doubles: coefficients by rational arithmetic, the
stationary variances of SGD at half its mean-square threshold by 60-digit arithmetic. Digits are
-log10 of the largest relative error over the components, at most 16. The peers are
`scipy.linalg.lstsq` and Householder QR with back substitution.
"""

import csv
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import scipy.linalg

import linsgd
from linsgd.domains import FloatArray

ROOT = Path(__file__).parents[1]
POWERS = {
    "norris": (0, 1),
    "pontius": (0, 2),
    "noint1": (1, 1),
    "noint2": (1, 1),
    "filip": (0, 10),
    "longley": None,  # six predictors and a constant
    **{f"wampler{k}": (0, 5) for k in range(1, 6)},
}
MOST = 16.0  # digits of a double


@dataclass(frozen=True)
class Row:
    """Digits on one data set, None where the truth is 0; `error` is what linsgd states."""

    name: str
    rows: int
    features: int
    rank: int
    condition: float
    linsgd: float
    lstsq: float
    qr: float
    noise_std: float | None
    variances: float | None
    error: float


def load(name: str) -> tuple[FloatArray, FloatArray]:
    """Return the design (N, d) and the labels (N,) of a data set."""
    with (ROOT / "validation" / "nist" / f"{name}.csv").open(encoding="utf-8") as file:
        table = np.array(list(csv.reader(file))[1:], dtype=float)
    y, powers = table[:, 0], POWERS[name]
    if powers is None:
        return np.column_stack([np.ones(len(y)), table[:, 1:]]), y
    return np.column_stack([table[:, 1] ** k for k in range(powers[0], powers[1] + 1)]), y


def exact(X: FloatArray, y: FloatArray) -> tuple[list[Fraction], Fraction]:
    """Return the coefficients and the mean squared residual in rational arithmetic."""
    A = [[Fraction(float(a)) for a in row] for row in X]
    b = [Fraction(float(a)) for a in y]
    d = len(A[0])
    system = [
        [sum((r[i] * r[j] for r in A), Fraction(0)) for j in range(d)]
        + [sum((r[i] * t for r, t in zip(A, b, strict=True)), Fraction(0))]
        for i in range(d)
    ]
    for i in range(d):
        system[i] = [a / system[i][i] for a in system[i]]
        for k in range(d):
            if k != i:
                factor = system[k][i]
                system[k] = [a - factor * c for a, c in zip(system[k], system[i], strict=True)]
    w = [row[d] for row in system]
    residuals = [
        t - sum(a * c for a, c in zip(r, w, strict=True)) for r, t in zip(A, b, strict=True)
    ]
    return w, sum((e * e for e in residuals), Fraction(0)) / len(b)


def variances(X: FloatArray, y: FloatArray, sgd: linsgd.SGD) -> list[mpmath.mpf]:
    """Return the stationary variances along the eigenvectors of H in 60 digits, without decay.

    With x the rows along the eigenvectors, h the eigenvalues, e the residuals and p_ij the
    covariance that noise of unit covariance would leave,
    M_ij = (p_ij / b) (E[x_i x_j x'M x] - h_i h_j M_ij + E[e^2 x_i x_j]).
    """
    n, d = X.shape
    with mpmath.workdps(60):
        A, lr, m = mpmath.matrix(X.tolist()), mpmath.mpf(sgd.lr), mpmath.mpf(sgd.momentum)
        h, Q = mpmath.eigsy(A.T * A / n)
        x = A * Q
        w = [mpmath.mpf(c.numerator) / c.denominator for c in exact(X, y)[0]]
        e = [mpmath.mpf(float(t)) - sum(A[k, i] * w[i] for i in range(d)) for k, t in enumerate(y)]
        pairs = [(i, j) for i in range(d) for j in range(i, d)]
        system, source = mpmath.eye(len(pairs)), mpmath.matrix(len(pairs), 1)
        for q, (i, j) in enumerate(pairs):
            scale = (1 - m) ** 2 * (1 + m) * (h[i] + h[j])
            scale += lr * (m * (h[i] - h[j]) ** 2 - (1 - m) ** 2 * h[i] * h[j])
            p = lr * (1 - m**2) / scale / sgd.batch_size
            product = [x[k, i] * x[k, j] / n for k in range(n)]
            source[q] = p * mpmath.fdot(product, [a * a for a in e])
            system[q, q] += p * h[i] * h[j]
            for r, (u, v) in enumerate(pairs):
                fourth = mpmath.fdot(product, [x[k, u] * x[k, v] for k in range(n)])
                system[q, r] -= p * fourth * (1 if u == v else 2)
        M = mpmath.lu_solve(system, source)
        return [M[q] for q, (i, j) in enumerate(pairs) if i == j]


def digits(found: FloatArray, truth: list[Fraction] | list[mpmath.mpf]) -> float:
    """Return -log10 of the largest relative error."""
    worst = max(abs(float((type(t)(float(f)) - t) / t)) for f, t in zip(found, truth, strict=True))
    return MOST if worst == 0 else round(min(MOST, float(-np.log10(worst))), 1)


def measure(name: str) -> Row:
    """Compare linsgd and its peers with the truth on one data set."""
    X, y = load(name)
    problem, (w, square) = linsgd.LinearRegression.from_data(X, y), exact(X, y)
    q, R = np.linalg.qr(X)
    noisy = problem.noise_std > 0
    spread = None
    if noisy:
        std = mpmath.sqrt(mpmath.mpf(square.numerator) / square.denominator)
        spread = digits(np.array([problem.noise_std]), [std])
    lr = linsgd.stability(problem, linsgd.SGD(lr=1.0)).lr_mean_square / 2
    sgd = linsgd.SGD(lr=lr)
    law = linsgd.stationary_moments(problem, sgd)
    return Row(
        name,
        *X.shape,
        problem.rank,
        float(f"{problem.condition:.2g}"),
        digits(problem.optimum, w),
        digits(scipy.linalg.lstsq(X, y)[0], w),
        digits(scipy.linalg.solve_triangular(R, q.T @ y), w),
        spread,
        digits(law.position_variance, variances(X, y, sgd)) if noisy else None,
        float(f"{law.error:.1e}"),
    )


def table(rows: list[Row]) -> str:
    """Return the table of the docs."""
    lines = [
        "| data | N x d | rank | condition | linsgd | lstsq | QR | residual std | variances "
        "| stated error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        std, moments = (
            "noise-free" if v is None else f"{v:.1f}" for v in (row.noise_std, row.variances)
        )
        lines.append(
            f"| {row.name} | {row.rows} x {row.features} | {row.rank} | {row.condition:.2g} "
            f"| {row.linsgd:.1f} | {row.lstsq:.1f} | {row.qr:.1f} | {std} | {moments} "
            f"| {row.error:.0e} |"
        )
    return "\n".join(lines)


def main() -> None:
    rows = [measure(name) for name in POWERS]
    record = {"rows": [asdict(row) for row in rows]}
    (ROOT / "validation" / "nist.json").write_text(json.dumps(record, indent=1) + "\n")
    (ROOT / "docs" / "_tables" / "nist.md").write_text(table(rows) + "\n")


if __name__ == "__main__":
    main()
