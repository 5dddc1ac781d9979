"""Risk curves against the plain recursion, the exact moments, and sums in high precision."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import linsgd
from linsgd import SGD, LinearRegression, PowerLaw, Schedule

from . import full_recursion

H = np.arange(1.0, 1501.0) ** -1.3
OPTIMUM = np.arange(1.0, 1501.0) ** -0.2
OPTIMIZERS = [
    SGD(lr=0.6, batch_size=4),
    SGD(lr=1.6, batch_size=200),
    SGD(lr=0.1, batch_size=4, momentum=0.9),
    SGD(lr=0.1, batch_size=4, momentum=0.9, dampening=0.2),
    SGD(lr=0.1, batch_size=4, momentum=0.9, dampening=0.3, weight_decay=0.01),
    SGD(lr=0.1, batch_size=4, momentum=0.8, nesterov=True, weight_decay=0.1),
]
SCHEDULES = {
    "constant": (None, None),
    "warmup and cosine, batch doubled": (
        Schedule.warmup(40) * Schedule.cosine(300),
        Schedule.constant().then(150, Schedule.constant(2)),
    ),
    "steps": (Schedule.step(70, 0.3), None),
}


@pytest.mark.cases(8)
@pytest.mark.parametrize("sgd", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("schedules", SCHEDULES.values(), ids=SCHEDULES)
def test_every_step_is_that_of_the_full_recursion(sgd, schedules):
    steps = np.arange(301)
    problem = LinearRegression.gaussian(H, noise_std=0.3, optimum=OPTIMUM)
    curve = linsgd.risk_curve(problem, sgd, steps, *schedules)
    lr, batch = (one if one is None else one(steps) for one in schedules)
    expected = full_recursion.excess_risk(
        H,
        OPTIMUM,
        sgd,
        300,
        noise_std=0.3,
        lr=None if lr is None else sgd.lr * lr,
        batch=None if batch is None else sgd.batch_size * batch,
    )
    assert curve.excess_risk == pytest.approx(expected, rel=1e-11, abs=0)
    assert curve.error.max() < 1e-10


@pytest.mark.parametrize(
    ("dimension", "steps"),
    [(10**4, 20_000), pytest.param(10**6, 1000, marks=pytest.mark.nightly)],
)
@pytest.mark.parametrize("momentum", [0.0, pytest.param(0.9, marks=pytest.mark.nightly)])
def test_long_spectra_agree_with_the_full_recursion_at_every_step(dimension, steps, momentum):
    # in place, as d = 10^6 over 1000 steps takes half a minute already
    law = PowerLaw(exponent=1.3, source=0.15, dimension=dimension)
    sgd = SGD(lr=0.5 * (1 - momentum), batch_size=4, momentum=momentum)
    cosine = Schedule.warmup(100) * Schedule.cosine(steps)
    curve = linsgd.risk_curve(law, sgd, range(steps + 1), cosine)
    h, lr = law.eigenvalues(), sgd.lr * cosine(range(steps + 1))
    ww, wv, vv = law.optimum() ** 2, np.zeros(dimension), np.zeros(dimension)
    totals = np.empty(steps + 1)
    for k in range(steps + 1):
        totals[k] = h @ ww
        noise = (h**2 * ww + h * totals[k]) / 4
        if not momentum:
            ww = (1 - lr[k] * h) ** 2 * ww + lr[k] ** 2 * noise
            continue
        # v' = m v - h w - xi, then w' = w + lr v'
        p = 1 - lr[k] * h
        q = lr[k] * momentum
        moved = p**2 * ww + 2 * p * q * wv + q**2 * vv + lr[k] ** 2 * noise
        crossed = -p * h * ww + (p * momentum - q * h) * wv + q * momentum * vv + lr[k] * noise
        vv = h**2 * ww - 2 * h * momentum * wv + momentum**2 * vv + noise
        ww, wv = moved, crossed
    assert curve.excess_risk == pytest.approx(totals / 2, rel=1e-9, abs=0)
    assert np.all(np.abs(curve.excess_risk / totals * 2 - 1) < np.maximum(10 * curve.error, 1e-12))


@pytest.mark.parametrize("sgd", OPTIMIZERS, ids=repr)
def test_far_steps_are_those_of_repeated_squaring(sgd):
    problem = LinearRegression.gaussian(H[:60], noise_std=0.3, optimum=OPTIMUM[:60])
    steps = [0, 1, 1999, 2001, 19_999, 20_001, 40_000, 10**6, 10**12]
    curve = linsgd.risk_curve(problem, sgd, steps)
    expected = linsgd.moments(problem, sgd, steps).excess_risk
    assert curve.excess_risk == pytest.approx(expected, rel=1e-10, abs=0)


def test_without_noise_slow_modes_keep_relative_accuracy():
    # one slow mode: the risk at 10^12 steps is h exp(10^12 log a)/2 for a = 1 - 2 lr h + 2 lr^2 h^2
    problem = LinearRegression.gaussian([1e-11], noise_std=0.0, optimum=[1.0])
    curve = linsgd.risk_curve(problem, SGD(lr=0.5), [10**12])
    with mpmath.workdps(40):
        h, lr = mpmath.mpf(1e-11), mpmath.mpf(0.5)
        factor = (1 - lr * h) ** 2 + 2 * lr**2 * h**2
        expected = float(h / 2 * factor ** (10**12))
    assert curve.excess_risk == pytest.approx([expected], rel=1e-10, abs=0)


def test_stretches_follow_one_another():
    problem = LinearRegression.gaussian(H[:30], noise_std=0.3, optimum=OPTIMUM[:30])
    sgd, schedule = SGD(lr=0.2, batch_size=4, momentum=0.5), Schedule.step(30_000, 0.1)
    at = [29_999, 30_000, 30_001, 60_500, 89_000]
    curve = linsgd.risk_curve(problem, sgd, at, schedule)
    listed = Schedule.from_factors(schedule(range(90_000)) * np.resize([1.0, 1 + 1e-15], 90_000))
    walked = linsgd.risk_curve(problem, sgd, at, listed)
    assert curve.excess_risk == pytest.approx(walked.excess_risk, rel=1e-10, abs=0)


def test_an_infinite_power_law_is_the_limit_of_finite_ones():
    sgd, at = SGD(lr=0.5, batch_size=4), [0, 3, 100, 3000]
    infinite = linsgd.risk_curve(PowerLaw(exponent=2.0, source=0.6), sgd, at).excess_risk
    finite = [
        linsgd.risk_curve(PowerLaw(exponent=2.0, source=0.6, dimension=d), sgd, at).excess_risk
        for d in (10**5, 2 * 10**5)
    ]
    # what is missing falls as d^-(exponent + 2 source - 1): Richardson
    ratio = 2.0**2.2
    limit = (ratio * finite[1] - finite[0]) / (ratio - 1)
    assert infinite == pytest.approx(limit, rel=1e-9, abs=0)
    assert infinite[0] == pytest.approx(float(mpmath.zeta(3.2)) / 2, rel=1e-10, abs=0)


def test_finite_data_and_other_laws_take_the_exact_recursion():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20, 3))
    problem = LinearRegression.from_data(X, X @ [1.0, -1.0, 0.5] + rng.normal(size=20))
    sgd = SGD(lr=0.1, batch_size=4, momentum=0.5, dampening=0.2, weight_decay=0.1)
    curve = linsgd.risk_curve(problem, sgd, [0, 1, 7, 30])
    expected = linsgd.moments(problem, sgd, [0, 1, 7, 30]).excess_risk
    assert curve.excess_risk == pytest.approx(expected, rel=1e-12, abs=0)
    halved = linsgd.risk_curve(problem, sgd, [30], batch_schedule=Schedule.constant(2))
    doubled = linsgd.moments(problem, SGD(0.1, 8, 0.5, 0.2, weight_decay=0.1), [30])
    assert halved.excess_risk == pytest.approx(doubled.excess_risk, rel=1e-12, abs=0)


def test_instability_is_a_status_with_its_step():
    problem = LinearRegression.gaussian([1.0, 0.5], optimum=[1.0, 1.0])
    edge = linsgd.stability(problem, SGD(lr=0.1)).lr_mean_square
    rising = Schedule.linear(100, final=2 * edge / 0.1, start=1.0)
    curve = linsgd.risk_curve(problem, SGD(lr=0.1), [0, 100], rising)
    assert curve.status == "unstable"
    assert rising([curve.unstable_from])[0] * 0.1 >= edge
    assert rising([curve.unstable_from - 1])[0] * 0.1 < edge
    diverged = linsgd.risk_curve(problem, SGD(lr=2.0), [10, 10**6])
    assert diverged.status == "unstable"
    assert np.isinf(diverged.excess_risk[1])


def test_infinite_variance_is_a_status():
    law = linsgd.StudentFeatures([1.0, 0.5], dof=3.5)
    problem = LinearRegression.from_features(law, optimum=[1.0, 0.0])
    curve = linsgd.risk_curve(problem, SGD(lr=0.1), [0, 5])
    assert curve.status == "infinite_variance"
    assert curve.excess_risk.tolist() == [0.5, np.inf]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"schedule": Schedule.from_factors([1.0, 0.5])}, "steps = 3"),
        ({"batch_schedule": Schedule.constant(1.5)}, "batch size at step 0 = 1.5"),
        ({"schedule": [1.0, 1.0, 1.0]}, "schedule = "),
    ],
)
def test_bad_schedules_are_refused(options, named):
    problem = LinearRegression.gaussian([1.0])
    with pytest.raises(ValueError, match=named):
        linsgd.risk_curve(problem, SGD(lr=0.1), [3], **options)


def test_a_power_law_of_infinite_risk_is_a_status():
    law = PowerLaw(exponent=1.5, source=-0.25)
    curve = linsgd.risk_curve(law, SGD(lr=0.1), [0, 10, 1000])
    assert curve.status == "infinite_risk"
    assert np.isinf(curve.excess_risk).all()
    finite = linsgd.risk_curve(PowerLaw(exponent=1.5, source=-0.24), SGD(lr=0.1), [0])
    assert finite.status == "ok"
    assert np.isfinite(finite.excess_risk).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda law: linsgd.matched_lr(law, SGD(lr=0.1), 10, 2),
        lambda law: linsgd.best_schedule(law, SGD(lr=0.1), 10),
        lambda law: linsgd.critical_batch_size(law, SGD(lr=0.1), 0.1),
        lambda law: linsgd.random_features_curve(law, 3, SGD(lr=0.1), [1]),
        lambda law: linsgd.risk_frontier(law, SGD(lr=0.1), [3], [1], [1]),
    ],
)
def test_what_needs_a_finite_risk_refuses_an_infinite_one(call):
    with pytest.raises(ValueError, match=r"source = -0.5 .* where the risk at w = 0 is finite"):
        call(PowerLaw(exponent=1.5, source=-0.5))
    with pytest.raises(ValueError, match=r"exponent = 0.4 "):
        PowerLaw(exponent=0.4, source=1.0)


def test_random_features_leave_their_misfit_as_label_noise():
    law = PowerLaw(exponent=1.2, source=0.7, dimension=30, noise_std=0.1)
    problem = linsgd.random_features(law, 8, np.random.default_rng(5))
    W = np.random.default_rng(5).normal(size=(30, 8)) / np.sqrt(8)
    D, b = np.diag(law.eigenvalues()), law.optimum()
    best = np.linalg.solve(W.T @ D @ W, W.T @ D @ b)
    assert problem.optimum == pytest.approx(best, rel=1e-9)
    misfit = (b - W @ best) @ D @ (b - W @ best)
    assert problem.noise_variance == pytest.approx(misfit + 0.01, rel=1e-10)


def test_the_best_schedule_is_a_minimum():
    problem = LinearRegression.gaussian(H[:50], optimum=OPTIMUM[:50], noise_std=0.5)
    best = linsgd.best_schedule(problem, SGD(lr=0.3, batch_size=2), 200, blocks=10)
    assert best.slope < 1e-6
    for i in (0, 4, 9):
        for change in (0.97, 1.03):
            factors = best.lr / 0.3
            factors[i] *= change
            schedule = Schedule.from_factors(np.repeat(factors, 20))
            sgd = SGD(lr=0.3, batch_size=2)
            other = linsgd.risk_curve(problem, sgd, [200], schedule).excess_risk[0]
            assert other > best.excess_risk
    for peak in (0.1, 0.2, 0.3, 0.4):
        cosine = linsgd.risk_curve(problem, SGD(lr=peak, batch_size=2), [200], Schedule.cosine(200))
        assert cosine.excess_risk[0] > best.excess_risk


def test_the_matched_lr_reaches_the_same_risk():
    problem = PowerLaw(exponent=1.5, source=0.5, dimension=100, noise_std=0.5)
    sgd = SGD(lr=0.01, batch_size=8, momentum=0.5)
    match = linsgd.matched_lr(problem, sgd, 4000, 32)
    again = linsgd.risk_curve(problem, SGD(match.lr, 32, 0.5), [1000]).excess_risk[0]
    assert match.status == "ok"
    assert again == pytest.approx(match.target, rel=1e-8)
    assert 0.9 < match.exponent < 1.2
    too_far = linsgd.matched_lr(problem, SGD(lr=0.2, batch_size=8), 400, 64)
    assert too_far.status == "out_of_reach"


def test_homogenized_sgd_solves_its_differential_equation():
    problem = LinearRegression.gaussian(H[:40], optimum=OPTIMUM[:40], noise_std=0.3)
    sgd, times = SGD(lr=0.3, batch_size=4), [0, 1, 10, 100, 1000]
    curve = linsgd.risk_curve(problem, sgd, times, theory="homogenized")

    def slope(t, m):
        return -0.6 * H[:40] * m + 0.3**2 / 4 * H[:40] * (H[:40] @ m + 0.3**2)

    path = solve_ivp(slope, (0, 1000), OPTIMUM[:40] ** 2, "DOP853", times, rtol=1e-12, atol=1e-14)
    assert curve.excess_risk == pytest.approx(H[:40] @ path.y / 2, rel=1e-9)


def test_homogenized_sgd_is_right_to_first_order_in_lr():
    problem = PowerLaw(exponent=1.5, source=0.3, dimension=200, noise_std=0.3)
    gaps = []
    for lr in (0.04, 0.02, 0.01):
        sgd, at = SGD(lr=lr, batch_size=4), [round(4 / lr)]
        exact = linsgd.risk_curve(problem, sgd, at).excess_risk
        gaps.append(linsgd.risk_curve(problem, sgd, at, theory="homogenized").excess_risk / exact)
    errors = np.abs(np.array(gaps).ravel() - 1)
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.15)


def test_homogenized_sgd_under_schedules_solves_its_differential_equation():
    problem = LinearRegression.gaussian(H[:40], optimum=OPTIMUM[:40], noise_std=0.3)
    rates, batches = Schedule.cosine(50), Schedule.constant().then(20, Schedule.constant(2))
    sgd, last = SGD(lr=0.3, batch_size=4), 40
    curve = linsgd.risk_curve(
        problem, sgd, range(last + 1), rates, batches, theory="homogenized"
    ).excess_risk
    lr, batch, m = 0.3 * rates(range(last)), 4 * batches(range(last)), OPTIMUM[:40] ** 2

    def slope(t, m, k):
        return -2 * lr[k] * H[:40] * m + lr[k] ** 2 / batch[k] * H[:40] * (H[:40] @ m + 0.09)

    for k in range(last):
        assert curve[k] == pytest.approx(H[:40] @ m / 2, rel=1e-6)
        path = solve_ivp(slope, (k, k + 1), m, "DOP853", args=(k,), rtol=1e-11, atol=1e-14)
        m = path.y[:, -1]
    assert curve[last] == pytest.approx(H[:40] @ m / 2, rel=1e-6)


def test_a_schedule_of_ones_walks_to_the_contour():
    law = PowerLaw(exponent=1.5, source=0.3, dimension=200, noise_std=0.3)
    sgd, at = SGD(lr=0.2, batch_size=4), [0, 1, 30, 800]
    ones = Schedule.from_factors(np.ones(800))
    for theory in ("homogenized", "gradient_flow"):
        walked = linsgd.risk_curve(law, sgd, at, ones, theory=theory).excess_risk
        jumped = linsgd.risk_curve(law, sgd, at, theory=theory).excess_risk
        assert walked == pytest.approx(jumped, rel=1e-6)


def test_homogenized_sgd_is_unstable_from_its_own_edge_on():
    law = PowerLaw(exponent=1.5, source=0.3, dimension=20)
    edge = linsgd.risk_thresholds(law, SGD(lr=0.1)).homogenized
    rising = Schedule.linear(10, final=1.35, start=0.45)
    curve = linsgd.risk_curve(law, SGD(lr=edge), [10], rising, theory="homogenized")
    assert curve.status == "unstable"
    assert curve.unstable_from == int((rising(range(10)) >= 1).argmax())
