"""Optimizers that are given the batch: their steps in NumPy, and the law of their draws."""

import numpy as np
import pytest

import linsgd
from linsgd import LinearRegression
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.montecarlo.updates.update import make_batch_step

LANES, D, B = 3, 2, 5
ORIGIN, H = np.array([0.5, -1.0]), np.array([[1.0, 0.3], [0.3, 0.6]])


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.standard_normal((LANES, 2 * B, D)), rng.standard_normal((LANES, 2 * B))


def moved(optimizer, X, E, w):
    kind = UPDATES[type(optimizer)]
    known = {"origin": ORIGIN, "hessian": H}
    update = kind.of(optimizer, True, np.float64)._replace(**{n: known[n] for n in kind.given})
    W, V = w.copy(), np.zeros_like(w)
    rows = update.rows(B)
    make_batch_step(update, 0, W, V, X[:, :rows].copy(), E[:, :rows].copy())
    assert W - w == pytest.approx(optimizer.lr * V, abs=1e-14)
    return W


def gradient(x, e, w, decay):
    return x.T @ (x @ w - e) / len(e) + decay * (w + ORIGIN)


def sam(x, e, w):
    g = gradient(x[:B], e[:B], w, 0.2)
    return gradient(x[:B], e[:B], w + 0.3 * g / np.linalg.norm(g), 0.2)


def newton(x, e, w):
    C = x[:B].T @ x[:B] / B + 0.3 * np.eye(D)
    return np.linalg.solve(C, gradient(x[:B], e[:B], w, 0.2))


def split(x, e, w):
    C = x[B:].T @ x[B:] / B + 0.3 * np.eye(D)
    return np.linalg.solve(C, gradient(x[:B], e[:B], w, 0.2))


def exact(x, e, w):
    return np.linalg.solve(H + 0.3 * np.eye(D), gradient(x[:B], e[:B], w, 0.2))


def natural(x, e, w):
    g = x[:B] * (x[:B] @ w - e[:B])[:, None]
    return np.linalg.solve(g.T @ g / B + 0.1 * np.eye(D), gradient(x[:B], e[:B], w, 0.2))


STEPS = [
    (linsgd.SAM(0.1, B, 0.2, rho=0.3), sam),
    (linsgd.StochasticNewton(0.1, B, 0.2, damping=0.1), newton),
    (linsgd.StochasticNewton(0.1, B, 0.2, damping=0.1, curvature="split"), split),
    (linsgd.StochasticNewton(0.1, B, 0.2, damping=0.1, curvature="exact"), exact),
    (linsgd.NaturalGradient(0.1, B, 0.2, damping=0.1), natural),
]


@pytest.mark.parametrize(
    ("optimizer", "direction"), STEPS, ids=lambda x: getattr(x, "__name__", "")
)
def test_a_step_is_that_of_its_definition(optimizer, direction, batch):
    X, E = batch
    w = np.random.default_rng(1).standard_normal((LANES, D))
    expected = [v - 0.1 * direction(x, e, v) for x, e, v in zip(X, E, w, strict=True)]
    found = moved(optimizer, X, E, w)
    assert found == pytest.approx(np.array(expected), rel=1e-12)
    for _, other in STEPS:
        if other is not direction:
            wrong = [v - 0.1 * other(x, e, v) for x, e, v in zip(X, E, w, strict=True)]
            assert np.abs(found - wrong).max() > 1e-3


rng = np.random.default_rng(2)
PROBLEMS = [
    LinearRegression.gaussian(H, 0.5, [0.8, -0.5]),
    LinearRegression.from_data(rng.normal(size=(9, 2)), rng.normal(size=9)),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=["matrix", "data"])
def test_without_ascent_sam_has_the_law_of_sgd(problem):
    """Eight numbers within 6.5 standard errors: a false alarm below 1e-9 in the normal limit."""
    run = linsgd.simulate(problem, linsgd.SAM(0.1, 4, 0.1, rho=0.0), 12, chains=4096)
    right, wrong = (
        linsgd.moments(problem, linsgd.SGD(lr, 4, weight_decay=0.1), 12) for lr in (0.1, 0.2)
    )

    def distance(law):
        means = (run.mean()[:2] - law.mean) / run.standard_error("mean")[:2]
        variances = run.position_variance - law.position_variance
        return np.abs([*means, *(variances / run.standard_error("position_variance"))]).max()

    assert distance(right) < 6.5 < distance(wrong)


def test_newton_on_too_small_a_batch_is_refused():
    for newton in (
        linsgd.StochasticNewton(0.1, 1),
        linsgd.StochasticNewton(0.1, 1, curvature="split"),
    ):
        with pytest.raises(ValueError, match="batch_size = 1"):
            linsgd.simulate(PROBLEMS[0], newton, 3)
    singular = LinearRegression.gaussian([1.0, 0.0])
    with pytest.raises(ValueError, match=r"damping = 0.0"):
        linsgd.simulate(singular, linsgd.StochasticNewton(0.1, 4, curvature="exact"), 3)


def test_what_an_engine_or_a_shape_does_not_cover_is_refused():
    with pytest.raises(ValueError, match=r"^engine = .*'reduced' with SAMUpdate"):
        linsgd.simulate(PROBLEMS[0], linsgd.SAM(0.1), 3, engine="reduced")
    with pytest.raises(ValueError, match=r"^shape = \(2, 2\)"):
        linsgd.simulate(PROBLEMS[0], linsgd.Muon(0.1, shape=(2, 2)), 3)
