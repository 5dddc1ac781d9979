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
