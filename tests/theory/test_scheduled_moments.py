"""Moments under schedules: the constant case, torch-like stretches, the risk curve, chains."""

import numpy as np
import pytest

import linsgd
from linsgd import SGD, LinearRegression, Schedule

STEPS = [0, 1, 7, 30, 60]
PROBLEM = LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.5]], 0.5, [1.0, -2.0])
DATA = LinearRegression.from_data(
    np.random.default_rng(3).standard_normal((20, 2)), np.random.default_rng(4).standard_normal(20)
)
FALLING = Schedule.warmup(10) * Schedule.cosine(60)
RAMP = Schedule.constant(1.0).then(30, Schedule.constant(2.0))
OPTIMIZERS = [
    SGD(0.2, 4),
    SGD(0.1, 4, 0.9, dampening=0.2, weight_decay=0.1),
    SGD(0.1, 4, 0.8, nesterov=True),
]


def numbers(law):
    return np.concatenate(
        [
            np.ravel(part)
            for part in (
                law.mean,
                law.velocity_mean,
                law.position_covariance(),
                law.cross_covariance(),
                law.velocity_covariance(),
                law.excess_loss,
            )
        ]
    )


@pytest.mark.parametrize("problem", [PROBLEM, DATA], ids=["gaussian", "data"])
@pytest.mark.parametrize("sgd", OPTIMIZERS, ids=["plain", "dampened", "nesterov"])
def test_a_constant_schedule_is_another_optimizer(problem, sgd):
    double = SGD(2 * sgd.lr, 2, sgd.momentum, sgd.dampening, sgd.nesterov, sgd.weight_decay)
    halved = Schedule.constant(0.5)
    found = linsgd.moments(
        problem, double, STEPS, schedule=halved, batch_schedule=Schedule.constant(2.0)
    )
    expected = linsgd.moments(problem, sgd, STEPS)
    assert numbers(found) == pytest.approx(numbers(expected), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("problem", [PROBLEM, DATA], ids=["gaussian", "data"])
@pytest.mark.parametrize("sgd", OPTIMIZERS, ids=["plain", "dampened", "nesterov"])
def test_stretches_go_on_from_each_others_law(problem, sgd):
    stairs = Schedule.step(25, 0.4)
    found = linsgd.moments(problem, sgd, 60, schedule=stairs)
    law = None
    for factor, length in ((1.0, 25), (0.4, 25), (0.16, 10)):
        now = SGD(sgd.lr * factor, 4, sgd.momentum, sgd.dampening, sgd.nesterov, sgd.weight_decay)
        law = linsgd.moments(problem, now, length, start=law)
    assert numbers(found) == pytest.approx(numbers(law), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("sgd", OPTIMIZERS[1:], ids=["dampened", "nesterov"])
def test_the_risk_is_that_of_the_risk_curve(sgd):
    schedules = (FALLING, RAMP, Schedule.linear(60, 0.5))
    law = linsgd.moments(
        PROBLEM,
        sgd,
        STEPS,
        schedule=schedules[0],
        batch_schedule=schedules[1],
        momentum_schedule=schedules[2],
    )
    curve = linsgd.risk_curve(
        PROBLEM, sgd, STEPS, schedules[0], schedules[1], momentum_schedule=schedules[2]
    )
    assert law.excess_risk == pytest.approx(curve.excess_risk, rel=1e-10)


def test_a_schedule_that_cannot_be_followed_is_refused():
    sgd = SGD(0.1, 4, 0.9)
    short = Schedule.from_factors([1.0, 0.5])
    refused = {
        "steps = 3": {"schedule": short},
        "batch size at step 0 = 6.": {"batch_schedule": Schedule.constant(1.51)},
        "momentum at step 0 = 1.8": {"momentum_schedule": Schedule.constant(2.0)},
        "theory = 'langevin'": {"schedule": FALLING, "theory": "langevin"},
        "schedule = 0.5": {"schedule": 0.5},
    }
    for message, given in refused.items():
        with pytest.raises(ValueError, match=message):
            linsgd.moments(PROBLEM, sgd, 3, **given)
    heavy = LinearRegression.from_features(linsgd.StudentFeatures([1.0], dof=3.5))
    with pytest.raises(ValueError, match="finite fourth moments under a schedule"):
        linsgd.moments(heavy, SGD(0.1), 3, schedule=FALLING)


def test_flat_and_spiked_spectra():
    assert LinearRegression.isotropic(3, 2.0) == LinearRegression.gaussian([2.0, 2.0, 2.0])
    spiked = LinearRegression.spiked([9.0, 4.0], 4, 0.5, 0.1, np.ones(4))
    assert spiked == LinearRegression.gaussian([9.0, 4.0, 0.5, 0.5], 0.1, np.ones(4))
    for message, call in {
        "dimension = 1": lambda: LinearRegression.spiked([9.0, 4.0], 1),
        r"spikes\[0\] = -1": lambda: LinearRegression.spiked([-1.0], 2),
        "variance = 0": lambda: LinearRegression.isotropic(2, 0.0),
        "spikes": lambda: LinearRegression.spiked(3.0, 2),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()
