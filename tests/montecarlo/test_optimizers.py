"""Each optimizer takes torch's steps, or those of its definition, on the same gradients."""

import numpy as np
import pytest

import linsgd
from linsgd import LinearRegression
from linsgd.montecarlo.updates.table import UPDATES
from linsgd.montecarlo.updates.update import make_step

torch = pytest.importorskip("torch")

STEPS, CHAINS, D = 1000, 3, 4
TORCH = {
    "RMSprop": (
        linsgd.RMSprop(0.01, alpha=0.97),
        lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.97),
    ),
    "RMSprop, centered, momentum": (
        linsgd.RMSprop(0.01, momentum=0.8, centered=True, eps=1e-3),
        lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.8, centered=True, eps=1e-3),
    ),
    "Adagrad": (
        linsgd.Adagrad(0.1, lr_decay=0.01),
        lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.01),
    ),
    "Adam": (linsgd.Adam(0.01), lambda p: torch.optim.Adam(p, lr=0.01)),
    "Adam, large eps": (
        linsgd.Adam(0.01, betas=(0.5, 0.8), eps=0.1),
        lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.8), eps=0.1),
    ),
    "NAdam": (
        linsgd.NAdam(0.01, betas=(0.8, 0.95)),
        lambda p: torch.optim.NAdam(p, lr=0.01, betas=(0.8, 0.95)),
    ),
    "AdamW": (
        linsgd.AdamW(0.01, weight_decay=0.3),
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.3),
    ),
    "SGD": (
        linsgd.SGD(0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    ),
}


@pytest.fixture(scope="module")
def gradients():
    rng = np.random.default_rng(0)
    return rng.standard_t(3, size=(STEPS, CHAINS, D)) + 0.2


def ours(optimizer, gradients):
    """Return the positions (steps, chains, d) of chains that are given these gradients."""
    kind = UPDATES[type(optimizer)]
    update = kind.of(optimizer, True, np.float64)
    if kind.given:
        update = update._replace(origin=np.zeros(D))
    W, V = np.ones((CHAINS, D)), np.zeros((CHAINS, D))
    M = np.zeros((kind.slots, CHAINS, D))
    path = np.empty(gradients.shape)
    for k, gradient in enumerate(gradients):
        before = W.copy()
        make_step(update, k, W, V, M, gradient)
        if type(optimizer) not in (linsgd.SGD, linsgd.ScheduleFreeSGD):
            assert optimizer.lr * V == pytest.approx(W - before, rel=1e-6, abs=1e-12)
        path[k] = W
    return path


@pytest.mark.cases(4)
@pytest.mark.parametrize(("optimizer", "make"), TORCH.values(), ids=TORCH)
def test_a_thousand_steps_are_those_of_torch(optimizer, make, gradients, request):
    # torch keeps NAdam's product of mu in its default precision
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    request.addfinalizer(lambda: torch.set_default_dtype(before))
    w = torch.ones(CHAINS, D, dtype=torch.float64, requires_grad=True)
    theirs = make([w])
    theirs.param_groups[0]["foreach"] = False
    path = ours(optimizer, gradients)
    before_ours = before_theirs = np.ones((CHAINS, D))
    for k, gradient in enumerate(gradients):
        w.grad = torch.from_numpy(gradient.copy())
        theirs.step()
        now = w.detach().numpy().copy()
        step, expected = path[k] - before_ours, now - before_theirs
        # two units in the last place of the position, and the rounding of the move itself
        allowed = 2 * np.spacing(np.maximum(np.abs(now), 1.0)) + 1e-14 * np.abs(expected)
        assert (np.abs(step - expected) <= allowed).all()
        before_ours, before_theirs = path[k], now
    assert path[-1] == pytest.approx(before_theirs, rel=1e-11, abs=1e-12)


def test_clipping_is_torchs(gradients):
    optimizer = linsgd.ClippedSGD(0.1, max_norm=1.5)
    gradients = gradients[:200]
    path = ours(optimizer, gradients)
    for chain in range(CHAINS):
        w = torch.ones(D, dtype=torch.float64, requires_grad=True)
        theirs = torch.optim.SGD([w], lr=0.1)
        for gradient in gradients[:, chain]:
            w.grad = torch.from_numpy(gradient.copy())
            torch.nn.utils.clip_grad_norm_([w], 1.5, foreach=False)
            theirs.step()
        assert path[-1, chain] == pytest.approx(w.detach().numpy(), rel=1e-11)


