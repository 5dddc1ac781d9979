"""Crossing of barriers: against the Fokker-Planck equation, the discrete chain and quadrature."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import linsgd

WELL = linsgd.potentials.DoubleWell((8.0, 2.0), (-1.0, 1.5), (0.1, 0.0))
QUARTIC = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])


def _noise(temperature, sgd):
    """Return the variance of one sample's gradient that gives a temperature."""
    return 2 * sgd.batch_size * (1 - sgd.momentum) * temperature / sgd.lr


@pytest.mark.parametrize("temperature", [0.05, 0.025, 0.0125])
def test_kramers_errs_by_the_temperature_over_the_barrier(temperature):
    sgd = linsgd.SGD(lr=0.01, batch_size=4)
    found = linsgd.escape.kramers(QUARTIC, sgd, -0.9, 0.1, _noise(temperature, sgd))
    process = linsgd.fokker_planck.Diffusion1D(QUARTIC, temperature, (-2.6, 2.6))
    exact = process.mean_first_passage_time(-1.0, 1.0).log - math.log(sgd.lr)
    ratio = math.exp(exact - found.log_mean)
    assert 0 < ratio - 1 < 1.5 * temperature / 0.25
    assert ratio - 1 > 0.3 * temperature / 0.25  # the stated order is the true one


def test_multiplicative_prefactor_against_the_diffusion():
    sgd = linsgd.SGD(lr=0.01)
    level = 0.01

    def variance(x):
        return _noise(level, sgd) * (1 + 2 * np.exp(-4 * x**2))

    def diffusion(x):
        return level * (1 + 2 * np.exp(-4 * x**2))

    found = linsgd.escape.kramers(QUARTIC, sgd, -1.0, 0.0, variance)
    process = linsgd.fokker_planck.Diffusion1D(QUARTIC, diffusion, (-2.6, 2.6))
    exact = process.mean_first_passage_time(-1.0, 1.0).log - math.log(sgd.lr)
    assert exact == pytest.approx(found.log_mean, abs=0.08)
    ratio = diffusion(0.0) / diffusion(-1.0)
    assert abs(math.log(ratio)) > 1.0  # Stratonovich's reading lacks half of it


@pytest.mark.parametrize("lr", [0.02, 0.04, 0.08])
def test_discrete_factor_against_the_chain(lr):
    sgd, temperature = linsgd.SGD(lr=lr), 0.02
    noise = _noise(temperature, sgd)
    rates = [
        linsgd.escape.kramers(QUARTIC, sgd, -1, 0, noise, discrete=each).mean
        for each in (False, True)
    ]
    assert rates[0] / rates[1] == pytest.approx(1 + lr / 4, rel=1e-12)
    chain = linsgd.fokker_planck.MarkovKernel(
        lambda x: x - lr * (x**3 - x), math.sqrt(2 * lr * temperature), (-2.2, 2.2), points=500
    )
    process = linsgd.fokker_planck.Diffusion1D(QUARTIC, temperature, (-2.2, 2.2))
    true = process.mean_first_passage_time(-1.0, 1.0).value
    factor = true / (lr * chain.mean_first_passage_time(-1.0, 1.0).value)
    assert factor == pytest.approx(1 + lr / 4, abs=3 * lr**2)
    assert factor > 1 + lr / 8


def test_eyring_kramers_in_two_dimensions_is_kramers_along_a_decoupled_coordinate():
    two = linsgd.potentials.Polynomial(
        [[0, 0, 1.5], [0, 0, 0], [-0.5, 0, 0], [0, 0, 0], [0.25, 0, 0]]
    )
    sgd = linsgd.SGD(lr=0.01, momentum=0.9)
    one = linsgd.escape.kramers(QUARTIC, sgd, -1.0, 0.0, 0.2)
    both = linsgd.escape.kramers(two, sgd, [-1.0, 0.1], [0.0, 0.1], 0.2)
    assert both.log_mean == pytest.approx(one.log_mean, rel=1e-12)
    narrower = linsgd.potentials.Custom.from_expression(_narrowing())
    softer = linsgd.escape.kramers(narrower, sgd, [-1.0, 0.0], [0.0, 0.0], 0.2)
    # the saddle is 4 times as narrow across: sqrt(det) doubles the time
    assert softer.log_mean - one.log_mean == pytest.approx(math.log(2.0), rel=1e-9)


