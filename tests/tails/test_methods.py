"""The table of methods: each covers what it computes, one from outside is used, others refused."""

import dataclasses
import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails import methods
from linsgd.theory.tails.isotropic import quadrature
from linsgd.theory.tails.methods import METHODS, Method
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.result import Interval

gaussian, SGD = linsgd.LinearRegression.gaussian, linsgd.SGD
SIGNS = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0]))


def two_atoms(setting):
    """The factors of batches of one row of one column: 1 - lr x^2."""
    return np.abs(1 - setting.step_size * setting.features.X[:, 0] ** 2)


def one_column(setting):
    law = setting.features
    covered = isinstance(law, linsgd.problems.features.FiniteData) and setting.dimension == 1
    plain = not setting.momentum and not setting.decay and setting.batch == 1
    return "" if covered and plain and setting.replacement else "one row of one column a step"


# What docs tell a newcomer to write: three functions and a record.
OWN = Method(
    name="own",
    covers=one_column,
    lyapunov=lambda setting, budget: Interval.about(np.log(two_atoms(setting)).mean(), 1e-12),
    log_spectral=lambda setting, s, budget: Interval.about(
        math.log((two_atoms(setting) ** s).mean()), 1e-12
    ),
    exponent=lambda setting, budget: Interval.between(0.0, math.inf),
)
COLUMN = linsgd.LinearRegression.from_data([[1.0], [1.5], [0.2]], [1.0, -1.0, 2.0])


def test_a_method_from_outside_is_used():
    sgd = SGD(lr=1.1)
    for s in (0.5, 3.0):
        found, shipped = (
            linsgd.spectral_function(COLUMN, sgd, s, method) for method in (OWN, "scalar")
        )
        assert (found.method, str(found.guarantee)) == ("own", "numerical")
        assert found.value == pytest.approx(shipped.value, rel=1e-12)
    rho = linsgd.lyapunov_exponent(COLUMN, sgd, OWN)
    assert rho.value == pytest.approx(linsgd.lyapunov_exponent(COLUMN, sgd).value, rel=1e-12)
    unresolved = linsgd.tail_exponent(COLUMN, sgd, OWN)  # within the exact second moment
    assert (str(unresolved.status), unresolved.method) == ("unresolved", "own")
    shipped = linsgd.tail_exponent(COLUMN, sgd)
    assert unresolved.lower <= shipped.value <= unresolved.upper


def test_a_method_from_outside_is_refused_where_it_does_not_apply():
    for problem, sgd in ((COLUMN, SGD(lr=0.1, momentum=0.5)), (gaussian([1.0]), SGD(lr=0.5))):
        with pytest.raises(ValueError, match=r"method = 'own'.*'own' needs one row of one column"):
            linsgd.lyapunov_exponent(problem, sgd, OWN)


@pytest.mark.parametrize("name", ["auto", "quadrature"])
def test_a_method_with_a_name_that_is_taken_is_refused(name):
    with pytest.raises(ValueError, match=r"method\.name"):
        linsgd.tail_exponent(COLUMN, SGD(lr=1.1), dataclasses.replace(OWN, name=name))


@pytest.mark.parametrize("method", ["", "Quadrature", None, 3, quadrature, Method])
def test_anything_else_is_refused(method):
    with pytest.raises(ValueError, match="method"):
        linsgd.tail_exponent(gaussian([1.0]), SGD(lr=0.5), method)


def test_a_method_bears_the_name_of_its_module_or_folder():
    for method in METHODS:
        assert method.name in method.exponent.__module__.split(".")
        assert len({method.lyapunov.__module__, method.exponent.__module__}) == 1


def test_the_table_of_the_docstring_names_every_method():
    assert len(set(methods.NAMES)) == len(METHODS)
    for name in methods.NAMES:
        assert f'"{name}"' in linsgd.lyapunov_exponent.__doc__


def test_samplers_state_their_confidence_and_no_other_does():
    stated = {method.name: method.confidence for method in METHODS if method.confidence}
    assert stated == {"sampled_line": 0.999, "particles": 0.999}


def test_at_alpha_two_a_wide_operator_is_narrowed():
    # the operator on Gram matrices does not resolve it at all; h(2) = 1 there, exactly
    found = linsgd.tail_exponent(gaussian([1.0]), SGD(lr=3 / 7, momentum=0.5))
    assert found.method == "projective_line"
    assert found.value == pytest.approx(2.0, abs=1e-12)
    assert found.lower <= 2.0 <= found.upper < found.lower + 1e-6


class Warped(linsgd.GaussianFeatures):
    """A subclass of a law that ships, with another sampler."""

    def white(self, shape, rng):
        return rng.choice(np.array([-1.0, 1.0]), shape)


def test_a_subclass_of_a_law_is_not_answered_as_that_law():
    with pytest.raises(ValueError, match=r"^law = Warped\(.*a law that ships"):
        linsgd.LinearRegression.from_features(Warped([1.0, 0.5]))


@pytest.fixture
def small_populations(monkeypatch):
    """Fewer particles and steps: wider intervals, a fraction of the time."""
    monkeypatch.setattr(population, "POPULATION", 40)
    monkeypatch.setattr(population, "STEPS", 40)
    monkeypatch.setattr(population, "SETTLING", 20)


@pytest.mark.parametrize(("power", "momentum"), [(-36, 0.5), (-20, 0.0), (40, 0.0)])
def test_the_unit_of_the_features_does_not_matter(power, momentum, small_populations):
    # proposals in single precision would overflow, and squares of squares underflow
    rows, unit = np.random.default_rng(0).standard_normal((12, 3)), 10.0**power
    plain, scaled = (
        linsgd.spectral_function(
            linsgd.LinearRegression.from_data(c * rows, np.arange(12.0)),
            SGD(lr=0.2 / c**2, batch_size=2, momentum=momentum),
            1.0,
            method="particles",
        )
        for c in (1.0, unit)
    )
    assert scaled.value == pytest.approx(plain.value, rel=1e-3)


def test_features_of_vanishing_size_shrink_nothing():
    rows = np.random.default_rng(0).standard_normal((12, 3)) * 1e-70
    problem = linsgd.LinearRegression.from_data(rows, np.arange(12.0))
    rho = linsgd.lyapunov_exponent(problem, SGD(lr=1.0), method="even_moments")
    assert rho.upper == pytest.approx(0.0, abs=1e-10)


def test_a_budget_that_is_spent_leaves_the_bounds_of_exact_moments(small_populations):
    rows, calls = np.random.default_rng(0).standard_normal((12, 3)), []
    problem, sgd = linsgd.LinearRegression.from_data(rows, np.arange(12.0)), SGD(lr=0.3)
    taken = population.REPLICAS * 40 * 60  # by rho
    found = linsgd.tail_exponent(
        problem,
        sgd,
        budget=1.5 * taken,
        progress=lambda done, planned: calls.append((done, planned)),
    )
    assert (str(found.status), found.method) == ("unresolved", "even_moments")
    assert "budget" in found.reason
    known = linsgd.tail_exponent(problem, sgd, method="even_moments")
    assert (found.lower, found.upper) == (known.lower, known.upper)
    done, planned = zip(*calls, strict=True)
    assert list(done) == sorted(done)
    assert taken < done[-1] <= 1.5 * taken
    assert planned[0] == taken
    assert planned[-1] > done[-1]


@pytest.mark.parametrize("budget", [0.0, -1.0, math.nan, "much"])
def test_a_budget_is_positive(budget):
    with pytest.raises(ValueError, match="budget"):
        linsgd.tail_exponent(gaussian([1.0]), SGD(lr=0.5), budget=budget)
