"""Noise of a linear model is linsgd's exact law; of networks, what batches drawn by hand give."""

import numpy as np
import pytest

import linsgd

torch = pytest.importorskip("torch")
deep = linsgd.deep
CROSS_ENTROPY = torch.nn.CrossEntropyLoss()


def half_square(outputs, targets):
    return ((outputs.squeeze(1) - targets) ** 2).mean() / 2


def linear(rows=40, d=4, distance=1.0, seed=0):
    """Return a linear model in torch, its data, and the same as a problem and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, d)) / np.sqrt(np.arange(1, d + 1))
    y = rng.normal(size=rows)
    w = np.full(d, distance)
    model = torch.nn.Linear(d, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(w[None]))
    return model, (torch.as_tensor(X), torch.as_tensor(y)), X, y, w


def classifier(*extra):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(6, 5), *extra, torch.nn.Tanh(), torch.nn.Linear(5, 3)]
    model = torch.nn.Sequential(*layers).double()
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(50, 6, generator=rng, dtype=torch.float64)
    return model, (x, torch.randint(3, (50,), generator=rng))


def batch_gradient(model, loss, data, chosen):
    x, y = data
    index = torch.as_tensor(chosen)
    found = torch.autograd.grad(loss(model(x[index]), y[index]), list(model.parameters()))
    return torch.cat([g.reshape(-1) for g in found]).numpy()


@pytest.mark.parametrize("replacement", [True, False])
def test_a_linear_model_has_the_exact_law(replacement):
    model, data, X, y, w = linear()
    problem = linsgd.LinearRegression.from_data(X, y)
    exact = linsgd.gradient_noise(problem, w, 6, replacement=replacement)
    noise = deep.GradientNoise(model, half_square, data, 6, replacement=replacement)
    assert noise.definition is deep.Definition.ROWS
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    along = noise.along(Q)
    np.testing.assert_allclose(along.mean, Q @ exact.mean, rtol=1e-12)
    np.testing.assert_allclose(along.covariance, Q @ exact.covariance @ Q.T, atol=1e-12)
    kurtosis = [exact.excess_kurtosis(u) for u in Q]
    np.testing.assert_allclose(along.excess_kurtosis, kurtosis, rtol=1e-9)
    trace = noise.trace()
    assert trace.value == pytest.approx(np.trace(exact.covariance), rel=1e-12)
    assert (trace.standard_error, list(trace.layers)) == (0.0, ["weight"])


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("surrogate", [True, False])
def test_samples_have_the_covariance_of_batches(replacement, surrogate):
    model, data = classifier()
    noise = deep.GradientNoise(model, CROSS_ENTROPY, data, 8, replacement=replacement)
    g = noise.sample(3000, coordinates=[0, 7, 40], surrogate=surrogate)
    exact = noise.along(np.eye(noise.parameters)[[0, 7, 40]])
    error = np.sqrt(exact.variance / 3000)
    assert (np.abs(g.mean(axis=0) - exact.mean) < 6 * error).all()
    spread = np.sqrt((2 + np.maximum(exact.excess_kurtosis, 0)) / 3000)
    ratio = g.var(axis=0) / exact.variance
    assert (np.abs(ratio - 1) < 6 * spread).all()
    assert (np.abs(2 * ratio - 1) > 6 * spread).all()


def test_a_sample_is_the_gradient_of_its_batch():
    model, data = classifier()
    noise = deep.GradientNoise(model, CROSS_ENTROPY, data, 50, replacement=False)
    whole = batch_gradient(model, CROSS_ENTROPY, data, np.arange(50))
    np.testing.assert_allclose(noise.sample(2), [whole, whole], atol=1e-14)
    assert noise.trace().value == 0.0
    drawn = deep.GradientNoise(model, CROSS_ENTROPY, data, 1).sample(5, seed=3)
    rng = np.random.default_rng(3)
    expected = [
        batch_gradient(model, CROSS_ENTROPY, data, rng.integers(50, size=1)) for _ in "5" * 5
    ]
    np.testing.assert_allclose(drawn, expected, atol=1e-14)


def test_layers_add_up_and_kurtosis_falls_as_one_over_the_batch():
    model, data = classifier()
    noise = {b: deep.GradientNoise(model, CROSS_ENTROPY, data, b) for b in (1, 10)}
    traces = {b: noise[b].trace() for b in noise}
    assert sum(traces[1].layers.values()) == pytest.approx(traces[1].value, rel=1e-12)
    assert list(traces[1].layers) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert traces[1].value == pytest.approx(10 * traces[10].value, rel=1e-12)
    directions = np.eye(noise[1].parameters)[:6]
    one, ten = (noise[b].along(directions).excess_kurtosis for b in (1, 10))
    np.testing.assert_allclose(one, 10 * ten, rtol=1e-9)


def test_batch_norm_in_train_mode_takes_batches_as_a_whole():
    model, data = classifier(torch.nn.BatchNorm1d(5))
    running = model[1].running_mean.clone()
    noise = deep.GradientNoise(model, CROSS_ENTROPY, data, 8, mode="train")
    assert noise.definition is deep.Definition.BATCHES
    found = noise.sample(3, seed=4)
    rng = np.random.default_rng(4)
    model.train()
    expected = [batch_gradient(model, CROSS_ENTROPY, data, rng.integers(50, size=8)) for _ in "123"]
    np.testing.assert_allclose(found, expected, atol=1e-14)
    fresh = classifier(torch.nn.BatchNorm1d(5))[0]
    again = deep.GradientNoise(fresh, CROSS_ENTROPY, data, 8, mode="train")
    trace = again.trace()
    assert trace.standard_error > 0
    assert torch.equal(fresh[1].running_mean, running)
    for refused in (lambda: again.sample(2, surrogate=True), again.noise_scale):
        with pytest.raises(ValueError, match="batch norm couples the rows"):
            refused()
    in_eval = deep.GradientNoise(fresh, CROSS_ENTROPY, data, 8)
    assert in_eval.definition is deep.Definition.ROWS


def test_a_loss_that_vmap_cannot_take_is_taken_row_by_row():
    model, data = classifier()

    def squared(outputs, targets):
        return ((outputs - torch.nn.functional.one_hot(targets, 3)) ** 2).sum(dim=1).mean()

    def squared_for_vmap(outputs, targets):
        indicators = (targets[:, None] == torch.arange(3)).double()
        return ((outputs - indicators) ** 2).sum(dim=1).mean()

    found = deep.GradientNoise(model, squared, data, 5)
    assert found.definition is deep.Definition.ROWS
    expected = deep.GradientNoise(model, squared_for_vmap, data, 5)
    assert found.trace().value == pytest.approx(expected.trace().value, rel=1e-12)


def test_losses_that_are_no_mean_over_rows_are_refused():
    model, data = classifier()
    with pytest.raises(ValueError, match=r"loss = .*reduction='mean'"):
        deep.GradientNoise(model, torch.nn.CrossEntropyLoss(reduction="sum"), data, 4)
    dropping, _ = classifier(torch.nn.Dropout())
    with pytest.raises(ValueError, match="of type Dropout"):
        deep.GradientNoise(dropping, CROSS_ENTROPY, data, 4, mode="train")
    with pytest.raises(ValueError, match=r"batch_size = 51 .*\[1, 50\]"):
        deep.GradientNoise(model, CROSS_ENTROPY, data, 51, replacement=False)
    with pytest.raises(ValueError, match=r"coordinates = 53 .*\[0, 53\)"):
        deep.GradientNoise(model, CROSS_ENTROPY, data, 5).sample(2, coordinates=[53])


@pytest.mark.parametrize("distance", [1.0, 0.3])
def test_the_noise_scale_covers_the_exact_one_of_gaussian_features(distance):
    d, rows, runs, hits = 4, 300, 40, 0
    h = 1 / np.arange(1, d + 1)
    problem = linsgd.LinearRegression.gaussian(h)
    law = linsgd.gradient_noise(problem, np.full(d, distance), 1)
    exact = np.trace(law.covariance) / np.sum(law.mean**2)
    for seed in range(runs):
        model, data, *_ = linear(rows, d, distance, seed)
        found = deep.GradientNoise(model, half_square, data, 5).noise_scale()
        hits += found.lower <= exact <= found.upper
    assert hits >= 28  # P(28 or fewer of 40 at 94 %) = 1e-6


@pytest.mark.nightly
def test_the_intervals_of_the_noise_scale_cover_at_their_confidence():
    rng = np.random.default_rng(0)
    h, d, runs = 1 / np.arange(1.0, 11.0), 10, 1500
    delta = np.ones(d)
    law = linsgd.gradient_noise(linsgd.LinearRegression.gaussian(h), delta, 1)
    exact = np.trace(law.covariance) / np.sum(law.mean**2)
    by_rows = by_batches = 0
    for _ in range(runs):
        g = _row_gradients(rng, 400, h, delta)
        total = g.sum(axis=0)
        found = deep.noise_scale.scale_of_rows((g**2).sum(axis=1), g @ total, total @ total, 0.95)
        by_rows += found.lower <= exact <= found.upper
        small, large = (
            (_row_gradients(rng, 60 * b, h, delta).reshape(60, b, d).mean(axis=1) ** 2).sum(axis=1)
            for b in (2, 20)
        )
        found = deep.noise_scale_of_batches(small, large, 2, 20)
        by_batches += found.lower <= exact <= found.upper
    # 95 +- 2 %, and five standard errors of 1500 runs
    assert abs(by_rows / runs - 0.95) < 0.02 + 5 * 0.0056
    assert abs(by_batches / runs - 0.95) < 0.02 + 5 * 0.0056


def _row_gradients(rng, n, h, delta):
    x = rng.normal(size=(n, h.size)) * np.sqrt(h)
    return x * (x @ delta + rng.normal(size=n))[:, None]


def test_a_noise_scale_without_a_gradient_has_no_upper_end():
    rng = np.random.default_rng(1)
    h = np.ones(5)
    g = _row_gradients(rng, 400, h, np.zeros(5))
    total = g.sum(axis=0)
    found = deep.noise_scale.scale_of_rows((g**2).sum(axis=1), g @ total, total @ total, 0.95)
    assert found.upper == np.inf
    assert found.lower > 5
    few = deep.noise_scale_of_batches([1.0, 2.0], [1.0, 1.1], 2, 4)
    assert (few.status, few.upper) == (linsgd.estimate.EstimateStatus.NOT_ENOUGH_DATA, np.inf)


def test_the_exponent_is_one_for_label_noise_and_its_interval_covers():
    rng = np.random.default_rng(0)
    h = np.geomspace(0.1, 10, 12)
    hits = 0
    for _ in range(400):
        noise = 3 * h**1.4 * np.exp(0.2 * rng.normal(size=12))
        found = deep.noise_exponent(h, noise)
        hits += found.lower <= 1.4 <= found.upper
    assert 0.95 * 400 - 5 * 4.4 < hits < 0.95 * 400 + 5 * 4.4
    model, data, *_ = linear(rows=4000, d=8, distance=0.0)
    pairs = deep.hessian_eigenpairs(model, half_square, data, k=8)
    noise = deep.GradientNoise(model, half_square, data, 4).along(pairs.eigenvectors)
    found = deep.noise_exponent(pairs.eigenvalues, noise.variance, confidence=1 - 1e-6)
    assert found.lower < 1 < found.upper
    assert found.lower > 0.5
    assert noise.off_diagonal < 0.1
    assert np.isnan(deep.noise_exponent([1.0, 2.0, -1.0], [1.0, 1.0, 1.0]).value)


def test_samples_go_to_the_estimators():
    model, data = classifier()
    noise = deep.GradientNoise(model, CROSS_ENTROPY, data, 4)
    entries = range(noise.parameters)
    drawn, normal = (noise.sample(80, coordinates=entries, surrogate=s) for s in (False, True))
    controls = linsgd.estimate.tail_controls(drawn)
    assert controls.status is linsgd.estimate.EstimateStatus.OK
    assert abs(controls["raw"].value - linsgd.estimate.tail_controls(normal)["raw"].value) < 0.5
    one = linsgd.estimate.normality(noise.sample(1000, coordinates=[3])[:, 0])
    assert one.rejected
    assert not linsgd.estimate.normality(
        noise.sample(1000, coordinates=[3], surrogate=True)[:, 0], level=1e-6
    ).rejected