def _narrowing():
    import sympy

    x, y = sympy.symbols("x y")
    return x**4 / 4 - x**2 / 2 + y**2 * (4 - 3 * x**2) / 2


@pytest.mark.parametrize("momentum", [0.3, 0.9, 0.99])
def test_momentum_growth_solves_the_saddles_equation(momentum):
    sgd = linsgd.SGD(lr=0.01, momentum=momentum)
    noise = _noise(0.02, sgd)
    found = linsgd.escape.kramers(QUARTIC, sgd, -1.0, 0.0, noise)
    prefactor = found.mean / math.exp(0.25 / 0.02)
    growth = 2 * math.pi / prefactor / math.sqrt(2.0) / math.sqrt(sgd.lr)
    friction = (1 - momentum) / math.sqrt(sgd.lr)
    assert growth**2 + friction * growth == pytest.approx(1.0, rel=1e-10)


def test_gibbs_ratio_against_occupation():
    sgd = linsgd.SGD(lr=0.1)
    for noise, diffusion, domain in (
        (1.0, 0.05, (-3.0, 4.0)),
        (lambda x: 0.6 * (1 + (x + 1) ** 2), lambda x: 0.03 * (1 + (x + 1) ** 2), (-3.0, 12.0)),
    ):
        ratio, order = linsgd.escape.gibbs_ratio(WELL, sgd, (-1.0, 1.5), noise)
        process = linsgd.fokker_planck.Diffusion1D(WELL, diffusion, domain)
        exact = process.occupation(-0.1, domain[1]).log - process.occupation(domain[0], -0.1).log
        assert math.log(ratio) == pytest.approx(exact, abs=0.12)
        assert 0 < order < 0.01


def test_levy_needs_the_distance_only():
    sgd, law = linsgd.SGD(lr=0.02, batch_size=16), linsgd.Stable(1.5)
    times = [
        linsgd.escape.levy(linsgd.potentials.Polynomial([0, 0, -b / 2, 0, b / 4]), sgd, -1, 0, law)
        for b in (1.0, 5.0)
    ]
    assert times[0].mean == pytest.approx(times[1].mean, rel=1e-12)


def test_quasi_potential_of_a_quadratic_solves_lyapunovs_equation():
    from scipy.linalg import solve_continuous_lyapunov

    H = np.array([[3.0, 0.8], [0.8, 1.0]])
    C = np.array([[1.0, 0.6], [0.6, 2.0]])
    S = solve_continuous_lyapunov(H, C)
    y = np.array([0.7, -0.4])
    exact = float(y @ np.linalg.solve(S, y)) / 2
    bowl = linsgd.potentials.Quadratic(H)
    found = linsgd.escape.large_deviation(bowl, linsgd.SGD(lr=0.1, batch_size=3), [0, 0], y, C)
    assert found.value == pytest.approx(exact, rel=2e-3)
    assert found.value >= exact * (1 - 1e-6)  # a path's action is no less than the least
    assert found.exponent == pytest.approx(30 * found.value, rel=1e-12)
    assert abs(exact - float(y @ H @ y)) > 0.05 * exact  # as for noise of unit variance


def test_quasi_potential_in_one_dimension_is_an_integral():
    def variance(x):
        return 1 + x**2

    exact = quad(lambda x: 2 * float(QUARTIC.gradient(x)) / variance(x), -1, 0)[0]
    found = linsgd.escape.large_deviation(QUARTIC, linsgd.SGD(lr=0.1), -1.0, 0.0, variance)
    assert found.value == pytest.approx(exact, rel=1e-5)