def test_signs_and_norms_are_those_of_the_definitions(gradients):
    path = ours(linsgd.SignSGD(0.1), gradients)
    assert path == pytest.approx(1 - 0.1 * np.cumsum(np.sign(gradients), axis=0), abs=1e-10)
    lengths = np.linalg.norm(gradients, axis=2, keepdims=True)
    path = ours(linsgd.NormalizedSGD(0.1, eps=0.5), gradients)
    assert path == pytest.approx(
        1 - 0.1 * np.cumsum(gradients / (lengths + 0.5), axis=0), abs=1e-10
    )
    w, mean = np.ones((CHAINS, D)), np.zeros((CHAINS, D))
    for gradient in gradients:
        w = w - 0.1 * np.sign(0.9 * mean + 0.1 * gradient)
        mean = 0.99 * mean + 0.01 * gradient
    assert ours(linsgd.Lion(0.1), gradients)[-1] == pytest.approx(w, abs=1e-10)


def test_schedule_free_is_evaluated_at_the_average_of_its_iterates(gradients):
    free = linsgd.ScheduleFreeSGD(0.1, momentum=0.8)
    update = UPDATES[type(free)].of(free, True, np.float64)
    W, V, M = np.ones((CHAINS, D)), np.zeros((CHAINS, D)), np.zeros((1, CHAINS, D))
    z, x = np.ones((CHAINS, D)), np.ones((CHAINS, D))
    for k, gradient in enumerate(gradients):
        assert pytest.approx(0.2 * z + 0.8 * x, abs=1e-11) == W
        make_step(update, k, W, V, M, gradient)
        z = z - 0.1 * gradient
        x = x + (z - x) / (k + 1)
        assert np.allclose(W + 0.1 * V, x, rtol=0, atol=1e-11)


def test_muon_steps_by_the_orthogonal_factor_and_near_torchs(gradients):
    """torch evaluates the polynomial in bfloat16: steps differ by 1.5 %, rarely by 20 %."""
    options = {"lr": 0.1, "weight_decay": 0.5, "momentum": 0.9}
    for shape in ((2, 2), (4, 1)):
        polynomial = ours(linsgd.Muon(shape=shape, **options), gradients[:50])
        exact = ours(linsgd.Muon(shape=shape, orthogonal="svd", **options), gradients[:50])
        for chain in range(CHAINS):
            w = torch.ones(shape, dtype=torch.float64, requires_grad=True)
            theirs = torch.optim.Muon([w], **options)
            v, mean = np.ones(shape), np.zeros(shape)
            for k, gradient in enumerate(gradients[:50, chain]):
                before = w.detach().numpy().copy()
                w.grad = torch.from_numpy(gradient.reshape(shape).copy())
                theirs.step()
                mean = mean + 0.1 * (w.grad.numpy() - mean)
                U, _, Vt = np.linalg.svd(0.1 * w.grad.numpy() + 0.9 * mean, full_matrices=False)
                v = 0.95 * v - 0.1 * np.sqrt(max(1, shape[0] / shape[1])) * U @ Vt
                assert exact[k, chain] == pytest.approx(v.ravel(), abs=1e-12)
                last = polynomial[k - 1, chain] if k else np.ones(4)
                step = polynomial[k, chain] - 0.95 * last
                wanted = (w.detach().numpy() - 0.95 * before).ravel()
                assert np.linalg.norm(step - wanted) < 0.3 * np.linalg.norm(wanted)


def test_a_decoupled_decay_shrinks_towards_the_origin_and_is_in_no_loss():
    """Without gradient w shrinks by 1 - lr weight_decay a step, wherever the walk's origin is."""
    still = linsgd.AdamW(0.1, weight_decay=2.0, eps=1e12)
    problem = LinearRegression.gaussian([1.0, 0.5], 0.1, [3.0, -2.0])
    run = linsgd.simulate(problem, still, [1, 5], chains=64)
    assert run.mean()[:, :2] == pytest.approx(0.0, abs=1e-10)
    assert run.excess_loss == pytest.approx(run.excess_risk, rel=1e-12)
    assert run.excess_risk[0] == pytest.approx(0.5 * (9 + 0.5 * 4), rel=1e-9)
    pulled = linsgd.simulate(problem, linsgd.AdamW(0.05, 64, weight_decay=1.0), 400, chains=128)
    assert (abs(pulled.mean()[:2]) < [3.0, 2.0]).all()
    assert (abs(pulled.mean()[:2]) > [0.5, 0.5]).all()


ALL = [
    linsgd.RMSprop(0.02, 4, 0.1),
    linsgd.Adagrad(0.2, 4, 0.1),
    linsgd.Adam(0.02, 4, 0.1),
    linsgd.NAdam(0.02, 4, 0.1),
    linsgd.SignSGD(0.01, 4, 0.1),
    linsgd.Lion(0.01, 4, 0.1),
    linsgd.ClippedSGD(0.1, 4, 0.1, max_norm=0.7),
    linsgd.NormalizedSGD(0.02, 4, 0.1),
    linsgd.SAM(0.1, 4, 0.1),
    linsgd.StochasticNewton(0.3, 8, 0.1, curvature="split"),
    linsgd.NaturalGradient(0.02, 8, 0.1, damping=0.1),
    linsgd.ScheduleFreeSGD(0.1, 4, 0.1),
]


