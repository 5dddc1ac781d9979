"""What is stated of observables beforehand, against what chains show, and the outlying row."""

import numpy as np
import pytest

from linsgd import SGD, LinearRegression, StudentNoise
from linsgd.claims.case import at_steps
from linsgd.claims.ensembles import heavy_ball, large_batch
from linsgd.claims.experiment import StratifiedChains
from linsgd.claims.premises import measurement
from linsgd.claims.problems import NamedProblem, gaussian
from linsgd.judge.intervals import KnownSkewness, KnownVariance, Unknown
from linsgd.judge.observables import Exceeds, Linear
from linsgd.theory.discrete.draws import draws


def with_outlier(rows, size, seed):
    """Gaussian rows; row 0 replaced by size (1, 0.3) with a label of its own."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, 2))
    y = X.sum(axis=1) + rng.standard_normal(rows)
    X[0] = size * np.array([1.0, 0.3])
    y[0] = X[0].sum() + size
    return NamedProblem("data", LinearRegression.from_data(X, y))


def sample_skewness(values):
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    return (z**3).mean(axis=0)


def test_the_skewness_of_draws_is_that_of_mild_chains():
    case = heavy_ball(gaussian())
    single = draws(case.problem, case.sgd, case.law, case.start)
    for directions, stated in (
        (case.position, single.position),
        (case.velocity, single.velocity),
    ):
        states = case.experiment.sample(range(2**15), 1)
        found = sample_skewness(case.squares(directions)(states)).max()
        assert 0.7 < found / stated < 1.5
    assert single.gain == 0


def test_an_outlying_row_is_seen_without_being_drawn():
    case = large_batch(with_outlier(2000, 10, 0))
    single = draws(case.problem, case.sgd, case.law, case.start)
    assert single.position > 10
    assert single.gain > 1
    assert np.flatnonzero(single.strong).tolist() == [0]
    rest = draws(case.problem, case.sgd, case.law, case.start, left_out=single.strong)
    assert rest.position < 4
    assert rest.gain == 0


def test_a_linear_observable_has_the_exact_variance():
    case = heavy_ball(gaussian())
    premise = case.simulation(Linear(case.mean_state(), case.position)).premise
    assert isinstance(premise, KnownVariance)
    np.testing.assert_allclose(premise.variance, case.law.position_variance[-1][case.modes])


def test_mild_data_are_measured_in_plain_chains_and_an_outlier_in_strata():
    mild, outlying = (heavy_ball(p) for p in (gaussian(), with_outlier(2000, 10, 0)))
    plain = measurement(mild, mild.squares(mild.position))
    assert isinstance(plain.premise, KnownSkewness)
    assert plain.premise.skewness < 6
    split = measurement(outlying, outlying.squares(outlying.position))
    assert isinstance(split.experiment, StratifiedChains)
    assert split.experiment.strata.marked.tolist() == [0]
    assert plain.experiment.fingerprint() != split.experiment.fingerprint()


def test_laws_of_unknown_moments_and_other_observables_get_no_interval():
    problem = LinearRegression.gaussian([1.0, 0.5], noise="laplace")
    heavy = LinearRegression.gaussian([1.0, 0.5], noise=StudentNoise(dof=3))
    known, unknown = (
        at_steps(NamedProblem("law", p), SGD(lr=0.05, batch_size=4), [8]) for p in (problem, heavy)
    )
    assert isinstance(known.simulation(known.squares(known.position)).premise, KnownSkewness)
    assert isinstance(unknown.simulation(unknown.squares(unknown.position)).premise, Unknown)
    event = Exceeds(known.squares(known.position), np.zeros(2))
    with pytest.raises(ValueError, match="observable"):
        known.simulation(event)
