"""The kinetic equation against the moments of linear forces, Gibbs' law and Kramers' limits."""

import numpy as np
import pytest
from scipy.linalg import expm

from linsgd.theory.fokker_planck import Diffusion1D, Kinetic1D, ResolutionStatus

H, T, A = 1.3, 0.4, 0.05  # L = H x^2/2, temperature T (1 + A x^2)


def heated(friction, **sizes):
    return Kinetic1D(
        lambda x: H * x**2 / 2, friction, lambda x: T * (1 + A * x**2), (-7, 7), **sizes
    )


def first_moments(friction):
    """Return the matrix of d(E x, E v)/dt."""
    return np.array([[0, 1], [-H, -friction]])


def second_moments(friction):
    """Return the matrix of d(E x^2, E xv, E v^2)/dt, without the constant heat."""
    return np.array([[0, 2, 0], [-H, -friction, 1], [2 * friction * T * A, -2 * H, -2 * friction]])


@pytest.mark.parametrize("friction", [0.4, 1.0, 3.0])
def test_the_gap_of_an_oscillator(friction):
    oscillator = Kinetic1D(lambda x: x**2 / 2, friction, 1.0, (-9, 9), 60, 24)
    exact = (friction - np.sqrt(complex(friction**2 - 4))) / 2
    gap = oscillator.spectral_gap()
    assert gap.value == pytest.approx(exact.real, rel=1e-10)
    assert gap.error < 1e-9


@pytest.mark.parametrize("friction", [0.7, 3.0])
def test_the_gap_with_a_varying_temperature(friction):
    """The moments of a degree are closed: the gap is the slowest of all."""
    rates = [
        -np.linalg.eigvals(matrix(friction)).real.max()
        for matrix in (first_moments, second_moments)
    ]
    gap = heated(friction, positions=60, velocities=24).spectral_gap()
    assert gap.value == pytest.approx(min(rates), rel=1e-10)


def test_stationary_moments_with_a_varying_temperature():
    x, v = np.linspace(-7, 7, 281), np.linspace(-6, 6, 241)
    found = heated(1.0).stationary_density(x, v)
    area = (x[1] - x[0]) * (v[1] - v[0])
    density = found.density[0] * area
    # E v^2 = T (1 + A E x^2) = H E x^2
    variance = T / (H - A * T)
    assert density.sum() == pytest.approx(1, abs=1e-9)
    assert (density * x**2).sum() == pytest.approx(variance, rel=1e-8)
    assert (density.T * v**2).sum() == pytest.approx(H * variance, rel=1e-8)
    assert density.min() > -found.error[0] * density.max()


def test_evolution_follows_the_moments():
    friction = 2.0
    x, v = np.linspace(-7, 7, 281), np.linspace(-6, 6, 241)
    path = heated(friction, positions=60, velocities=24).evolve(
        lambda x, v: np.exp(-((x - 1) ** 2) / 0.4 - v**2 / 1.2), [0.0, 0.5, 2.0], x, v
    )
    area = (x[1] - x[0]) * (v[1] - v[0])
    stationary = np.array([1, 0, H]) * T / (H - A * T)
    for density, time, error in zip(path.density, path.times, path.error, strict=True):
        weights = density * area
        mean = expm(first_moments(friction) * time) @ [1, 0]
        start = np.array([1.2, 0, 0.6]) - stationary
        square = stationary + expm(second_moments(friction) * time) @ start
        assert weights.sum() == pytest.approx(1, abs=1e-6)
        assert (weights * x).sum() == pytest.approx(mean[0], abs=1e-5)
        assert (weights * x**2).sum() == pytest.approx(square[0], abs=1e-5)
        assert (weights.T * v**2).sum() == pytest.approx(square[2], abs=1e-5)
        assert error < 5e-3


def test_passages_and_gap_in_a_double_well():
    """Rate by Kramers and Langer; overdamped at large friction, in the time t/friction."""
    b = 6.0
    overdamped = Diffusion1D(well(b), 1.0, (-2.4, 2.4))
    for friction, correction in ((40.0, 1e-2), (8.0, 4e-2)):
        process = Kinetic1D(well(b), friction, 1.0, (-2.4, 2.4), 70, 20)
        gap, passage = process.spectral_gap(), process.mean_first_passage_time(-1.0, 1.0)
        # symmetric wells: the passage between them is twice the lifetime of the difference
        assert gap.value * passage.value == pytest.approx(2.0, rel=3e-2)
        top = np.sqrt(4 * b)  # frequency at the saddle
        langer = (np.sqrt(friction**2 / 4 + top**2) - friction / 2) * friction / top**2
        ratio = gap.value * friction / overdamped.spectral_gap().value
        assert ratio == pytest.approx(langer, rel=correction)


