"""Predictions from measured ingredients: closed forms, brute force on noise that cancels, torch."""

import numpy as np
import pytest

import linsgd

torch = pytest.importorskip("torch")
deep = linsgd.deep

H = np.array([2.0, 0.5, 0.05])
C = np.array([0.3, 0.1, 0.02])


@pytest.mark.parametrize(
    ("momentum", "decay", "dampening"), [(0, 0, 0), (0.9, 0.1, 0), (0.5, 0, 0.4)]
)
def test_independent_batches_have_the_closed_form(momentum, decay, dampening):
    sgd = linsgd.SGD(
        lr=0.2, batch_size=4, momentum=momentum, weight_decay=decay, dampening=dampening
    )
    found = deep.predict(H, C, sgd)
    lr, kappa = 0.2 * (1 - dampening), H + decay  # dampening scales lr; v is in units of the old
    stiff = 2 * (1 + momentum) - lr * kappa
    position = lr * (1 + momentum) * C / (kappa * (1 - momentum) * stiff)
    velocity = 2 * C / ((1 - momentum) * stiff) * (1 - dampening) ** 2
    np.testing.assert_allclose(found.position_variance, position, rtol=1e-12)
    np.testing.assert_allclose(found.velocity_variance, velocity, rtol=1e-12)
    np.testing.assert_allclose(found.kinetic_temperature, 0.2 * velocity, rtol=1e-12)
    assert found.local_msd == pytest.approx(0.04 * velocity.sum(), rel=1e-12)
    assert found.excess_loss == pytest.approx((kappa * position).sum() / 2, rel=1e-12)
    # the fluctuation-dissipation relation
    weight = (1 + momentum) / (4 * lr)
    assert found.excess_loss == pytest.approx(weight * found.local_msd, rel=1e-12)


def walks(sgd, rows, q, steps, chains=6000, epochs=40):
    """Return mean squares of x, of v, of one step and of the displacement, by brute force.

    Modes H with frozen noise: centred rows of variance b C each, so that a batch of b has variance
    C, of which the share q is fresh normal noise.
    """
    rng = np.random.default_rng(0)
    G = rng.normal(size=(rows, H.size))
    G -= G.mean(axis=0)
    G *= np.sqrt((1 - q) * sgd.batch_size * C) / G.std(axis=0)
    n, b = rows // sgd.batch_size, sgd.batch_size
    x, v = np.zeros((chains, H.size)), np.zeros((chains, H.size))
    order = np.argsort(rng.random((chains, rows)), axis=1)
    xs, vs, path = [], [], {}
    for k in range((epochs + 4) * n):
        if k % n == 0 and sgd.sampling == "epoch":
            order = np.argsort(rng.random((chains, rows)), axis=1)
        at = k - epochs * n
        if at >= 0:
            path[at] = x
            if at < n:
                xs.append((x**2).mean(axis=0))
                vs.append((v**2).mean(axis=0))
        p = k % n
        g = G[order[:, p * b : (p + 1) * b]].mean(axis=1)
        g = g + np.sqrt(q * C) * rng.normal(size=x.shape)
        v = sgd.momentum * v - (H + sgd.weight_decay) * x - g
        x = x + sgd.lr * v
    far = [((path[s] - path[0]) ** 2).sum(axis=1).mean() for s in steps]
    return np.mean(xs, axis=0), np.mean(vs, axis=0), np.array(far)


