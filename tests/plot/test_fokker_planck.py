"""Figures of densities and gaps: what they show, and what they refuse."""

import numpy as np
import pytest

import linsgd
from linsgd.theory.fokker_planck import Diffusion1D, Kinetic1D, LogNumber, ResolutionStatus


def test_a_density_in_time_has_a_curve_each_time():
    well = Diffusion1D(lambda x: x**2, lambda x: 1 + 0.1 * x**2, (-25, 25))
    path = well.evolve(lambda x: np.exp(-((x - 2) ** 2)), [0.0, 0.5], cells=60)
    ax = linsgd.plot.density_evolution(path)
    for line, density in zip(ax.lines, path.density, strict=True):
        assert line.get_ydata() == pytest.approx(density)
    with pytest.raises(ValueError, match="path = 3"):
        linsgd.plot.density_evolution(3)


def test_a_density_in_phase_space_is_drawn_over_its_coordinates():
    process = Kinetic1D(lambda x: x**2, 1.0, 1.0, (-6, 6), 40, 16)
    found = process.stationary_density(np.linspace(-3, 2, 30), np.linspace(-4, 4, 31))
    ax = linsgd.plot.phase_density(found)
    assert ax.get_xlim() == pytest.approx((-3, 2))
    assert ax.get_ylim() == pytest.approx((-4, 4))
    with pytest.raises(ValueError, match="frame = 1"):
        linsgd.plot.phase_density(found, 1)


def test_gaps_below_a_float_are_drawn_and_unresolved_ones_are_not():
    deep = LogNumber(value=0.0, log=-1000.0, error=1e-12)
    shallow = LogNumber(value=np.exp(-10.0), log=-10.0, error=1e-12)
    unknown = LogNumber(value=np.nan, log=np.nan, error=np.inf, status=ResolutionStatus.UNRESOLVED)
    ax = linsgd.plot.gaps_by_batch({1: shallow, 100: deep, 1000: unknown})
    assert ax.lines[0].get_xdata() == pytest.approx([1, 100])
    assert ax.lines[0].get_ydata() == pytest.approx(np.array([-10, -1000]) / np.log(10))
    with pytest.raises(ValueError, match=r"gaps\[1\]"):
        linsgd.plot.gaps_by_batch({1: 0.1})


def test_wells_show_their_occupation_and_rates():
    process = Diffusion1D(
        lambda x: 3 * (x**2 - 1) ** 2 + x / 3, lambda x: 0.3 + 0.02 * x**2, (-3, 3)
    )
    ax = linsgd.plot.wells(process, [-1.01, 0.98])
    texts = [text.get_text() for text in ax.texts]
    shares = [float(text.split()[0]) for text in texts if text.endswith("%")]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    x = np.linspace(-1, 1, 2001)
    top = x[process.potential(x).argmax()]
    assert shares[0] == pytest.approx(100 * process.occupation(-3, top).value, rel=0.01)
    rates = [text for text in texts if text and not text.endswith("%")]
    for text, ends in zip(rates, ((-1.01, 0.98), (0.98, -1.01)), strict=True):
        time = process.mean_first_passage_time(*ends)
        exponent = float(text[5:-2]) if text.startswith("$") else np.log10(float(text))
        assert exponent == pytest.approx(-time.log / np.log(10), abs=0.01)


@pytest.mark.parametrize("minima", [[0.0], [1.0, -1.0], [-1.0, 9.0], [1.2, 1.4]])
def test_wells_without_barriers_are_refused(minima):
    process = Diffusion1D(lambda x: 3 * (x**2 - 1) ** 2, 0.5, (-3, 3))
    with pytest.raises(ValueError, match="minima = "):
        linsgd.plot.wells(process, minima)
