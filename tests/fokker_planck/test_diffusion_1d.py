"""One-dimensional diffusions against known digits, plain quadrature and closed forms."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy

from linsgd.problems.potentials import FiniteSum, Quadratic
from linsgd.theory.fokker_planck import Diffusion1D

# V = b (x^2 - 1)^2, T = 1 on [-2.2, 2.2]: gap and mean passage from -1 to 1, to the digits given
WELLS = {
    5: (5.5522812731e-2, 36.483534597),
    10: (7.8357091999e-4, 2552.7091364),
    20: (7.2772113995e-8, 2.7483055018e7),
    30: (4.9898597814e-12, 4.0081286601e11),
    50: (1.7232401484e-20, 1.1606043429e20),
}


@pytest.mark.parametrize(("b", "known"), WELLS.items())
def test_gaps_and_passages_of_a_double_well(b, known):
    well = Diffusion1D(lambda x: b * (x**2 - 1) ** 2, 1.0, (-2.2, 2.2))
    gap, passage = well.spectral_gap(), well.mean_first_passage_time(-1.0, 1.0)
    assert gap.value == pytest.approx(known[0], rel=3e-11, abs=0)
    assert passage.value == pytest.approx(known[1], rel=3e-11, abs=0)
    assert gap.error < 1e-12
    assert passage.error < 1e-12


def test_gaps_below_a_float_are_known_by_their_logarithm():
    well = Diffusion1D(lambda x: 800 * (x**2 - 1) ** 2, 1.0, (-2.2, 2.2))
    gap, passage = well.spectral_gap(), well.mean_first_passage_time(-1.0, 1.0)
    assert gap.value == 0
    # two equal wells: the gap is the sum of both rates
    assert gap.log == pytest.approx(np.log(2) - passage.log, abs=1e-9)


def noisy(x):
    return 0.1 * (1 + 0.4 * x**2)


def tilted(x):
    return (x**2 - 1) ** 2 / 2 + 0.1 * x


CONVENTIONS = {"ito": 0, "stratonovich": 0.5, "anti_ito": 1}


def force(x):
    """Return int L'/D of the two functions above, in closed form."""
    u = np.sqrt(0.4) * x
    return 25 * x**2 - 87.5 * np.log1p(u**2) + np.arctan(u) / np.sqrt(0.4)


