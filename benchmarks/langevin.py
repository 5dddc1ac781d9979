"""Times the Langevin equation's closed forms: python benchmarks/langevin.py

Moments of 10^4 modes at 1,000 times against stepping the same recursion mode by mode in NumPy, and
the displacement of 10^6 modes at 10^4 times through the compressed spectrum. Medians of three."""

import statistics
import time

import numpy as np

import linsgd


def timed(call, repeats=3):
    """Return the median seconds of a call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def stepped(problem, sgd, steps):
    """Mean and covariance of every mode at each step, by the exact recursion with frozen noise."""
    h, m, lr = problem.eigenvalues, sgd.momentum, sgd.lr
    noise = problem.noise_variance * h / sgd.batch_size
    x, v = -problem.optimum, np.zeros_like(h)
    xx, xv, vv = (np.zeros_like(h) for _ in range(3))
    kept = []
    for _ in range(steps):
        pull = m * xv - h * xx
        vv = m**2 * vv - 2 * m * h * xv + h**2 * xx + noise
        xx, xv = xx + 2 * lr * pull + lr**2 * vv, pull + lr * vv
        v = m * v - h * x
        x = x + lr * v
        kept.append((x, v, xx, xv, vv))
    return np.array(kept)


def main():
    """Print one line a figure."""
    d, K = 10**4, 1000
    problem, sgd = (
        linsgd.LinearRegression.gaussian(np.geomspace(1e-6, 1, d), optimum=np.ones(d)),
        linsgd.SGD(lr=0.1, batch_size=64, momentum=0.9),
    )
    near = np.arange(1, K + 1)
    closed = timed(lambda: linsgd.moments(problem, sgd, near, theory="langevin"))
    walked = timed(lambda: stepped(problem, sgd, K))
    beside = f"{walked:.2f} s; ratio {walked / closed:.1f}"
    print(
        f"moments, d = 10^4, 1,000 times:       {closed:.2f} s; recursion to step 1,000: {beside}"
    )
    far = np.unique(np.geomspace(1, 1e6, K).astype(np.int64))
    spread = timed(lambda: linsgd.moments(problem, sgd, far, theory="langevin"))
    share = timed(lambda: stepped(problem, sgd, 1000), 1) / 1000
    ahead = f"{1e6 * share:.0f} s; ratio {1e6 * share / spread:.0f}"
    print(f"  the same to step 10^6:              {spread:.2f} s; recursion: {ahead}")
    law = linsgd.LinearRegression.gaussian(np.arange(1, 10**6 + 1) ** -1.6)
    steps = np.linspace(1, 1e6, 10**4).astype(np.int64)
    for theory in ("exact", "langevin", "diffusion"):
        for start in ("stationary", None) if theory != "exact" else ("stationary",):
            seconds = timed(lambda t=theory, s=start: linsgd.displacement(law, sgd, steps, s, t))
            print(f"10^6 modes, 10^4 times: {seconds:.2f} s, {theory} from {start or 'rest at 0'}")


if __name__ == "__main__":
    main()
