"""Enclosures of h(2), h(4), h(6): actions against Gauss rules, bounds against rational values."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.convexity import bracket
from linsgd.theory.tails.isotropic.chi_square import gauss_rule
from linsgd.theory.tails.moments.even_forms import ACTIONS
from linsgd.theory.tails.moments.gaussian_moments import log_even
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


def setting_of(spectrum, **options):
    return Setting.of(gaussian(spectrum), SGD(**options))


def contracted(F, p):
    """F(p, ..., p) for points p (n, d)."""
    letters = "ijk"[: F.ndim]
    return np.einsum(",".join(["n" + x for x in letters] + [letters]) + "->n", *[p] * F.ndim, F)


def integrated(setting, F, u):
    """E F(p) after a step from u, by Gauss rules over a batch's chi-square and normal vector."""
    h, c = setting.spectrum, setting.step_size / setting.batch
    z, w = np.polynomial.hermite_e.hermegauss(7)
    grid = np.array(list(itertools.product(z, repeat=h.size)))
    weight = np.prod(list(itertools.product(w / w.sum(), repeat=h.size)), axis=1)
    ahead = np.sqrt(h) * u
    length = np.linalg.norm(ahead)
    across = grid - np.outer(grid @ ahead, ahead) / length**2
    total = 0.0
    for C, share in zip(*gauss_rule(setting.batch, 7), strict=True):
        seen = np.sqrt(h) * (C * ahead + np.sqrt(C) * length * across)
        total += share * (weight @ contracted(F, (setting.shrinkage * u - c * seen) ** 2))
    return total


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize(
    ("d", "b", "lr", "decay"),
    [(1, 1, 0.5, 0.0), (2, 3, 0.4, 0.3), (3, 2, 0.7, 0.0), (3, 1, 2.0, 0.8)],
)
def test_the_actions_are_means_over_a_step(order, d, b, lr, decay):
    rng = np.random.default_rng(d)
    setting = setting_of(rng.random(d) + 0.1, lr=lr, batch_size=b, weight_decay=decay)
    F = rng.random((d,) * (order // 2))
    F = sum(np.transpose(F, axes) for axes in itertools.permutations(range(order // 2)))
    u = rng.standard_normal(d)
    image = ACTIONS[order](setting)(F) + setting.shrinkage**order * F
    [value] = contracted(image, u[None] ** 2)
    assert value == pytest.approx(integrated(setting, F, u), rel=1e-12)
    assert value * (1 + 1e-10) != pytest.approx(integrated(setting, F, u), rel=1e-12)  # it can fail
    for axes in itertools.permutations(range(order // 2)):
        assert np.abs(np.transpose(image, axes) - image).max() < 1e-13 * np.abs(image).max()


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize(
    ("d", "b", "lr", "decay"),
    [(1, 1, 0.5, 0.0), (4, 3, 0.3, 0.1), (20, 2, 1e-5, 0.0), (9, 5, 0.7, 1.0)],
)
def test_the_bounds_hold_the_exact_value_of_a_flat_spectrum(order, d, b, lr, decay):
    found = log_even(setting_of([1.0] * d, lr=lr, batch_size=b, weight_decay=decay), order)
    with mpmath.workdps(40):
        a, c = 1 - mpmath.mpf(lr) * mpmath.mpf(decay), mpmath.mpf(lr) / b
        # R^2 = (a - c X)^2 + c^2 X Y
        x, y = [[mpmath.fprod(m + 2 * i for i in range(k)) for k in range(7)] for m in (b, d - 1)]
        n, exact = order // 2, mpmath.mpf(0)
        for k in range(n + 1):
            for j in range(2 * (n - k) + 1):
                sign = math.comb(n, k) * math.comb(2 * (n - k), j) * (-1) ** j
                exact += sign * a ** (2 * (n - k) - j) * c ** (j + 2 * k) * x[j + k] * y[k]
        exact = mpmath.log(exact)
        assert mpmath.mpf(found.lower) <= exact <= mpmath.mpf(found.upper)
        assert found.upper - found.lower < 1e-9 * min(1.0, max(abs(float(exact)), 1e-3))


def test_enclosures_are_narrow_for_any_spectrum():
    rng = np.random.default_rng(2)
    for d, order in itertools.product((2, 5, 20, 100), (2, 4, 6)):
        if order == 6 and d > 20:
            continue
        spectrum, b = 10.0 ** rng.uniform(-2, 0, d), int(rng.choice([1, 2, 10]))
        edge = linsgd.stability(gaussian(spectrum), SGD(lr=0.1, batch_size=b)).lr_mean_square
        for fraction in (1e-4, 0.3, 0.95):
            found = log_even(setting_of(spectrum, lr=fraction * edge, batch_size=b), order)
            assert 0 <= found.upper - found.lower < 1e-7 * max(abs(found.value), 1e-3)


def test_sphere_operator_agrees_with_the_sixth_moment():
    problem, sgd = gaussian([1.0, 0.3]), SGD(lr=0.4)
    one, other = (
        linsgd.spectral_function(problem, sgd, 6.0, method=m)
        for m in ("even_moments", "sphere_operator")
    )
    assert one.value == pytest.approx(other.value, rel=1e-7)


def test_brackets_with_the_sixth_moment_are_narrower():
    points = {float(s): Interval.about(0.1 * s * (s - 4.5), 0.0) for s in (2, 4, 6)}
    two, three = bracket({s: points[s] for s in (2.0, 4.0)}), bracket(points)
    assert two[0] <= three[0] <= 4.5 <= three[1] <= two[1]
    assert three[1] - three[0] < 2


def test_a_moment_at_one_fixes_the_exponent():
    lr = linsgd.moment_threshold(gaussian([1.0, 0.4, 0.1]), SGD(lr=1.0), 4).value
    found = linsgd.tail_exponent(gaussian([1.0, 0.4, 0.1]), SGD(lr=lr), method="even_moments")
    assert found.value == 4.0
    assert found.status == "power_law"
    assert 4 - 1e-6 < found.lower <= 4 <= found.upper < 4 + 1e-6
