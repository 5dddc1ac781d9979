"""Averages of the iterates, momentum schedules and starts against matrices over all coordinates."""

import numpy as np
import pytest

import linsgd
from linsgd import SGD, ExponentialAverage, LinearRegression, PowerLaw, Schedule, TailAverage

H = np.array([[2.0, 0.6, 0.1], [0.6, 1.0, 0.3], [0.1, 0.3, 0.5]])
OPTIMUM = np.array([1.0, -0.5, 2.0])
NOISE = 0.7
PROBLEM = LinearRegression.gaussian(H, noise_std=NOISE, optimum=OPTIMUM)
OPTIMIZERS = [
    SGD(lr=0.15, batch_size=3),
    SGD(lr=0.05, batch_size=3, momentum=0.8, dampening=0.3, weight_decay=0.1),
    SGD(lr=0.05, batch_size=3, momentum=0.8, nesterov=True, weight_decay=0.1),
]
AVERAGES = [TailAverage(), TailAverage(7), ExponentialAverage(0.9)]


def brute_force(sgd, steps, average=None, start=None, momenta=None):
    """Return the excess risk of the iterate or its average after 0, ..., `steps` steps.

    E z z' of z = (w - w*, v, a - w*, 1) in full matrices, a the average.
    """
    d, decay = 3, sgd.weight_decay
    w, v = (np.zeros(d), np.zeros(d)) if start is None else start
    z = np.concatenate([w - OPTIMUM, v, w - OPTIMUM, [1.0]])
    Z, risks, eye = np.outer(z, z), [], np.eye(d)
    W, V, A = slice(0, d), slice(d, 2 * d), slice(2 * d, 3 * d)
    for k in range(steps + 1):
        first = 0 if average is None else getattr(average, "first", 0)
        risks.append(np.trace(H @ Z[A, A]) / 2 if average else np.trace(H @ Z[W, W]) / 2)
        m = sgd.momentum if momenta is None else momenta[k]
        a = 1.0 if (k == 0 and start is None) or m == 0 else 1 - sgd.dampening
        gradient = np.zeros((d, 3 * d + 1))
        gradient[:, W], gradient[:, -1] = H + decay * eye, decay * OPTIMUM
        velocity = -a * gradient
        velocity[:, V] += m * eye
        position = sgd.lr * (m * velocity - gradient if sgd.nesterov else velocity)
        position[:, W] += eye
        c_w = -sgd.lr * ((1 + m) if sgd.nesterov else a)
        # r and g of the average, which is the iterate itself until its first step
        if k < first or average is None:
            r = 0.0
        elif isinstance(average, TailAverage):
            r = (k - first + 1) / (k - first + 2)
        else:
            r = average.decay
        B = np.zeros((3 * d + 1, 3 * d + 1))
        B[W], B[V], B[-1, -1] = position, velocity, 1
        B[A] = (1 - r) * position
        B[A, A] += r * eye
        c = np.vstack([c_w * eye, -a * eye, (1 - r) * c_w * eye, np.zeros((1, d))])
        M = Z[W, W]
        noise = ((np.trace(H @ M) + NOISE**2) * H + H @ M @ H) / sgd.batch_size
        Z = B @ Z @ B.T + c @ noise @ c.T
    return np.array(risks)


@pytest.mark.parametrize("average", AVERAGES, ids=repr)
@pytest.mark.parametrize("sgd", OPTIMIZERS, ids=repr)
def test_averages_are_those_of_full_matrices(sgd, average):
    steps = np.arange(average.first, 41)
    curve = linsgd.risk_curve(PROBLEM, sgd, steps, average=average)
    expected = brute_force(sgd, 40, average)[average.first :]
    assert curve.excess_risk == pytest.approx(expected, rel=1e-11, abs=0)


@pytest.mark.parametrize("sgd", OPTIMIZERS, ids=repr)
def test_any_start(sgd):
    start = (np.array([0.3, 1.0, -1.0]), np.array([0.5, -2.0, 0.1]))
    curve = linsgd.risk_curve(PROBLEM, sgd, range(41), start=start)
    assert curve.excess_risk == pytest.approx(brute_force(sgd, 40, start=start), rel=1e-11, abs=0)
    averaged = linsgd.risk_curve(PROBLEM, sgd, range(41), start=start, average=TailAverage())
    expected = brute_force(sgd, 40, TailAverage(), start=start)
    assert averaged.excess_risk == pytest.approx(expected, rel=1e-11, abs=0)


