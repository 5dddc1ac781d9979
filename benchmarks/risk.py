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
from scipy.integrate import solve_ivp
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
    """Return the seconds of 20 dimensions x 20 batch sizes x 30 steps, exact."""
    law = linsgd.PowerLaw(exponent=1.3, source=0.5)
    begin = time.perf_counter()
    linsgd.risk_frontier(
        law,
        linsgd.SGD(lr=0.3),
        np.geomspace(10, 10**5, 20).astype(int),
        np.geomspace(1, 1000, 20).astype(int),
        np.logspace(0, 6, 30).astype(int),
    )
    return time.perf_counter() - begin


def exponents():
    """Return the seconds, and differences from prediction, of 20 x 20 compute-optimal exponents."""
    begin = time.perf_counter()
    found = [
        linsgd.compute_optimal(exponent, source)
        for exponent in np.linspace(0.6, 2.5, 20)
        for source in np.linspace(0.25, 1.5, 20)
    ]
    seconds = time.perf_counter() - begin
    off = np.array([abs(each.risk_exponent - each.predicted_risk) for each in found])
    errors = np.array([each.risk_error for each in found])
    return seconds, off, errors


def ode_row():
    """Return seconds and errors of SciPy's LSODA on homogenised SGD's equation at d = 1000."""
    law = linsgd.PowerLaw(exponent=1.3, source=0.15, dimension=1000, noise_std=0.3)
    h, batch, lr = law.eigenvalues(), PLAIN.batch_size, PLAIN.lr
    steps = np.unique(np.logspace(0, 6, 61).astype(int))

    def slope(_, m):
        return -2 * lr * h * m + lr**2 / batch * h * (h @ m + law.noise_std**2)

    def solve():
        begun, at = law.optimum() ** 2, steps.astype(float)
        return solve_ivp(slope, (0, at[-1]), begun, "LSODA", at, rtol=1e-8, atol=1e-12)

    begin = time.perf_counter()
    theirs = h @ solve().y / 2
    their_seconds = time.perf_counter() - begin
    problem = law.problem()
    seconds, limit = timed(lambda: linsgd.risk_curve(problem, PLAIN, steps, theory="homogenized"))
    exact_seconds, exact = timed(lambda: linsgd.risk_curve(problem, PLAIN, steps))
    of_solver = np.abs(theirs / limit.excess_risk - 1).max()
    of_limit = np.abs(limit.excess_risk / exact.excess_risk - 1)
    return their_seconds, of_solver, seconds, of_limit.max(), np.median(of_limit), exact_seconds


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
    lines.append(f"| frontier, 20 dimensions x 20 batch sizes | {frontier():.3g} | |")
    seconds, off, errors = exponents()
    lines += [
        f"| compute-optimal exponents, 20 x 20 points | {seconds:.3g} | |",
        "",
        f"Of the 400 exponents at 10^24 operations {np.sum(off < 0.01)} lie within 0.01 of the "
        f"predicted ones, {np.sum(errors < 0.01)} have a stated error below 0.01; the median "
        f"difference is {np.median(off):.1e}, the largest {off.max():.3f}.",
    ]
    ode, of_solver, ours, worst, median, exact_seconds = ode_row()
    lines += [
        "",
        f"Homogenised SGD at d = 1000, 61 steps to 10^6: SciPy's LSODA takes {ode:.3g} s, errs by "
        f'{of_solver:.1e}, `theory="homogenized"` {ours:.3g} s; the equation itself errs by '
        f"{median:.1e} in the median and {worst:.1e} at worst against the exact curve, which takes "
        f"{exact_seconds:.3g} s.",
    ]
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
