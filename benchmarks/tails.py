"""Time tail exponents and rare events and write benchmarks/TAILS.md: ``python
benchmarks/tails.py``.

Wall times on whatever else runs; warm: one untimed call, then the median of five (of one where a
call takes seconds). Rare events are compared in processor time with brute force at equal error:
independent chains of `CHAIN` steps of the package's own engine, whose time is measured and whose
number, (1 - P) / (P error^2), is that of a binomial proportion."""

import platform
import statistics
import time
from pathlib import Path

import numpy as np

import linsgd
from linsgd.montecarlo.snapshots import snapshots
from linsgd.theory.tails.result import TailResult

RUNS = 5
CHAIN = (
    50  # steps: the start is forgotten to exp(CHAIN rho) = 3e-12, and a chain can be out at 10^6
)
FILE = Path(__file__).with_name("TAILS.md")


def isotropic(d):
    return linsgd.LinearRegression.gaussian(np.ones(d))


def spectrum(*eigenvalues):
    return linsgd.LinearRegression.gaussian(eigenvalues)


def student(*eigenvalues):
    return linsgd.LinearRegression.from_features(linsgd.StudentFeatures(eigenvalues, dof=8))


def uniform(*eigenvalues):
    return linsgd.LinearRegression.from_features(linsgd.UniformFeatures(eigenvalues))


def rows(n, d):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)) * np.geomspace(1, 0.3, d)
    return linsgd.LinearRegression.from_data(X, X @ np.ones(d) + rng.standard_normal(n))


def exponent(problem, **options):
    sgd = linsgd.SGD(**options)
    return lambda: linsgd.tail_exponent(problem, sgd)


def tail_map():
    problem = isotropic(100)
    for b in np.unique(np.round(np.geomspace(1, 1000, 70)).astype(int))[:50]:
        for lr in np.geomspace(0.005, 2.0, 50):
            linsgd.tail_exponent(problem, linsgd.SGD(lr=lr, batch_size=int(b)))


def cases():
    """Return (name, call, repeats)."""
    long = linsgd.LinearRegression.gaussian(np.geomspace(1, 1e-3, 10**6))
    uneven = linsgd.LinearRegression.gaussian(np.geomspace(1, 0.1, 10))
    middle = linsgd.LinearRegression.gaussian(np.geomspace(1, 1e-3, 1000))
    second, few = linsgd.SGD(lr=1e-5), linsgd.SGD(lr=0.3, batch_size=40)
    return [
        ("d = 1, batch 1, alpha 2.9", exponent(isotropic(1), lr=0.5), RUNS),
        ("d = 1, batch 1000, alpha 815", exponent(isotropic(1), lr=0.9, batch_size=1000), RUNS),
        ("d = 1, batch 1, alpha 10^4", exponent(isotropic(1), lr=1.8e-4), RUNS),
        ("d = 2, batch 1", exponent(isotropic(2), lr=0.4), RUNS),
        ("d = 100, batch 10, alpha 47", exponent(isotropic(100), lr=0.16, batch_size=10), RUNS),
        (
            "d = 10^4, batch 10^4, alpha 2142",
            exponent(isotropic(10**4), lr=0.9, batch_size=10**4),
            RUNS,
        ),
        (
            "second moment's threshold, 10^6 uneven modes",
            lambda: linsgd.moment_threshold(long, second, 2),
            1,
        ),
        (
            "fourth moment's threshold, 1000 uneven modes",
            lambda: linsgd.moment_threshold(middle, second, 4),
            1,
        ),
        (
            "sixth moment's threshold, 10 uneven modes",
            lambda: linsgd.moment_threshold(uneven, second, 6),
            1,
        ),
        (
            "one-step bounds, d = 10, batch 40",
            lambda: linsgd.one_step_bounds(isotropic(10), few),
            1,
        ),
        (
            "h(2) of 10^6 uneven modes",
            lambda: linsgd.spectral_function(long, second, 2.0, "even_moments"),
            RUNS,
        ),
        ("d = 1, momentum 0.9, alpha 4.0", exponent(isotropic(1), lr=0.06, momentum=0.9), 1),
        ("d = 10, momentum 0.9, alpha 6.8", exponent(isotropic(10), lr=0.015, momentum=0.9), 1),
        ("d = 10 uneven, batch 2, particles", exponent(uneven, lr=0.45, batch_size=2), 1),
        ("map of 50 x 50 points, d = 100", tail_map, 1),
        ("d = 2, spectrum 1, 0.01, alpha 2.9", exponent(spectrum(1, 0.01), lr=0.5), 1),
        ("d = 2, spectrum 1, 0.01, alpha 35", exponent(spectrum(1, 0.01), lr=0.05), 1),
        ("d = 3, spectrum 1, 0.3, 0.1, alpha 2.8", exponent(spectrum(1, 0.3, 0.1), lr=0.5), 1),
        ("d = 3, spectrum 1, 0.1, 0.01, alpha 11", exponent(spectrum(1, 0.1, 0.01), lr=0.15), 1),
        ("d = 3, spectrum 1, 0.9, 0.8, alpha 89", exponent(spectrum(1, 0.9, 0.8), lr=0.02), 1),
        (
            "one Student-t feature, dof 8, batch 10",
            exponent(student(1), lr=0.5, batch_size=10),
            RUNS,
        ),
        ("two Student-t features, dof 8", exponent(student(1, 0.3), lr=0.3), 1),
        (
            "d = 1, Nesterov momentum 0.9, alpha 0.66",
            exponent(isotropic(1), lr=0.4, momentum=0.9, nesterov=True),
            1,
        ),
        (
            "one Student-t feature, momentum 0.9, batch 4",
            exponent(student(1), lr=0.1, momentum=0.9, batch_size=4),
            1,
        ),
        ("two uniform features, batch 2", exponent(uniform(1, 0.1), lr=1.2, batch_size=2), 1),
        ("two Student-t features, batch 2", exponent(student(1, 0.3), lr=0.5, batch_size=2), 1),
        ("20 rows of two columns, batch 2", exponent(rows(20, 2), lr=0.9, batch_size=2), 1),
        (
            "442 rows of ten columns, batch 4, momentum 0.9",
            exponent(rows(442, 10), lr=0.03, batch_size=4, momentum=0.9),
            1,
        ),
        (
            "Goldie's constant, d = 1, alpha 2.9",
            lambda: linsgd.tail_constant(isotropic(1), linsgd.SGD(lr=0.5)),
            RUNS,
        ),
        (
            "Goldie's constant, d = 5, alpha 5.7",
            lambda: linsgd.tail_constant(isotropic(5), linsgd.SGD(lr=0.2)),
            RUNS,
        ),
    ]