def gauss(low, high, count=400):
    """Return nodes and weights on intervals (..., count)."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    half = (np.asarray(high) - np.asarray(low))[..., None] / 2
    return np.asarray(low)[..., None] + half * (1 + nodes), half * weights


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_varying_diffusion_against_quadrature(convention):
    """Constant diffusion hides the convention; here the answers differ by tens of percent."""
    a = CONVENTIONS[convention]
    process = Diffusion1D(tilted, noisy, (-3.2, 3.2), convention)

    def psi(x):
        return force(x) + (1 - a) * np.log(noisy(x))

    x, w = gauss([-3.2, 0.0], [0.0, 3.2])
    left, right = (w * np.exp(-psi(x))).sum(axis=1)
    share = process.occupation(-3.2, 0.0)
    assert share.value == pytest.approx(left / (left + right), rel=1e-11)
    density = np.exp(-psi(0.3)) / (left + right)
    assert process.stationary_density(0.3) == pytest.approx([density], rel=1e-10)

    z, outer = gauss(-1.0, 1.0)
    y, inner = gauss(np.full(z.shape, -3.2), z)
    mass = (inner * np.exp(-psi(y))).sum(axis=1)
    passage = np.sum(outer * np.exp(psi(z)) / noisy(z) * mass)
    found = process.mean_first_passage_time(-1.0, 1.0)
    assert found.value == pytest.approx(passage, rel=1e-11)
    assert found.error < 1e-11


def test_the_closed_form_of_the_force():
    x = mpmath.mpf("0.7")
    with mpmath.workdps(30):
        u = mpmath.sqrt(mpmath.mpf("0.4"))
        slope = mpmath.diff(
            lambda t: (
                25 * t**2
                - mpmath.mpf("87.5") * mpmath.log(1 + (u * t) ** 2)
                + mpmath.atan(u * t) / u
            ),
            x,
        )
        expected = (2 * x * (x**2 - 1) + mpmath.mpf("0.1")) / (
            mpmath.mpf("0.1") * (1 + mpmath.mpf("0.4") * x**2)
        )
    assert float(slope) == pytest.approx(float(expected), rel=1e-12)


def test_the_second_moment_of_a_passage():
    # Brownian motion from a wall at 0 to 1: E T = 1/(2 D), E T^2 = 5/(12 D^2)
    walk = Diffusion1D(0.0, 0.5, (0.0, 1.0), reflecting=True)
    first, second = walk.passage_moments(0.0, 1.0)
    assert first.value == pytest.approx(1.0, rel=1e-13)
    assert second.value == pytest.approx(5 / 3, rel=1e-13)
    backward = walk.passage_moments(1.0, 0.0)
    assert backward[1].value == pytest.approx(5 / 3, rel=1e-13)
    inside = walk.passage_moments(0.5, 1.0)[0]
    assert inside.value == pytest.approx(0.75, rel=1e-13)


@pytest.mark.parametrize("temperature", [0.01, 0.3, 2.0])
def test_the_gap_of_a_quadratic_is_its_curvature(temperature):
    reach = 12 * np.sqrt(temperature)
    process = Diffusion1D(lambda x: 0.85 * x**2, temperature, (-reach, reach))
    assert process.spectral_gap().value == pytest.approx(1.7, rel=1e-12)


def test_the_gap_of_a_varying_diffusion():
    # Pearson: dX = -X dt + sqrt(c0 + c2 X^2) dW has gap 1 while nu = 1 + 2/c2 > 2
    process = Diffusion1D(lambda x: x**2 / 2, lambda x: (1 + 0.2 * x**2) / 2, (-1000.0, 1000.0))
    assert process.spectral_gap().value == pytest.approx(1.0, rel=1e-9)


def test_symbols_numbers_and_callables_are_one():
    x = sympy.Symbol("x")
    one = Diffusion1D((x**2 - 1) ** 2 * 3, sympy.Integer(1) + x**2 / 4, (-3, 3))
    other = Diffusion1D(lambda x: (x**2 - 1) ** 2 * 3, lambda x: 1 + x**2 / 4, (-3, 3))
    assert one.spectral_gap().log == pytest.approx(other.spectral_gap().log, abs=1e-12)


def test_decay_rates_of_a_varying_diffusion():
    # dX = -X dt + sqrt(c0 + c2 X^2) dW: n - n (n - 1) c2/2 for n below nu/2, nu = 1 + 2/c2
    c2 = 0.05
    process = Diffusion1D(lambda x: x**2 / 2, lambda x: (1 + c2 * x**2) / 2, (-300.0, 300.0))
    rates = process.decay_rates(6)
    for n, rate in enumerate(rates, start=1):
        assert rate.value == pytest.approx(n - n * (n - 1) * c2 / 2, rel=1e-10)
        assert rate.error < 1e-11


def test_two_small_rates_of_different_size_keep_their_digits():
    """Three wells: the rates are those of the chain of wells, made of passages and masses."""
    process = Diffusion1D(three_wells, noisy_wells, (-2.6, 2.6))
    slow, fast, inside = process.decay_rates(3)
    assert slow.value == pytest.approx(process.spectral_gap().value, rel=1e-11)
    assert slow.value < 1e-3 * fast.value
    assert fast.value < 1e-6 * inside.value
    wells, tops = (-1.6, 0.0, 1.6), (-0.8, 0.8)
    edges = (-2.6, *tops, 2.6)
    mass = [process.occupation(a, b).value for a, b in itertools.pairwise(edges)]
    # each barrier as a resistance between capacities: pi_i k_ij = 1/(2 int e^Psi/D) of the passage
    conductance = []
    for i in range(2):
        there = process.mean_first_passage_time(wells[i], wells[i + 1]).value
        filled = mass[0] if i == 0 else mass[0] + mass[1]
        conductance.append(filled / there)
    c, d = conductance
    generator = np.array([[c, -c, 0], [-c, c + d, -d], [0, -d, d]]) / np.array(mass)[:, None]
    with mpmath.workdps(60):
        values = mpmath.eig(mpmath.matrix(generator.tolist()), left=False, right=False)
        chain = sorted(abs(v) for v in values)
    assert slow.value == pytest.approx(float(chain[1]), rel=1e-4)
    assert fast.value == pytest.approx(float(chain[2]), rel=1e-4)


def three_wells(x):
    return x**2 * (x**2 - 2.56) ** 2 - 0.5 * x


def noisy_wells(x):
    return 0.07 * (1 + 0.2 * np.tanh(x))


def test_a_law_integrates_to_its_moments():
    process = Diffusion1D(tilted, noisy, (-3.2, 3.2))
    for start, target in ((-1.0, 1.0), (1.0, -1.0)):
        mean, second = process.passage_moments(start, target)
        variance = process.first_passage_variance(start, target).value
        assert second.value == pytest.approx(variance + mean.value**2, rel=1e-13)
        # int P(T > t) dt and int 2 t P(T > t) dt, with t = mean e^y
        y = np.linspace(-12, 4, 65)
        t = mean.value * np.exp(y)
        law = process.first_passage_law(start, target, t)
        assert law.error.max() < 1e-9
        early = t[0]  # int_0^t_0 P(T > t) dt
        total = early + np.trapezoid(law.survival * t, y)
        assert total == pytest.approx(mean.value, rel=1e-6)
        assert np.trapezoid(2 * t**2 * law.survival, y) == pytest.approx(second.value, rel=1e-6)


def test_the_law_of_a_passage_of_brownian_motion():
    walk = Diffusion1D(0.0, 0.5, (0.0, 1.0), reflecting=True)
    times = np.array([0.1, 1.0, 4.0])
    odd = 2 * np.arange(100)[:, None] + 1
    series = (-1) ** (odd // 2) / odd * np.exp(-(odd**2) * np.pi**2 * times / 8)
    exact = 4 / np.pi * series.sum(axis=0)
    for start, target in ((0.0, 1.0), (1.0, 0.0)):
        law = walk.first_passage_law(start, target, times)
        assert law.survival == pytest.approx(exact, abs=1e-12)


def test_samples_kinks_means_and_objects_are_potentials():
    x = np.linspace(-3.3, 3.3, 201)
    exact = Diffusion1D(tilted, noisy, (-3.2, 3.2)).spectral_gap()
    sampled = Diffusion1D((x, tilted(x)), noisy, (-3.2, 3.2)).spectral_gap()
    assert sampled.value == pytest.approx(exact.value, rel=1e-4)
    assert abs(sampled.value / exact.value - 1) < sampled.error < 1e-3
    losses = [lambda x: (x**2 - 1) ** 2, lambda x: 0.2 * x]
    mean = Diffusion1D(losses, noisy, (-3.2, 3.2)).spectral_gap()
    assert mean.log == pytest.approx(exact.log, abs=1e-12)

    terms = FiniteSum([[1, 0.4, -2, 0, 1], [0, -0.2, 0, 0, 0]])  # twice the tilted well, and a tilt
    finite = Diffusion1D(terms, noisy, (-3.2, 3.2)).spectral_gap()
    assert finite.log == pytest.approx(exact.log, abs=1e-12)
    # |x| with D = 1: the passage from 1 down to 0 takes int_0^1 e^z (e^-z - e^-9) dz
    kink = Diffusion1D(np.abs, 1.0, (-30.0, 30.0))
    assert kink.mean_first_passage_time(1.0, 0.0).value == pytest.approx(1.0, rel=1e-11)


def test_evolution_keeps_mass_and_sign_and_decays_with_the_gap():
    process = Diffusion1D(tilted, noisy, (-3.0, 3.0))
    path = process.evolve(lambda x: (np.abs(x - 1) < 0.2) * 1.0, [0.0, 0.3, 40.0, 60.0], cells=240)
    width = path.x[1] - path.x[0]
    assert path.density.sum(axis=1) * width == pytest.approx(np.ones(4), abs=1e-12)
    assert path.density.min() >= 0
    left = path.density[:, path.x < 0].sum(axis=1) * width
    limit = process.occupation(-3.0, 0.0).value
    rate = np.log((limit - left[2]) / (limit - left[3])) / 20
    assert rate == pytest.approx(process.spectral_gap().value, rel=2e-3)


def test_the_second_order_of_the_cells():
    process = Diffusion1D(tilted, noisy, (-3.0, 3.0))
    at = [
        np.interp(-1.0, *(lambda p: (p.x, p.density[0]))(process.evolve(start, [2.0], cells)))
        for cells in (60, 120, 240)
    ]
    assert (at[0] - at[1]) / (at[1] - at[2]) == pytest.approx(4, rel=0.35)


def start(x):
    return np.exp(-20 * (x + 0.5) ** 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((lambda x: -(x**2), 1.0, (-2, 2)), "domain = .* grows outwards: no confining"),
        ((tilted, 0.1, (-1.2, 3.2)), "density 0.*at x = -1.2.* holds the density: widen it"),
        ((tilted, 0.1, (-0.9, 3.2)), "grows outwards: .* or a well cut off"),
        (((np.arange(9), np.arange(8)), 1.0, (0, 8)), r"potential\[1\] = 'array of shape"),
        ((([0, 1], [0, 1]), 1.0, (0, 1)), r"potential\[0\] = .* at least 9 ascending"),
        ((Quadratic(np.eye(2)), 1.0, (0, 1)), "potential = Quadratic.* losses of one coordinate"),
        (("x**2", 1.0, (0, 1)), "potential = 'x\\*\\*2' of type str"),
        ((lambda x: x**2, lambda x: x, (-9, 9)), "diffusion at x = -9"),
        ((lambda x: x**2, -1.0, (-9, 9)), "diffusion at x"),
        ((lambda x: 1 / x, 1.0, (0, 9)), "potential at x = 0"),
        ((lambda x: x**2, 1.0, (2, 1)), r"domain\[1\] = 1"),
        ((lambda x: x**2, 1.0, 3), "domain = 3"),
        ((lambda x: x**2, 1.0, (-9, 9), "Ito"), "convention = 'Ito'"),
        ((sympy.Symbol("x") * sympy.Symbol("y"), 1.0, (-9, 9)), "potential = x\\*y"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_problems_are_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        Diffusion1D(*arguments)


def test_bad_points_are_refused():
    process = Diffusion1D(lambda x: x**2, 1.0, (-9, 9))
    with pytest.raises(ValueError, match=r"start, target = 10\.0"):
        process.mean_first_passage_time(0.0, 10.0)
    with pytest.raises(ValueError, match=r"target = 1\.0 .* any point but the start"):
        process.mean_first_passage_time(1.0, 1.0)
    with pytest.raises(ValueError, match=r"high = 0\.0"):
        process.occupation(1.0, 0.0)
    with pytest.raises(ValueError, match="density = "):
        process.evolve(lambda x: -x, [1.0])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Diffusion1D(lambda x: np.zeros(3), 1.0, (-8, 8)), "potential = .* of shape"),
        (lambda: Diffusion1D(lambda x: x**2, lambda x: np.ones(3), (-8, 8)), "diffusion = .* of"),
        (lambda: Diffusion1D(lambda x: x**2, 1.0, (-8, 8)).evolve(None, [1.0]), "density = None"),
    ],
)
def test_functions_of_other_shapes_and_none_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()