def well(b):
    return lambda x: b * (x**2 - 1) ** 2


def test_a_passage_across_a_varying_temperature_in_both_directions():
    """Far below the noise of the velocities the overdamped Ito limit holds."""
    temperature = lambda x: 0.3 * (1 + 0.3 * np.tanh(x))  # noqa: E731
    loss = lambda x: (x**2 - 1) ** 2 / 2  # noqa: E731
    friction = 60.0
    # the limit for a friction that is constant: drift -L' and D = T, read in Ito's sense
    overdamped = Diffusion1D(loss, temperature, (-3, 3))
    process = Kinetic1D(loss, friction, temperature, (-3, 3), 60, 20)
    for start, target in ((-1.0, 1.0), (1.0, -1.0)):
        exact = overdamped.mean_first_passage_time(start, target).value * friction
        found = process.mean_first_passage_time(start, target)
        assert found.value == pytest.approx(exact, rel=2e-2)


def test_a_gap_below_rounding_is_unresolved():
    gap = Kinetic1D(well(60.0), 5.0, 1.0, (-2.0, 2.0), 80, 16).spectral_gap()
    assert gap.status is ResolutionStatus.UNRESOLVED
    assert np.isnan(gap.value)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Kinetic1D(well(5), 0.0, 1.0, (-2, 2)), r"friction = 0.0"),
        (lambda: Kinetic1D(well(5), 1.0, 0.0, (-2, 2)), r"diffusion at x"),
        (lambda: Kinetic1D(well(5), 1.0, 1.0, (-1, 2)), r"domain = "),
        (lambda: Kinetic1D(well(5), 1.0, 1.0, (-2, 2), velocities=9), r"velocities = 9"),
        (lambda: heated(1.0).mean_first_passage_time(0.0, 8.0), r"start, target = 8.0"),
        (lambda: heated(1.0).stationary_density([8.0], [0.0]), r"x = 8.0"),
        (lambda: heated(1.0).evolve(lambda x, v: -x * v, [1.0], [0.0], [0.0]), "density = "),
        (lambda: heated(1.0).evolve(lambda x, v: x, [1.0, 0.0], [0.0], [0.0]), "times = "),
    ],
)
def test_bad_input_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.nightly
def test_more_functions_of_x_than_wide_panels_resolve_change_no_passage_time():
    few = Kinetic1D(lambda x: x**2 / 2, 1.0, 0.1, (-3, 3), 70, 16)
    many = Kinetic1D(lambda x: x**2 / 2, 1.0, 0.1, (-3, 3), 200, 16)
    time = few.mean_first_passage_time(-0.5, 0.5).value
    assert many.mean_first_passage_time(-0.5, 0.5).value == pytest.approx(time, rel=1e-7)
    assert many.spectral_gap().value == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "friction", "temperature", "places"),
    [
        (lambda x: x**2 / 2, 1.0, 0.1, (-0.5, 0.5)),
        (lambda x: 3 * (x**2 - 1) ** 2, 2.0, 1.0, (-1.0, 1.0)),
        (lambda x: 3 * (x**2 - 1) ** 2, 0.3, 1.0, (-1.0, 0.0)),
        (lambda x: x**2 / 2, 1.0, lambda x: 0.1 * (1 + 0.5 * np.tanh(3 * x)), (0.3, -0.3)),
    ],
)
def test_the_error_of_a_passage_time_holds_what_more_velocities_change(
    loss, friction, temperature, places
):
    few, many = (
        Kinetic1D(loss, friction, temperature, (-3.2, 3.2), 60, velocities)
        for velocities in (24, 96)
    )
    rough, fine = few.mean_first_passage_time(*places), many.mean_first_passage_time(*places)
    assert abs(rough.log - fine.log) < rough.error
    assert fine.error < rough.error < 0.1


def test_a_passage_that_few_velocities_do_not_resolve_has_no_number():
    process = Kinetic1D(lambda x: 3 * (x**2 - 1) ** 2, 0.02, 1.0, (-3.2, 3.2), 40, 8)
    found = process.mean_first_passage_time(-1.0, 0.0)
    assert found.status is ResolutionStatus.UNRESOLVED
    assert np.isnan(found.value)