def timed(call, repeats):
    """Return the median time of warm calls in seconds, and what the last returned."""
    if repeats > 1:
        call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), found


def row(name, seconds, found):
    """Return a table row: case, seconds, value, half the width of its bounds over the value."""
    if not isinstance(found, TailResult):
        return f"| {name} | {seconds:.3g} | | |"
    error = (found.upper - found.lower) / 2 / found.value
    return f"| {name} | {seconds:.3g} | {found.value:.8g} | {error:.1e} |"


def rare_event_costs():
    """Return table rows: P, relative error, seconds, those of brute force, their ratio."""
    problem, sgd = isotropic(1), linsgd.SGD(lr=2 / 3)  # alpha = 2, C in closed form
    constant, lines = linsgd.tail_constant(problem, sgd).value, []
    chain = (
        min(
            processor_time(lambda: snapshots(problem, sgd, [CHAIN], range(65536)))
            for _ in range(RUNS)
        )
        / 65536
    )
    for p in (1e-6, 1e-9, 1e-12):
        t = np.sqrt(constant / p)
        found = [
            linsgd.rare_events(problem, sgd, [t], steps=300, settling=100, seed=seed)
            for seed in range(RUNS)
        ]
        own = min(
            processor_time(
                lambda t=t: linsgd.rare_events(problem, sgd, [t], steps=300, settling=100)
            )
            for _ in range(RUNS)
        )
        error = float(np.sqrt(np.mean([one.relative_error[0] ** 2 for one in found])))
        seen = float(np.mean([one.probability[0] for one in found])) / p
        brute = chain * (1 - p) / (p * error**2)
        lines.append(
            f"| {p:.0e} | {seen:.3f} | {error:.3f} | {own:.2f} | {brute:.2g} | {brute / own:.2g} |"
        )
        print(lines[-1], flush=True)
    return [
        f"Brute force: {1e9 * chain / CHAIN:.1f} ns a step, one thread; mean over {RUNS} seeds; "
        "goal of the ratio at "
        "1e-9: 10^4.",
        "",
        (
            "| P(\\|w\\| > t) by Goldie | measured / Goldie | relative error | "
            "seconds | brute force, seconds | ratio |"
        ),
        "|---|---|---|---|---|---|",
        *lines,
    ]


def processor_time(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def main():
    lines = [
        "# Tail exponents",
        "",
        f"{platform.machine()}, Python {platform.python_version()}.",
        "",
    ]
    lines += ["| case | seconds | value | relative error reported |", "|---|---|---|---|"]
    for name, call, repeats in cases():
        lines.append(row(name, *timed(call, repeats)))
        print(lines[-1], flush=True)
    lines += ["", "## Rare events", "", *rare_event_costs()]
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