def test_quasi_potential_of_isotropic_noise_is_the_loss():
    wells = linsgd.potentials.DoubleWell(([2, 1.0], [1.0, 3.0]), ([-1.0, 0], [1.0, 0.8]))
    middle = [-0.1, 0.3]
    found = linsgd.escape.large_deviation(wells, linsgd.SGD(lr=0.1), [-1, 0], middle, 0.5)
    height = float(wells(middle) - wells(wells.stationary_point([-1.0, 0.0])))
    assert found.value == pytest.approx(4 * height, rel=5e-3)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: linsgd.escape.kramers(3.0, linsgd.SGD(lr=0.1), -1, 0, 1.0), "potential"),
        (lambda: linsgd.escape.kramers(QUARTIC, linsgd.SGD(lr=0.1), 0, -1, 1.0), "minimum"),
        (lambda: linsgd.escape.kramers(QUARTIC, linsgd.SGD(lr=0.1), -1, 1, 1.0), "saddle"),
        (lambda: linsgd.escape.kramers(QUARTIC, linsgd.SGD(lr=0.1), -1, 0, -1.0), "noise"),
        (
            lambda: linsgd.escape.kramers(
                QUARTIC, linsgd.SGD(lr=0.1, weight_decay=1.0), -1, 0, 1.0
            ),
            "weight_decay",
        ),
        (
            lambda: linsgd.escape.kramers(
                QUARTIC, linsgd.SGD(lr=0.1, momentum=0.5), -1, 0, 1.0, discrete=True
            ),
            "discrete",
        ),
        (
            lambda: linsgd.escape.large_deviation(
                linsgd.potentials.Quadratic([1.0, 1.0]), linsgd.SGD(lr=0.1), [0, 0], [1, 0], [1, 0]
            ),
            "noise",
        ),
    ],
)
def test_bad_input_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=rf"^{named}"):
        call()


@pytest.mark.parametrize("minima", [(-1.0, 0.0), (0.0, 1.0), (-1.0, -1.0), (1.0, 0.99), (-1.0,)])
def test_gibbs_ratio_takes_two_different_minima_only(minima: tuple[float, ...]) -> None:
    quartic = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
    with pytest.raises(ValueError, match=r"minima = .* is outside its domain"):
        linsgd.escape.gibbs_ratio(quartic, linsgd.SGD(lr=0.01), minima, 1.0)  # type: ignore[arg-type]


def test_several_points_where_one_is_asked_for_are_refused() -> None:
    quartic = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
    sgd = linsgd.SGD(lr=0.01)
    with pytest.raises(ValueError, match=r"minimum = .* one point of 1 coordinates"):
        linsgd.escape.kramers(quartic, sgd, [-1.0, 2.0], 0.0, 1.0)
    with pytest.raises(ValueError, match=r"minimum = .* one point of 1 coordinates"):
        linsgd.escape.levy(quartic, sgd, [-1.0], 0.0, linsgd.Stable(1.5))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, "a", (1.0, 2.0)])
def test_noise_functions_without_one_number_are_refused(value: object) -> None:
    quartic = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
    with pytest.raises(ValueError, match=r"noise.* is outside its domain"):
        linsgd.escape.kramers(quartic, linsgd.SGD(lr=0.01), -1.0, 0.0, lambda x: value)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
def test_batches_of_an_epoch_are_refused_as_in_the_simulation(sampling: str) -> None:
    quartic = linsgd.potentials.Polynomial([0, 0, -0.5, 0, 0.25])
    sgd = linsgd.SGD(lr=0.1, sampling=sampling)  # type: ignore[arg-type]
    for law in (linsgd.escape.kramers, linsgd.escape.large_deviation):
        with pytest.raises(ValueError, match=r"sampling = .* with replacement on a potential"):
            law(quartic, sgd, -1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"sampling = .* with replacement on a potential"):
        linsgd.escape.gibbs_ratio(quartic, sgd, (-1.0, 1.0), 1.0)


def test_what_the_limits_do_not_cover_has_a_status():
    sgd = linsgd.SGD(lr=0.1)
    low = linsgd.escape.kramers(QUARTIC, sgd, -1.0, 0.0, 10.0)  # half a temperature
    steep = linsgd.escape.kramers(QUARTIC, linsgd.SGD(lr=5.0), -1.0, 0.0, 0.01)
    small = linsgd.levy.kramers_time(0.25, 0.5, 2.0, saddle_curvature=1.0)
    quick = linsgd.levy.exit_time(linsgd.SGD(lr=10.0), linsgd.Stable(1.5), 1.0, -1.0)
    assert [str(each.status) for each in (low, steep, small, quick)] == ["outside"] * 4
    for lr, noise in ((0.1, 1.0), (0.01, 10.0)):
        found = linsgd.escape.kramers(QUARTIC, linsgd.SGD(lr=lr), -1.0, 0.0, noise)
        assert str(found.status) == "ok"
