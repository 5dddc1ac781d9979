"""Chains under a schedule of the learning rate have the exact risk of `risk_curve`."""

import numpy as np
import pytest

import linsgd
from linsgd import SGD, LinearRegression, Schedule

SCHEDULE = Schedule.warmup(10) * Schedule.cosine(60)


@pytest.mark.cases(3)
@pytest.mark.parametrize("engine", ["full", "reduced"])
@pytest.mark.parametrize(
    "sgd",
    [SGD(0.4, 4), SGD(0.1, 4, 0.9, dampening=0.2), SGD(0.1, 4, 0.8, nesterov=True)],
    ids=["plain", "dampened", "nesterov"],
)
def test_the_measured_risk_is_the_exact_one(sgd, engine):
    problem = LinearRegression.gaussian([1.0, 0.3, 0.1], 0.5, [1.0, -1.0, 2.0])
    steps = [5, 20, 60]
    run = linsgd.simulate(problem, sgd, steps, 4096, schedule=SCHEDULE, engine=engine)
    exact = linsgd.risk_curve(problem, sgd, steps, SCHEDULE).excess_risk
    z = (run.excess_risk - exact) / run.standard_error("excess_risk")
    # Student's law of 63 degrees of freedom exceeds 6.5 with a probability below 2e-8
    assert (np.abs(z) < 6.5).all()
    constant = linsgd.risk_curve(problem, sgd, steps).excess_risk
    assert (np.abs(run.excess_risk - constant) / run.standard_error("excess_risk") > 6.5).any()


def test_a_constant_schedule_gives_the_bits_of_none():
    problem = LinearRegression.gaussian([1.0, 0.3])
    plain = linsgd.simulate(problem, SGD(0.2, 4, 0.5), 30, 128)
    scheduled = linsgd.simulate(problem, SGD(0.4, 4, 0.5), 30, 128, schedule=Schedule.constant(0.5))
    assert plain.mean().tolist() == scheduled.mean().tolist()


def test_data_are_walked_under_a_schedule():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((30, 2))
    problem = LinearRegression.from_data(X, X @ [1.0, -1.0] + rng.standard_normal(30))
    run = linsgd.simulate(problem, SGD(0.2, 4), 60, 4096, schedule=SCHEDULE)
    exact = linsgd.risk_curve(problem, SGD(0.2, 4), [60], SCHEDULE).excess_risk[0]
    assert abs(run.excess_risk - exact) < 6.5 * run.standard_error("excess_risk")


def test_what_a_schedule_cannot_serve_is_refused():
    problem = LinearRegression.gaussian([1.0, 1.0])
    with pytest.raises(ValueError, match=r"sgd = Adam.* where a schedule is given"):
        linsgd.simulate(problem, linsgd.Adam(0.1), 10, schedule=SCHEDULE)
    with pytest.raises(ValueError, match=r"schedule = 0\.5"):
        linsgd.simulate(problem, SGD(0.1), 10, schedule=0.5)
    with pytest.raises(ValueError, match="steps = 10"):
        linsgd.simulate(problem, SGD(0.1), 10, schedule=Schedule.from_factors([1.0]))
    with pytest.raises(ValueError, match="'radial' with ScheduledSGDUpdate"):
        linsgd.simulate(problem, SGD(0.1), 10, schedule=SCHEDULE, engine="radial")


@pytest.mark.parametrize("sgd", [SGD(0.1, 4, 0.9, dampening=0.2), SGD(0.1, 4, 0.8, nesterov=True)])
def test_momentum_follows_its_schedule(sgd):
    problem = LinearRegression.gaussian([1.0, 0.3, 0.1], 0.5, [1.0, -1.0, 2.0])
    falling, steps = Schedule.linear(30, final=0.1), [5, 20, 60]
    run = linsgd.simulate(problem, sgd, steps, 4096, schedule=SCHEDULE, momentum_schedule=falling)
    exact = linsgd.risk_curve(problem, sgd, steps, SCHEDULE, momentum_schedule=falling).excess_risk
    error = run.standard_error("excess_risk")
    assert (np.abs(run.excess_risk - exact) / error < 6.5).all()
    constant = linsgd.risk_curve(problem, sgd, steps, SCHEDULE).excess_risk
    assert (np.abs(run.excess_risk - constant) / error > 6.5).any()
    with pytest.raises(ValueError, match="momentum at step 0 = 1"):
        linsgd.simulate(problem, sgd, 3, momentum_schedule=Schedule.constant(2.0))


RAMP = Schedule.constant().then(7, Schedule.constant(3.0).then(20, Schedule.constant(8.0)))


@pytest.mark.cases(2)
@pytest.mark.parametrize("engine", ["full", "reduced"])
@pytest.mark.parametrize("d", [1, 3])
def test_batches_follow_their_schedule(engine, d):
    problem = LinearRegression.gaussian([1.0, 0.3, 0.1][:d], 0.5, [1.0, -1.0, 2.0][:d])
    sgd, steps = SGD(0.4, 2, 0.5), [5, 7, 20, 60]
    run = linsgd.simulate(problem, sgd, steps, 4096, batch_schedule=RAMP, engine=engine)
    exact = linsgd.risk_curve(problem, sgd, steps, batch_schedule=RAMP).excess_risk
    error = run.standard_error("excess_risk")
    assert (np.abs(run.excess_risk - exact) / error < 6.5).all()
    constant = linsgd.risk_curve(problem, sgd, steps).excess_risk
    assert (np.abs(run.excess_risk - constant) / error > 6.5).any()


def test_batches_of_rows_follow_their_schedule():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((30, 2))
    problem = LinearRegression.from_data(X, X @ [1.0, -1.0] + rng.standard_normal(30))
    sgd = SGD(0.3, 2, replacement=False)
    run = linsgd.simulate(problem, sgd, [20, 60], 4096, batch_schedule=RAMP)
    exact = linsgd.moments(problem, sgd, [20, 60], batch_schedule=RAMP).excess_risk
    error = run.standard_error("excess_risk")
    assert (np.abs(run.excess_risk - exact) < 6.5 * error).all()
    constant = linsgd.moments(problem, sgd, [20, 60]).excess_risk
    assert (np.abs(run.excess_risk - constant) > 6.5 * error).any()


def test_where_one_looks_does_not_change_the_chains():
    problem = LinearRegression.gaussian([1.0, 0.3])
    looked, plain = (
        linsgd.simulate(problem, SGD(0.2, 2), at, 128, batch_schedule=RAMP)
        for at in ([0, 3, 7, 8, 30], [30])
    )
    assert looked.mean()[-1].tolist() == plain.mean()[0].tolist()


def test_batches_that_cannot_be_drawn_are_refused():
    problem = LinearRegression.from_data(np.eye(4), np.ones(4))
    with pytest.raises(ValueError, match=r"batch size at step 0 = 1\.5"):
        linsgd.simulate(problem, SGD(0.1), 9, batch_schedule=Schedule.constant(1.5))
    with pytest.raises(ValueError, match="'independent' under a batch schedule"):
        linsgd.simulate(problem, SGD(0.1, sampling="epoch"), 9, batch_schedule=RAMP)
    with pytest.raises(ValueError, match=r"batch_size = 8"):
        linsgd.simulate(problem, SGD(0.1, replacement=False), 40, batch_schedule=RAMP)
