"""Measure Fokker-Planck solvers and write benchmarks/FOKKER_PLANCK.md: ``python
benchmarks/fokker_planck.py``.

Error and time side by side, in one run: V = b (x^2 - 1)^2, T = 1 on [-2.2, 2.2]. Times are wall
times, warm, the least of `RUNS` on whatever else runs. The peer is SciPy's eigenvalues of the
tridiagonal matrix of finite volumes."""

import importlib.metadata
import platform
import time
from pathlib import Path

import numpy as np
from scipy.linalg import eigh_tridiagonal

import linsgd
from linsgd.theory.fokker_planck.finite_volume import FiniteVolume

RUNS = 7
CELLS = 2000
FILE = Path(__file__).with_name("FOKKER_PLANCK.md")
SPAN = (-2.2, 2.2)
# gap, and mean passage from -1 to 1
WELLS = {
    5: (5.5522812731e-2, 36.483534597),
    10: (7.8357091999e-4, 2552.7091364),
    20: (7.2772113995e-8, 2.7483055018e7),
    30: (4.9898597814e-12, 4.0081286601e11),
    50: (1.7232401484e-20, 1.1606043429e20),
}


def timed(call, runs=RUNS):
    """Return the least time of a call in seconds, and what it returned."""
    found = call()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times), found


def well(b):
    return lambda x: b * (x**2 - 1) ** 2


def full_accuracy(b):
    process = linsgd.fokker_planck.Diffusion1D(well(b), 1.0, SPAN)
    return process.spectral_gap(), process.mean_first_passage_time(-1.0, 1.0)


def tridiagonal_gap(b):
    """Return the gap by SciPy's eigenvalues of the symmetrised finite volumes."""
    x = np.linspace(*SPAN, 2 * CELLS + 1)
    volume = FiniteVolume.of(well(b)(x), np.ones_like, *SPAN, CELLS)
    leaving = np.zeros(CELLS)
    leaving[:-1] += volume.up
    leaving[1:] += volume.down
    beside = -np.sqrt(volume.up * volume.down)
    return eigh_tridiagonal(leaving, beside, select="i", select_range=(0, 1))[0][1]


def one_dimension():
    yield "| b | gap | error, passage's error | ms both | SciPy's gap: error | ms |"
    yield "|---|---|---|---|---|---|"
    for b, (gap, passage) in WELLS.items():
        seconds, (found, mean) = timed(lambda b=b: full_accuracy(b))
        peer_seconds, peer = timed(lambda b=b: tridiagonal_gap(b), runs=2)
        ours = f"{abs(found.value / gap - 1):.1e}, {abs(mean.value / passage - 1):.1e}"
        theirs = f"{abs(peer / gap - 1):.1e} | {1e3 * peer_seconds:.3g}"
        yield f"| {b} | {gap:.4e} | {ours} | {1e3 * seconds:.2g} | {theirs} |"


def varying(x, y):
    D = np.zeros((*x.shape, 2, 2))
    D[..., 0, 0], D[..., 1, 1] = 1 + 0.2 * x**2, 1.0
    return D


def plane_gap(b):
    process = linsgd.fokker_planck.Diffusion2D(
        lambda x, y: b * (x**2 - 1) ** 2 + 40 * y**2, varying, (SPAN, (-1.1, 1.1))
    )
    return process.spectral_gap()


def more_dimensions():
    yield "| solver | gap | error | error it states | seconds |"
    yield "|---|---|---|---|---|"
    for b in (10, 30):
        exact = linsgd.fokker_planck.Diffusion1D(
            well(b), lambda x: 1 + 0.2 * x**2, SPAN
        ).spectral_gap()
        seconds, found = timed(lambda b=b: plane_gap(b), runs=1)
        name = f"`Diffusion2D`, 201 x 201, b = {b}, D varying"
        yield row(name, seconds, found, exact.value)
    oscillator = linsgd.fokker_planck.Kinetic1D(lambda x: x**2 / 2, 3.0, 1.0, (-9, 9))
    seconds, found = timed(oscillator.spectral_gap, runs=3)
    yield row("`Kinetic1D`, 100 x 40, harmonic", seconds, found, (3 - np.sqrt(5)) / 2)


def row(name, seconds, found, exact):
    error = abs(found.value / exact - 1)
    return f"| {name} | {exact:.4e} | {error:.1e} | {found.error:.1e} | {seconds:.2g} |"


def main():
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy"))
    lines = [
        "# Fokker-Planck solvers",
        "",
        "`python benchmarks/fokker_planck.py` on "
        f"{platform.machine()}, Python {platform.python_version()}, {versions}.",
        "",
        "`Diffusion1D` and SciPy's `eigh_tridiagonal` on 2000 finite volumes. The reference digits "
        "end at 10^-11; an error of 1 or more means that the gap is lost.",
        "",
        *one_dimension(),
        "",
        "More dimensions, against one dimension to full accuracy and a closed form:",
        "",
        *more_dimensions(),
    ]
    FILE.write_text("\n".join(lines) + "\n")
    print(FILE.read_text())


if __name__ == "__main__":
    main()