@pytest.mark.cases(5)
@pytest.mark.parametrize("optimizer", ALL, ids=lambda o: type(o).__name__)
def test_the_mean_comes_near_the_optimum(optimizer):
    problem = LinearRegression.gaussian([[1.0, 0.3], [0.3, 0.6]], 0.3, [0.8, -0.5])
    run = linsgd.simulate(problem, optimizer, steps=600, chains=128)
    assert run.mean()[:2] == pytest.approx(problem.solution(0.1), abs=0.15)


def test_adam_walks_on_spectra_and_data_as_in_numpy():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((50, 2)) * [1.0, 0.5]
    y = X @ [0.8, -0.5] + 0.1 * rng.standard_normal(50)

    def fresh(i):
        x = rng.standard_normal((*i.shape, 2)) * [1.0, 0.5]
        return x, x @ [0.8, -0.5] + 0.1 * rng.standard_normal(i.shape)

    optimizer = linsgd.Adam(0.05, 4, betas=(0.8, 0.9))
    for problem, draw in (
        (LinearRegression.from_data(X, y), lambda i: (X[i], y[i])),
        (LinearRegression.gaussian([1.0, 0.25], 0.1, [0.8, -0.5]), fresh),
    ):
        run = linsgd.simulate(problem, optimizer, steps=40, chains=4096)
        w, m, s = np.zeros((3, 4096, 2))
        for k in range(1, 41):
            x, labels = draw(rng.integers(50, size=(4096, 4)))
            residual = np.einsum("nbd,nd->nb", x, w) - labels
            g = np.einsum("nbd,nb->nd", x, residual) / 4
            m, s = 0.8 * m + 0.2 * g, 0.9 * s + 0.1 * g**2
            w = w - 0.05 * m / (1 - 0.8**k) / (np.sqrt(s / (1 - 0.9**k)) + 1e-8)
        for power in (1, 2):
            mine = run.mean()[:2] if power == 1 else np.diag(run.covariance())[:2]
            theirs = w.mean(axis=0) if power == 1 else w.var(axis=0)
            spread = w.std(axis=0) ** power * np.sqrt(2 * power * 2 / 4096)
            # four numbers, each within 6.5 standard deviations: a false alarm below 1e-9
            assert (np.abs(mine - theirs) < 6.5 * spread).all()


def test_what_no_theory_covers_is_refused_by_name():
    problem = LinearRegression.gaussian([1.0])
    for optimizer in ALL:
        name = type(optimizer).__name__
        if name == "StochasticNewton":
            continue  # covered: tests/theory/test_other_optimizers.py
        with pytest.raises(ValueError, match=f"sgd = {name}.* of type linsgd.SGD"):
            linsgd.stationary_moments(problem, optimizer)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: linsgd.Adam(0.0), "lr = 0.0"),
        (lambda: linsgd.Adam(0.1, betas=(0.9, 1.0)), r"betas\[1\] = 1.0"),
        (lambda: linsgd.Adam(0.1, betas=0.9), "betas = 0.9"),
        (lambda: linsgd.RMSprop(0.1, alpha=1.0), "alpha = 1.0"),
        (lambda: linsgd.RMSprop(0.1, centered=1), "centered = 1"),
        (lambda: linsgd.Adagrad(0.1, batch_size=0), "batch_size = 0"),
        (lambda: linsgd.NAdam(0.1, momentum_decay=-1), "momentum_decay = -1"),
        (lambda: linsgd.ClippedSGD(0.1, max_norm=0), "max_norm = 0"),
        (lambda: linsgd.NormalizedSGD(0.1, eps=-1e-8), "eps = -1e-08"),
        (lambda: linsgd.Muon(0.1, shape=(2,)), r"shape = \(2,\)"),
        (lambda: linsgd.Muon(0.1, shape=(2, 0)), r"shape\[1\] = 0"),
        (lambda: linsgd.Muon(0.1, shape=(2, 2), orthogonal="qr"), "orthogonal = 'qr'"),
        (lambda: linsgd.ScheduleFreeSGD(0.1, momentum=0.0), "momentum = 0.0"),
        (lambda: linsgd.SAM(0.1, rho=-1.0), "rho = -1.0"),
        (lambda: linsgd.StochasticNewton(0.1, curvature="own"), "curvature = 'own'"),
        (lambda: linsgd.StochasticNewton(0.1, damping=-1.0), "damping = -1.0"),
        (lambda: linsgd.NaturalGradient(0.1, damping=0.0), "damping = 0.0"),
    ],
)
def test_bad_values_are_refused(make, named):
    with pytest.raises(ValueError, match=named):
        make()