@pytest.mark.parametrize("sampling", ["epoch", "fixed"])
@pytest.mark.parametrize("q", [0.0, 0.4])
def test_epochs_are_those_of_brute_force(sampling, q):
    sgd = linsgd.SGD(lr=0.2, batch_size=4, momentum=0.8, sampling=sampling)
    steps = [1, 2, 3, 5, 7, 12]
    position, velocity, far = walks(sgd, 20, q, steps)
    found = deep.predict(H, C, sgd, steps=steps, rows=20, augmentation=q)
    # relative standard errors: sqrt(2/6000) = 1.8 % of one phase, less over five; six of them
    np.testing.assert_allclose(found.position_variance, position, rtol=0.11)
    np.testing.assert_allclose(found.velocity_variance, velocity, rtol=0.11)
    np.testing.assert_allclose(found.global_msd, far, rtol=0.11, atol=1e-12)
    independent = deep.predict(H, C, linsgd.SGD(lr=0.2, batch_size=4, momentum=0.8), steps=steps)
    assert np.abs(independent.position_variance / position - 1).max() > 0.3


def test_a_fixed_order_returns_after_an_epoch_unless_noise_is_fresh():
    sgd = linsgd.SGD(lr=0.2, batch_size=4, momentum=0.8, sampling="fixed")
    repeats = deep.predict(H, C, sgd, steps=[3, 5], rows=20)
    assert repeats.global_msd[1] < 1e-12 * repeats.global_msd[0]
    fresh = deep.predict(H, C, sgd, steps=[3, 5], rows=20, augmentation=0.1)
    assert fresh.global_msd[1] > 0.01 * fresh.global_msd[0]


def test_the_displacement_is_that_of_linear_regression():
    problem = linsgd.LinearRegression.gaussian(H, noise_std=1e-4)
    sgd = linsgd.SGD(lr=1e-3, batch_size=64, momentum=0.9)
    exact = linsgd.displacement(problem, sgd, [1, 30, 3000])
    found = deep.predict(H, 1e-8 * H / 64, sgd, steps=[1, 30, 3000])
    np.testing.assert_allclose(found.global_msd, exact.global_msd, rtol=1e-3)
    np.testing.assert_allclose(found.exponent, exact.exponent, atol=1e-3)
    modes = linsgd.oscillation(problem, sgd)
    assert found.regime.tolist() == modes.regime.tolist()
    np.testing.assert_allclose(found.damping, modes.damping)


def test_directions_without_a_stationary_law_are_named():
    sgd = linsgd.SGD(lr=0.2, batch_size=4)
    flat = deep.predict([1.0, -0.1], [0.1, 0.1], sgd)
    assert flat.status is deep.PredictionStatus.SADDLE
    assert flat.position_variance.tolist()[1] == np.inf
    assert np.isfinite(flat.position_variance[0])
    assert deep.predict([1.0, 11.0], [0.1, 0.1], sgd).status is deep.PredictionStatus.UNSTABLE
    with pytest.raises(ValueError, match="rows = 0"):
        deep.predict(H, C, linsgd.SGD(lr=0.1), rows=0)
    with pytest.raises(ValueError, match="rows = None"):
        deep.predict(H, C, linsgd.SGD(lr=0.1, batch_size=4, sampling="epoch"))
    with pytest.raises(ValueError, match="nesterov = True"):
        deep.predict(H, C, linsgd.SGD(lr=0.1, momentum=0.5, nesterov=True))
    with pytest.raises(ValueError, match="noise = -1"):
        deep.predict([1.0], [-1.0], sgd)


def test_a_saddle_grows_as_its_recursion():
    sgd = linsgd.SGD(lr=0.2, batch_size=4, momentum=0.6)
    found = deep.predict([0.5, 0.0, -0.4], [0.1, 0.1, 0.1], sgd)
    assert found.status is deep.PredictionStatus.SADDLE
    assert found.regime.tolist()[1:] == ["flat", "saddle"]
    x, v = 1.0, 0.0
    for _ in range(200):
        v = 0.6 * v + 0.4 * x
        before, x = x, x + 0.2 * v
    assert found.damping[2] == pytest.approx(-np.log(x / before), rel=1e-9)
    assert found.damping[1] == 0.0
    flat = deep.predict([0.5, 0.0], [0.1, 0.1], sgd)
    assert flat.status is deep.PredictionStatus.FLAT