@pytest.mark.parametrize("sgd", OPTIMIZERS[1:], ids=repr)
def test_momentum_follows_its_schedule(sgd):
    schedule = Schedule.linear(30, final=1.2, start=0.5)
    curve = linsgd.risk_curve(PROBLEM, sgd, range(41), momentum_schedule=schedule)
    expected = brute_force(sgd, 40, momenta=sgd.momentum * schedule(range(41)))
    assert curve.excess_risk == pytest.approx(expected, rel=1e-11, abs=0)


def test_finite_data_follow_momentum_and_start():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20, 3))
    problem = LinearRegression.from_data(X, X @ [1.0, -1.0, 0.5] + rng.normal(size=20))
    sgd, start = SGD(lr=0.1, batch_size=4, momentum=0.5), (np.ones(3), -np.ones(3))
    curve = linsgd.risk_curve(problem, sgd, [0, 1, 9], start=start)
    expected = linsgd.moments(problem, sgd, [0, 1, 9], start).excess_risk
    assert curve.excess_risk == pytest.approx(expected, rel=1e-12, abs=0)
    halved = Schedule.constant(0.5)
    once = linsgd.risk_curve(problem, sgd, [9], momentum_schedule=halved).excess_risk
    assert once == pytest.approx(linsgd.moments(problem, SGD(0.1, 4, 0.25), [9]).excess_risk)


def test_instability_by_momentum_is_seen():
    problem = LinearRegression.gaussian([1.0])
    sgd, schedule = SGD(lr=2.2, batch_size=64, momentum=0.5), Schedule.linear(50, 0.1, 1.0)
    edges = [
        linsgd.stability(problem, SGD(2.2, 64, 0.5 * factor)).lr_mean_square
        for factor in schedule(range(50))
    ]
    curve = linsgd.risk_curve(problem, sgd, [50], momentum_schedule=schedule)
    stable = np.array(edges) > 2.2
    assert stable[0]
    assert not stable.all()
    assert curve.unstable_from == int((~stable).argmax())


def test_averages_far_on_agree_with_a_scaling_of_the_noise():
    # without signal the average of n iterates of a fast mode has variance lr-independent sigma^2/n
    problem = LinearRegression.gaussian([1.0], noise_std=1.0)
    average = TailAverage(30_000)
    risk = linsgd.risk_curve(problem, SGD(lr=0.01), [130_000], average=average).excess_risk[0]
    assert risk == pytest.approx(0.5 / 100_001, rel=0.02)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"average": TailAverage(9)}, r"steps = 3 .* \[9, "),
        ({"average": 0.9}, "average = 0.9"),
        ({"average": TailAverage(), "theory": "homogenized"}, "theory = 'homogenized'"),
        ({"momentum_schedule": Schedule.constant(1.5)}, "momentum at step 0 = 1.2"),
        ({"momentum_schedule": Schedule.constant(0.0)}, "momentum at step 0 = 0.0"),
        ({"momentum_schedule": 0.5}, "momentum_schedule = 0.5"),
        ({"start": np.zeros(3)}, "start = "),
        ({"start": (np.zeros(2), np.zeros(3))}, r"start\[0\]"),
    ],
)
def test_bad_input_is_refused(options, named):
    sgd = SGD(lr=0.1, momentum=0.0 if "theory" in options else 0.8)
    with pytest.raises(ValueError, match=named):
        linsgd.risk_curve(PROBLEM, sgd, [3], **options)


def test_what_has_no_average_or_start_is_refused():
    rng = np.random.default_rng(0)
    data = LinearRegression.from_data(rng.normal(size=(9, 2)), rng.normal(size=9))
    with pytest.raises(ValueError, match="average = "):
        linsgd.risk_curve(data, SGD(lr=0.1), [3], average=TailAverage())
    law = PowerLaw(exponent=1.5, source=0.5)
    with pytest.raises(ValueError, match="start = "):
        linsgd.risk_curve(law, SGD(lr=0.1), [3], start=(np.zeros(1), np.zeros(1)))
    for make in (lambda: TailAverage(-1), lambda: ExponentialAverage(1.0)):
        with pytest.raises(ValueError, match=r"first = -1|decay = 1.0"):
            make()
