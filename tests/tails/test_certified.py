"""Enclosures by ball arithmetic hold what mpmath and quadrature find."""

import pytest

import linsgd
from linsgd.theory.tails.isotropic import certified
from linsgd.theory.tails.setting import Setting

pytest.importorskip("flint")

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("lr", "b", "decay"),
    [
        (2.2, 1, 0.0),
        (0.5, 40, 0.0),
        (0.3, 2, 0.5),
        pytest.param(0.01, 1, 0.0, marks=pytest.mark.nightly),
        (0.5, 2, 2.5),
        (0.5, 3, 2.0),
        pytest.param(1.9, 300, 0.0, marks=pytest.mark.nightly),
    ],
)
def test_enclosures_hold_the_exponent_and_are_narrow(lr, b, decay):
    problem, sgd = gaussian([1.0]), SGD(lr=lr, batch_size=b, weight_decay=decay)
    proved, exact = (linsgd.tail_exponent(problem, sgd, method=m) for m in ("certified", "mpmath"))
    assert proved.guarantee == "rigorous"
    assert proved.lower < exact.value < proved.upper
    assert proved.upper - proved.lower < 1e-10 * exact.value
    rho = [linsgd.lyapunov_exponent(problem, sgd, method=m) for m in ("certified", "mpmath")]
    assert rho[0].lower < rho[1].value < rho[0].upper
    assert rho[0].upper - rho[0].lower < 1e-9


def test_known_values_are_enclosed():
    problem = gaussian([1.0])
    two = linsgd.tail_exponent(problem, SGD(lr=2 / 3), method="certified")
    assert two.lower < 2 < two.upper
    h = linsgd.spectral_function(problem, SGD(lr=0.5), 2.0, method="certified")
    assert h.lower <= 0.75 <= h.upper
    assert h.upper - h.lower < 1e-14


def test_no_stationary_law_is_proved():
    found = linsgd.tail_exponent(gaussian([1.0]), SGD(lr=2.5), method="certified")
    assert (found.status, found.guarantee) == ("no_stationary_law", "rigorous")


def test_other_settings_are_refused():
    with pytest.raises(ValueError, match="'certified' needs one feature"):
        linsgd.tail_exponent(gaussian([1.0, 1.0]), SGD(lr=0.5), method="certified")


@pytest.mark.parametrize("b", [1, 2, 3, 10, 100, 1000])
@pytest.mark.parametrize("decay", [0.0, 0.3, 2.0])
def test_the_bounds_of_double_precision_are_proved(b, decay):
    # a backward error of 3e-13 in the learning rate, from deep in the tail to the edge of stability
    problem = gaussian([1.0])
    edge = linsgd.stability(
        problem, SGD(lr=1.0, batch_size=b, weight_decay=decay)
    ).lr_almost_sure.lower
    for fraction in (0.25, 0.6, 0.9, 0.999):
        sgd = SGD(lr=fraction * edge, batch_size=b, weight_decay=decay)
        found = linsgd.tail_exponent(problem, sgd, method="quadrature")
        setting = Setting.of(problem, sgd)
        low, high = (certified.log_spectral(setting, float(s)) for s in (found.lower, found.upper))
        assert low.upper < 0 < high.lower
        assert found.upper - found.lower < 1e-9 * max(found.value, 1.0)


@pytest.mark.parametrize(("lr", "least"), [(1e-5, 1e4), (1e-6, 1e5), (1e-9, 1e6)])
def test_exponents_beyond_the_functions_are_bounded_from_below(lr, least):
    found = linsgd.tail_exponent(gaussian([1.0]), SGD(lr=lr), method="certified")
    assert (found.status, found.guarantee) == ("unresolved", "rigorous")
    assert least <= found.lower < 1.7956 / lr  # the exponent is just below that
    assert found.upper == float("inf")