def regression(sampling, epochs=60, lr=0.02):
    """Train a linear model in torch near its minimum; return record, ingredients and loader."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)) * np.sqrt([1.0, 0.5, 0.1])
    data = torch.as_tensor(X), torch.as_tensor(rng.normal(size=40))
    model = torch.nn.Linear(3, 1, bias=False).double()
    best = np.linalg.lstsq(X, data[1].numpy(), rcond=None)[0]
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(best[None]))

    def loss(outputs, targets):
        return ((outputs.squeeze(1) - targets) ** 2).mean() / 2

    pairs = deep.hessian_eigenpairs(model, loss, data, k=3)
    noise = deep.GradientNoise(model, loss, data, 4).along(pairs.eigenvectors)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    order = rng.permutation(40)
    with deep.PhaseSpaceRecorder(model, optimizer, directions=pairs.eigenvectors) as recorder:
        for _ in range(epochs):
            order = rng.permutation(40) if sampling == "epoch" else order
            for k in range(10):
                chosen = order[4 * k : 4 * k + 4]
                chosen = rng.integers(40, size=4) if sampling == "independent" else chosen
                optimizer.zero_grad()
                loss(model(data[0][chosen]), data[1][chosen]).backward()
                optimizer.step()
    sgd = linsgd.SGD(lr=lr, batch_size=4, momentum=0.9)
    problem = linsgd.LinearRegression.from_data(X, data[1].numpy())
    return recorder.record, pairs, noise, sgd, problem


def test_ingredients_of_a_linear_model_give_the_exact_law_at_small_lr():
    _, pairs, noise, _, problem = regression("independent", epochs=1)
    sgd = linsgd.SGD(lr=1e-4, batch_size=4, momentum=0.9)
    found = deep.predict(pairs.eigenvalues, noise.variance, sgd)
    exact = linsgd.stationary_moments(problem, sgd)
    np.testing.assert_allclose(found.position_variance[::-1], exact.position_variance, rtol=5e-3)
    np.testing.assert_allclose(found.velocity_variance[::-1], exact.velocity_variance, rtol=5e-3)


@pytest.mark.parametrize("sampling", ["independent", "epoch", "fixed"])
def test_the_scheme_is_found_from_the_record(sampling):
    record, pairs, _, sgd, _ = regression(sampling)
    found = deep.sampling_scheme(record, 10, sgd, pairs.eigenvalues)
    names = {"independent": "independent", "epoch": "reshuffled", "fixed": "fixed order"}
    assert (found.source, found.found.scheme.value) == ("noise", names[sampling])
    assert deep.sampling_scheme(record, 10).source == "displacement"


def test_a_sampler_that_repeats_its_order_is_named():
    data = torch.utils.data.TensorDataset(torch.zeros(8, 1))
    utils = torch.utils.data
    distributed = utils.DistributedSampler(data, num_replicas=2, rank=0)
    named = deep.repeating_sampler(utils.DataLoader(data, sampler=distributed))
    assert named.startswith("DistributedSampler repeats one order until its set_epoch")
    assert "shuffle=True" in deep.repeating_sampler(utils.DataLoader(data))
    state = torch.get_rng_state()
    assert deep.repeating_sampler(utils.DataLoader(data, shuffle=True)) == ""
    assert torch.equal(torch.get_rng_state(), state)


def test_stationarity_is_told_from_a_start_that_spreads():
    record, pairs, _, sgd, _ = regression("independent", epochs=250, lr=0.05)
    found = deep.stationarity(record, pairs.eigenvalues, sgd, confidence=1 - 1e-6)
    assert found.lower < 1 < found.upper
    assert found.upper - found.lower < 1.6
    short, *_ = regression("independent", epochs=4, lr=0.001)
    sgd = linsgd.SGD(lr=0.001, batch_size=4, momentum=0.9)
    assert deep.stationarity(short, pairs.eigenvalues, sgd).ratio < 0.2
