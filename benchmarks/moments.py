"""Time exact moments and thresholds, and write benchmarks/MOMENTS.md: ``python
benchmarks/moments.py``.

Each case runs in a fresh process, once untimed and then three times; memory is the process's peak
above what it had after its imports. The peer is what a user has without linsgd: for noise that
depends on the state the Kronecker system of the second-moment operator by NumPy; for noise frozen
at the optimum, SciPy's discrete Lyapunov solver."""

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

import linsgd

HEAVY_BALL = {"lr": 0.02, "batch_size": 8, "momentum": 0.9}
RUNS = 3


def spectrum(d):
    return linsgd.LinearRegression.gaussian(1 / np.arange(1.0, d + 1), optimum=np.ones(d))


def data_set(n, d):
    rng = np.random.default_rng(0)
    return linsgd.LinearRegression.from_data(
        rng.normal(size=(n, d)) / np.arange(1, d + 1) ** 0.5, rng.normal(size=n)
    )


def sides(case):
    """Return linsgd's side of a case and the peer's, or None."""
    decayed, plain = linsgd.SGD(**HEAVY_BALL, weight_decay=1e-3), linsgd.SGD(**HEAVY_BALL)
    if case == "stationary law, Gaussian, 10^6 modes, momentum and decay":
        problem = spectrum(10**6)
        return lambda: linsgd.stationary_moments(problem, decayed), None
    if case == "mean-square threshold, Gaussian, 10^6 modes":
        problem = spectrum(10**6)
        return lambda: linsgd.stability(problem, plain), None
    if case == "10 steps, Gaussian, 10^6 modes":
        problem = spectrum(10**6)
        return lambda: linsgd.moments(problem, plain, [10]), None
    if case == "step 10^9, Gaussian, 200 modes":
        problem = spectrum(200)
        return lambda: linsgd.moments(problem, decayed, [10**9]), None
    if case == "stationary law, 10^4 rows x 100":
        problem = data_set(10**4, 100)
        return lambda: linsgd.stationary_moments(problem, plain), None
    if case == "stationary law, Gaussian, 5 modes, against the Kronecker system":
        problem = spectrum(5)
        return lambda: linsgd.stationary_moments(problem, plain), lambda: kronecker(problem, plain)
    problem = spectrum(200)  # against SciPy's discrete Lyapunov solver
    return lambda: linsgd.stationary_moments(problem, plain), lambda: frozen(problem, plain)


CASES = [
    "stationary law, Gaussian, 10^6 modes, momentum and decay",
    "mean-square threshold, Gaussian, 10^6 modes",
    "10 steps, Gaussian, 10^6 modes",
    "step 10^9, Gaussian, 200 modes",
    "stationary law, 10^4 rows x 100",
    "stationary law, Gaussian, 5 modes, against the Kronecker system",
    "stationary law, Gaussian, 200 modes, against SciPy's Lyapunov solver with frozen noise",
]


def step_matrix(problem, sgd):
    d, H = problem.dimension, np.diag(problem.eigenvalues)
    return np.block(
        [
            [np.eye(d) - sgd.lr * H, sgd.lr * sgd.momentum * np.eye(d)],
            [-H, sgd.momentum * np.eye(d)],
        ]
    ), np.vstack([-sgd.lr * np.eye(d), -np.eye(d)])


def frozen(problem, sgd):
    A, C = step_matrix(problem, sgd)
    return solve_discrete_lyapunov(A, C @ np.diag(problem.eigenvalues / sgd.batch_size) @ C.T)


def kronecker(problem, sgd):
    A, C = step_matrix(problem, sgd)
    d, H = problem.dimension, np.diag(problem.eigenvalues)
    T = np.kron(A, A)
    for j in range(4 * d * d):
        M = np.zeros(4 * d * d)
        M[j] = 1.0
        D = M.reshape(2 * d, 2 * d)[:d, :d]
        noise = (H @ (D + D.T) @ H / 2 + np.trace(D @ H) * H) / sgd.batch_size
        T[:, j] += (C @ noise @ C.T).ravel()
    return np.linalg.solve(np.eye(len(T)) - T, (C @ H @ C.T / sgd.batch_size).ravel())


def timed(side):
    seen = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        side()
        seen.append(time.perf_counter() - begin)
    return statistics.median(seen[1:])


def measure(case):
    """Print seconds, peak memory in GiB and the ratio to the peer."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours, peer = sides(case)
    own = timed(ours)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    print(own, memory, timed(peer) / own if peer else "")


def main():
    lines = [
        "| case | seconds | peak memory, GiB | times faster than the peer |",
        "|---|---|---|---|",
    ]
    for case in CASES:
        done = subprocess.run(
            [sys.executable, __file__, case], capture_output=True, text=True, check=True
        )
        own, memory, *ratio = map(float, done.stdout.split())
        lines.append(
            f"| {case} | {own:.3g} | {memory:.2f} | {f'{ratio[0]:.3g}' if ratio else ''} |"
        )
    text = "\n".join(lines)
    head = "# Exact moments\n\nWritten by `make bench`; what is measured is said in moments.py.\n\n"
    Path(__file__).with_name("MOMENTS.md").write_text(head + text + "\n")
    print(text)


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
