"""Two-dimensional diffusions against linear theory, separable wells and Selling's identity."""

import numpy as np
import pytest
import sympy
from scipy.integrate import quad
from scipy.linalg import expm, solve_continuous_lyapunov

from linsgd.problems.potentials import Quadratic
from linsgd.theory.fokker_planck import Diffusion1D, Diffusion2D, ResolutionStatus
from linsgd.theory.fokker_planck.selling import offset_weights

H = np.diag([1.0, 2.0])
NOISE = np.array([[1.0, 0.3], [0.3, 0.5]])  # does not commute with H: no detailed balance


def bowl(x, y):
    return x**2 / 2 + y**2


def linear(**options):
    return Diffusion2D(bowl, NOISE, ((-8, 8), (-5.5, 5.5)), **options)


def moments(found, k=0):
    """Return mass, mean (2,) and second moments (2, 2) of a density."""
    X, Y = np.meshgrid(found.x, found.y, indexing="ij")
    area = (found.x[1] - found.x[0]) * (found.y[1] - found.y[0])
    weights = found.density[k] * area
    place = np.stack([X, Y])
    return (
        weights.sum(),
        np.einsum("iab,ab->i", place, weights),
        np.einsum("iab,jab,ab->ij", place, place, weights),
    )


def test_weights_of_offsets_rebuild_any_matrix():
    rng = np.random.default_rng(7)
    factors = rng.standard_normal((200, 2, 2))
    D = factors @ np.swapaxes(factors, 1, 2) + 0.3 * np.eye(2)
    total = np.zeros(D.shape)
    for e, weight in offset_weights(D).items():
        assert weight.min() >= 0
        total += weight[:, None, None] * np.outer(e, e)
    assert total == pytest.approx(D, rel=1e-12, abs=1e-12)


def test_linear_drift_with_noise_that_does_not_commute():
    process = linear(points=81)
    gap = process.spectral_gap()
    assert gap.value == pytest.approx(1.0, rel=1e-5)
    assert abs(gap.value - 1) < gap.error < 1e-3
    found = process.stationary_density()
    mass, mean, square = moments(found)
    assert mass == pytest.approx(1, abs=1e-12)
    assert mean == pytest.approx(np.zeros(2), abs=1e-9)
    assert square == pytest.approx(solve_continuous_lyapunov(H, 2 * NOISE), abs=5e-4)
    assert found.density.min() >= 0
    assert found.error[0] < 1e-2


def test_evolution_follows_the_moments():
    process = linear(points=121)
    path = process.evolve(lambda x, y: np.exp(-((x - 2) ** 2) - y**2), [0.0, 0.7])
    stationary = solve_continuous_lyapunov(H, 2 * NOISE)
    _, start_mean, start_square = moments(path, 0)
    mass, mean, square = moments(path, 1)
    decay = expm(-0.7 * H)
    exact = stationary + decay @ (start_square - stationary) @ decay
    assert mass == pytest.approx(1, abs=1e-12)
    assert mean == pytest.approx(decay @ start_mean, abs=2e-2)
    assert square == pytest.approx(exact, abs=5e-2)
    assert path.density.min() >= 0


def varying(x, y):
    """D = diag(1 + x^2/5, 1 + y^2/3)."""
    D = np.zeros((*x.shape, 2, 2))
    D[..., 0, 0], D[..., 1, 1] = 1 + x**2 / 5, 1 + y**2 / 3
    return D


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti_ito"])
def test_a_separable_well_with_varying_diffusion(convention):
    """The coordinates are independent: gap and passage are those of one dimension."""
    one = Diffusion1D(
        lambda x: 8 * (x**2 - 1) ** 2 + x, lambda x: 1 + x**2 / 5, (-2.4, 2.4), convention
    )
    process = Diffusion2D(
        lambda x, y: 8 * (x**2 - 1) ** 2 + x + 20 * y**2,
        varying,
        ((-2.4, 2.4), (-1.6, 1.6)),
        convention,
        points=81,
    )
    gap = process.spectral_gap()
    assert gap.value == pytest.approx(one.spectral_gap().value, rel=1e-5)
    passage = process.mean_first_passage_time((-1.2, 0.0), lambda x, y: x >= 1.2 - 1e-9)
    exact = one.mean_first_passage_time(-1.2, 1.2).value
    assert passage.value == pytest.approx(exact, rel=3e-3)


def test_a_turned_well_with_noise_across_its_axes():
    """x' = R x: the same gap with a full, varying matrix, which no axis diagonalises."""
    c, s = np.cos(0.5), np.sin(0.5)
    R = np.array([[c, -s], [s, c]])

    def loss(x, y):
        u, v = c * x + s * y, -s * x + c * y
        return 6 * (u**2 - 1) ** 2 + 15 * v**2

    def noise(x, y):
        return R @ varying(c * x + s * y, -s * x + c * y) @ R.T

    one = Diffusion1D(lambda x: 6 * (x**2 - 1) ** 2, lambda x: 1 + x**2 / 5, (-2.6, 2.6))
    process = Diffusion2D(loss, noise, ((-2.9, 2.9), (-2.4, 2.4)), points=101)
    gap = process.spectral_gap()
    assert gap.value == pytest.approx(one.spectral_gap().value, rel=5e-3)


