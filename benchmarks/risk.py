"""Time risk curves and Fokker-Planck solvers and write benchmarks/RISK.md: ``python
benchmarks/risk.py``.

Wall times on whatever else runs, warm: one untimed call, then the median of five. Peers run in the
same process on the same curve: the full recursion over all modes in NumPy, a step at a time, and
SciPy's eigenvalues of the tridiagonal matrix of finite volumes."""

import platform
import statistics
import time
from pathlib import Path

import numpy as np
from scipy.linalg import eigh_tridiagonal

import linsgd
from linsgd.theory.fokker_planck.finite_volume import FiniteVolume

RUNS = 5
FILE = Path(__file__).with_name("RISK.md")
PLAIN = linsgd.SGD(lr=0.5, batch_size=4)
MOMENTUM = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9)
# V = b (x^2 - 1)^2, T = 1 on [-2.2, 2.2]: gap, and mean passage from -1 to 1
WELLS = {
    5: (5.5522812731e-2, 36.483534597),
    10: (7.8357091999e-4, 2552.7091364),
    20: (7.2772113995e-8, 2.7483055018e7),
    30: (4.9898597814e-12, 4.0081286601e11),
    50: (1.7232401484e-20, 1.1606043429e20),
}


def timed(call):
    """Return the median time of a call in seconds, and what it returned."""
    found = call()
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times), found


def full_recursion(h, optimum, sgd, steps, schedule):
    """Return the excess risk after the steps, and the time a step takes, in NumPy."""
    m = optimum**2
    factors = schedule(range(steps))
    begin = time.perf_counter()
    for factor in factors:
        lr = sgd.lr * factor
        total = h @ m
        gain = (1 - lr * h) ** 2 + lr**2 / sgd.batch_size * h**2
        m = gain * m + lr**2 / sgd.batch_size * h * total
    return h @ m / 2, (time.perf_counter() - begin) / steps


def risk_rows():
    law = linsgd.PowerLaw(exponent=1.3, source=0.15, dimension=1000, noise_std=0.3)
    problem = law.problem()
    for name, sgd in (("", PLAIN), (", momentum 0.9", MOMENTUM)):
        steps = np.unique(np.logspace(0, 9, 100).astype(int))
        seconds, curve = timed(lambda sgd=sgd, steps=steps: linsgd.risk_curve(problem, sgd, steps))
        yield f"d = 1000, 100 steps to 10^9, constant lr{name}", seconds, curve.error.max()
    huge = linsgd.PowerLaw(exponent=1.3, source=0.15, dimension=10**6)
    cosine = linsgd.Schedule.warmup(1000) * linsgd.Schedule.cosine(10**6)
    for name, sgd in (("", PLAIN), (", momentum 0.9", MOMENTUM)):
        seconds, curve = timed(lambda sgd=sgd: linsgd.risk_curve(huge, sgd, [10**6], cosine))
        yield f"d = 10^6, 10^6 steps, warmup and cosine{name}", seconds, curve.error.max()
    infinite = linsgd.PowerLaw(exponent=1.3, source=0.15)
    steps = np.unique(np.logspace(0, 12, 200).astype(int))
    seconds, curve = timed(lambda: linsgd.risk_curve(infinite, PLAIN, steps))
    yield "infinitely many modes, 200 steps to 10^12", seconds, curve.error.max()


def frontier():
    dimensions = np.unique(np.geomspace(10, 10**5, 20).astype(int))
    batches = np.unique(np.geomspace(1, 1000, 20).astype(int))
    steps = np.unique(np.logspace(0, 6, 30).astype(int))
    for d in dimensions:
        law = linsgd.PowerLaw(exponent=1.3, source=0.5, dimension=int(d))
        for b in batches:
            linsgd.risk_curve(law, linsgd.SGD(lr=0.3, batch_size=int(b)), steps)


def peer_row():
    """Return the ratio of the times and the difference of the risks at d = 10^6."""
    law = linsgd.PowerLaw(exponent=1.3, source=0.15, dimension=10**6)
    cosine = linsgd.Schedule.warmup(100) * linsgd.Schedule.cosine(10**6)
    risk, step = full_recursion(law.eigenvalues(), law.optimum(), PLAIN, 200, cosine)
    ours = linsgd.risk_curve(law, PLAIN, [200], cosine).excess_risk[0]
    seconds, _ = timed(lambda: linsgd.risk_curve(law, PLAIN, [10**6], cosine))
    return step, step * 10**6 / seconds, abs(ours / risk - 1)


def tridiagonal_gap(process, cells=2000):
    """Return the gap by SciPy's eigenvalues of the symmetrised finite volumes."""
    volume = FiniteVolume.of(
        process.psi_on(cells), process.diffusion, process.low, process.high, cells
    )
    leaving = np.zeros(cells)
    leaving[:-1] += volume.up
    leaving[1:] += volume.down
    return eigh_tridiagonal(
        leaving, -np.sqrt(volume.up * volume.down), select="i", select_range=(0, 1)
    )[0][1]


def well_rows():
    for b, (gap, passage) in WELLS.items():

        def solve(b=b):
            return linsgd.fokker_planck.Diffusion1D(
                lambda x: b * (x**2 - 1) ** 2, 1.0, (-2.2, 2.2)
            ).spectral_gap()

        seconds, found = timed(solve)
        process = linsgd.fokker_planck.Diffusion1D(
            lambda x, b=b: b * (x**2 - 1) ** 2, 1.0, (-2.2, 2.2)
        )
        time_to = process.mean_first_passage_time(-1.0, 1.0).value
        peer_seconds, peer = timed(lambda process=process: tridiagonal_gap(process))
        yield (
            b,
            gap,
            seconds,
            abs(found.value / gap - 1),
            abs(time_to / passage - 1),
            peer_seconds,
            abs(peer / gap - 1),
        )


def main():
    lines = [
        "# Risk curves and Fokker-Planck solvers",
        "",
        f"`python benchmarks/risk.py` on {platform.machine()}, Python {platform.python_version()}.",
        "",
        "| risk curve | seconds | relative error it states |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {seconds:.3g} | {error:.1e} |" for name, seconds, error in risk_rows()]
    begin = time.perf_counter()
    frontier()
    lines.append(f"| 20 dimensions x 20 batch sizes | {time.perf_counter() - begin:.3g} | |")
    step, ratio, difference = peer_row()
    lines += [
        "",
        f"The full recursion in NumPy takes {1e3 * step:.2g} ms a step at d = 10^6, {ratio:.0f} "
        f"times as long for 10^6 steps; after 200 steps the two differ by {difference:.1e}.",
        "",
        "| barrier b | gap | seconds | error of the gap | of the passage | "
        "eigh_tridiagonal, seconds | error of its gap |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {b} | {gap:.4e} | {s:.3g} | {e:.1e} | {p:.1e} | {ps:.3g} | {pe:.1e} |"
        for b, gap, s, e, p, ps, pe in well_rows()
    ]
    lines += [
        "",
        "The reference digits of the wells end at 10^-11; 1 or more means that a gap is lost.",
    ]
    FILE.write_text("\n".join(lines) + "\n")
    print(FILE.read_text())


if __name__ == "__main__":
    main()