def test_a_gap_far_below_rounding_keeps_its_digits():
    one = Diffusion1D(lambda x: 40 * (x**2 - 1) ** 2, lambda x: 1 + x**2 / 5, (-2.0, 2.0))
    process = Diffusion2D(
        lambda x, y: 40 * (x**2 - 1) ** 2 + 60 * y**2, varying, ((-2.0, 2.0), (-1, 1)), points=121
    )
    gap = process.spectral_gap()
    exact = one.spectral_gap()
    assert exact.value < 1e-14
    assert gap.value == pytest.approx(exact.value, rel=1e-4)
    assert gap.status is ResolutionStatus.OK


def test_expressions_and_losses_of_problems_are_potentials():
    x, y = sympy.symbols("x y")
    domain = ((-8, 8), (-5.5, 5.5))
    exact = linear(points=41).spectral_gap()
    for given in (x**2 / 2 + y**2, Quadratic(H)):
        found = Diffusion2D(given, NOISE, domain, points=41).spectral_gap()
        assert found.log == pytest.approx(exact.log, abs=1e-9)


@pytest.mark.parametrize("border", [-0.021, 0.3, 1 / 3])
def test_a_target_that_ends_between_points_is_reached_when_its_border_is(border):
    """Along x the plane's well is that of one dimension; the border is on no line of the grids."""

    def well(x):
        return (x**2 - 1) ** 2 / 4

    process = Diffusion2D(
        lambda x, y: well(x) + y**2 / 2, 0.1, ((-2.5, 2.5), (-2.4, 2.4)), points=101
    )
    found = process.mean_first_passage_time((-1.0, 0.0), lambda x, y: x >= border)
    exact = Diffusion1D(well, 0.1, (-2.5, 2.5)).mean_first_passage_time(-1.0, border)
    assert found.error < 5e-3
    assert abs(found.value / exact.value - 1) < min(found.error, 2e-4)


@pytest.mark.parametrize("edges", [(0.2, 1.0), (0.25, 1.0), (-0.013, 2.0)])
def test_a_region_that_ends_between_points_has_its_mass(edges):
    low, high = edges

    def well(x):
        return (x**2 - 1) ** 2 / 4

    process = Diffusion2D(
        lambda x, y: well(x) + y**2 / 2, 0.1, ((-2.5, 2.5), (-2.4, 2.4)), points=101
    )
    found = process.occupation(lambda x, y: (x > low) & (x < high))
    exact = Diffusion1D(well, 0.1, (-2.5, 2.5)).occupation(low, high)
    assert found.error < 1e-3
    assert abs(found.value / exact.value - 1) < found.error


@pytest.mark.parametrize("radius", [1.0, 1.37])
def test_mass_of_a_disc_and_the_time_to_leave_it(radius):
    """For L = (x^2 + y^2)/2, D = 1: 1 - e^{-r^2/2}, and int_s^r (e^{u^2/2} - 1)/u du."""
    process = Diffusion2D(
        lambda x, y: (x**2 + y**2) / 2, 1.0, ((-7.5, 7.5), (-7.5, 7.5)), points=121
    )
    held = process.occupation(lambda x, y: x**2 + y**2 < radius**2)
    assert abs(held.value / -np.expm1(-(radius**2) / 2) - 1) < held.error < 0.02
    for start in ((0.0, 0.0), (0.51, 0.33)):
        left = process.mean_first_passage_time(start, lambda x, y: x**2 + y**2 >= radius**2)
        exact = quad(lambda u: np.expm1(u * u / 2) / u, np.hypot(*start), radius)[0]
        assert abs(left.value / exact - 1) < left.error < 0.02


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((bowl, [[1, 0.2], [0.3, 1]], ((-9, 9), (-9, 9))), "diffusion at .* symmetric"),
        ((bowl, [[1, 2], [2, 1]], ((-9, 9), (-9, 9))), "diffusion at .* positive definite"),
        ((bowl, lambda x, y: x, ((-9, 9), (-9, 9))), "diffusion at .* positive definite"),
        ((bowl, 0.0, ((-9, 9), (-9, 9))), "diffusion = 0.0"),
        ((bowl, [[1, 0.999], [0.999, 1]], ((-9, 9), (-8, 8))), "diffusion = .*anisotropic"),
        ((bowl, 1.0, ((-9, 2), (-9, 9))), "side x = 2"),
        ((lambda x, y: -x * y, 1.0, ((-9, 9), (-9, 9))), "domain = .* side"),
        ((lambda x, y: x / y, 1.0, ((-9, 9), (0, 9))), "potential at"),
        ((bowl, 1.0, (-9, 9)), "domain = "),
        ((bowl, 1.0, ((-9, 9), (9, -9))), r"domain\[1\]\[1\]"),
        ((bowl, 1.0, ((-9, 9), (-9, 9)), "ito", 100), "points = 100 .* 4 k"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_bad_problems_are_refused(arguments, named):
    with pytest.raises(ValueError, match=named):
        Diffusion2D(*arguments)


def test_bad_points_and_regions_are_refused():
    process = linear(points=41)
    with pytest.raises(ValueError, match=r"start\[0\] = 9"):
        process.mean_first_passage_time((9.0, 0.0), lambda x, y: x > 1)
    with pytest.raises(ValueError, match=r"start = .* outside the target"):
        process.mean_first_passage_time((2.0, 0.0), lambda x, y: x > 1)
    with pytest.raises(ValueError, match=r"region = .* but not all"):
        process.occupation(lambda x, y: x > 99)
    with pytest.raises(ValueError, match=r"region = None .* a function"):
        process.occupation(None)
    with pytest.raises(ValueError, match="density = "):
        process.evolve(lambda x, y: x, [1.0])
