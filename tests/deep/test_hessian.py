"""Hessian products, eigenpairs and densities against dense Hessians; the model stays as it was."""

import hashlib

import numpy as np
import pytest

import linsgd

torch = pytest.importorskip("torch")
deep = linsgd.deep
CROSS_ENTROPY = torch.nn.CrossEntropyLoss()


def squared_loss(outputs, targets):
    return ((outputs - torch.eye(4, dtype=outputs.dtype)[targets]) ** 2).mean()


def classifier(dtype=torch.float64, hidden=9, *extra):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(6, hidden), *extra, torch.nn.Tanh(), torch.nn.Linear(hidden, 4)]
    return torch.nn.Sequential(*layers).to(dtype)


def rows(n=60, dtype=torch.float64):
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(n, 6, generator=rng, dtype=torch.float64)
    return x.to(dtype), torch.randint(4, (n,), generator=rng)


def dense_hessian(model, loss, x, y):
    """Return the Hessian by torch.func, an independent way, in double precision."""
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    parameters = dict(model.named_parameters())
    sizes = [parameters[name].numel() for name in names]

    def value(theta):
        pieces = theta.split(sizes)
        moved = {n: p.view_as(parameters[n]) for n, p in zip(names, pieces, strict=True)}
        return loss(torch.func.functional_call(model, moved, (x,)), y)

    theta = torch.cat([parameters[name].detach().reshape(-1) for name in names])
    return torch.autograd.functional.hessian(value, theta).numpy()


def fingerprint(model):
    """Hash weights, gradients, buffers, modes and random states."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    for module in model.modules():
        digest.update(bytes([module.training]))
    digest.update(repr([p.grad for p in model.parameters()]).encode())
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr(np.random.get_state()).encode())  # noqa: NPY002
    return digest.hexdigest()


@pytest.mark.parametrize("which", ["largest", "smallest"])
@pytest.mark.parametrize("loss", [CROSS_ENTROPY, squared_loss])
def test_pairs_of_a_dense_hessian(which, loss):
    model, data = classifier(), rows()
    expected = np.linalg.eigvalsh(dense_hessian(model, loss, *data))
    expected = expected[::-1] if which == "largest" else expected
    found = deep.hessian_eigenpairs(model, loss, data, which=which)
    assert found.status is deep.HessianStatus.OK
    assert np.abs(found.eigenvalues - expected[:5]).max() < 1e-9 * expected.max()
    assert (np.abs(found.eigenvalues - expected[:5]) <= found.error + 1e-14).all()
    assert found.residuals.max() < 1e-7 * np.abs(expected).max()
    np.testing.assert_allclose(found.eigenvectors @ found.eigenvectors.T, np.eye(5), atol=1e-9)


def test_single_precision_is_good_to_a_millionth():
    model, data = classifier(torch.float32), rows(dtype=torch.float32)
    exact = np.linalg.eigvalsh(dense_hessian(classifier(), CROSS_ENTROPY, *rows()))[::-1]
    found = deep.hessian_eigenpairs(model, CROSS_ENTROPY, data)
    assert np.abs(found.eigenvalues - exact[:5]).max() < 1e-6 * exact[0]
    assert found.residuals.max() < 1e-5 * exact[0]


def test_small_models_are_solved_whole():
    model, (x, y) = torch.nn.Linear(6, 4).double(), rows()
    exact = np.linalg.eigvalsh(dense_hessian(model, CROSS_ENTROPY, x, y))[::-1]
    found = deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x, y), k=28)
    np.testing.assert_allclose(found.eigenvalues, exact, atol=1e-12)


def test_batches_of_unequal_size_are_weighted_by_their_rows():
    model, (x, y) = classifier(), rows()
    cut = [(x[:50], y[:50]), (x[50:], y[50:])]
    whole = deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x, y))
    parts = deep.hessian_eigenpairs(model, CROSS_ENTROPY, cut)
    assert (parts.samples, parts.batches) == (60, 2)
    assert "eigenvectors" not in repr(parts)
    assert deep.HessianEigenpairs.from_dict(parts.to_dict()) == parts
    np.testing.assert_allclose(parts.eigenvalues, whole.eigenvalues, rtol=1e-9)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-12)


def test_frozen_parameters_are_constants():
    model, data = classifier(), rows()
    model[0].requires_grad_(False)
    expected = np.linalg.eigvalsh(dense_hessian(model, CROSS_ENTROPY, *data))[::-1]
    found = deep.hessian_eigenpairs(model, CROSS_ENTROPY, data, k=3)
    assert found.eigenvectors.shape == (3, 40)
    np.testing.assert_allclose(found.eigenvalues, expected[:3], rtol=1e-9)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_batch_norm_in_both_modes(mode):
    model, data = classifier(torch.float64, 9, torch.nn.BatchNorm1d(9)), rows()
    model[1].running_mean.normal_(generator=torch.Generator().manual_seed(0))
    found = deep.hessian_eigenpairs(model, CROSS_ENTROPY, data, k=2, mode=mode)
    model.train(mode == "train")
    expected = np.linalg.eigvalsh(dense_hessian(model, CROSS_ENTROPY, *data))[::-1]
    np.testing.assert_allclose(found.eigenvalues, expected[:2], rtol=1e-8)
    other = deep.hessian_eigenpairs(
        model, CROSS_ENTROPY, data, k=2, mode="eval" if mode == "train" else "train"
    )
    assert abs(other.eigenvalues[0] / found.eigenvalues[0] - 1) > 1e-3


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("training", [True, False])
def test_everything_is_as_before(mode, training):
    model, data = classifier(torch.float64, 9, torch.nn.BatchNorm1d(9)), rows()
    model.train(training)
    model[0].eval()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data), batch_size=20)
    before = fingerprint(model)
    deep.hessian_eigenpairs(model, CROSS_ENTROPY, loader, k=2, mode=mode)
    deep.spectral_density(model, CROSS_ENTROPY, loader, steps=3, probes=2, mode=mode)
    with pytest.raises(ValueError, match="k = 0"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, loader, k=0, mode=mode)
    assert fingerprint(model) == before
    torch.rand(1)
    assert fingerprint(model) != before


def test_the_products_are_the_difference_of_gradients():
    model, (x, y) = classifier(), rows()
    pairs = deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x, y), k=1)
    q, step = torch.as_tensor(pairs.eigenvectors[0].copy()), 1e-5
    parameters = list(model.parameters())
    pieces = [v.view_as(p) for v, p in zip(q.split([54, 9, 36, 4]), parameters, strict=True)]
    gradients = []
    for move in (step, -2 * step):
        with torch.no_grad():
            for p, v in zip(parameters, pieces, strict=True):
                p += move * v
        found = torch.autograd.grad(CROSS_ENTROPY(model(x), y), parameters)
        gradients.append(torch.cat([g.reshape(-1) for g in found]))
    along = (gradients[0] - gradients[1]) / (2 * step)
    assert float(along @ q) == pytest.approx(pairs.eigenvalues[0], rel=1e-7)


def test_the_density_has_the_moments_of_the_hessian():
    model, data = classifier(), rows()
    H = dense_hessian(model, CROSS_ENTROPY, *data)
    found = deep.spectral_density(model, CROSS_ENTROPY, data, steps=20, probes=40)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0, rtol=1e-12)
    assert abs(found.trace - np.trace(H)) < 6 * found.trace_error  # Student, 39 degrees: 5e-7
    second, error = found.moment(2)
    assert abs(second - np.sum(H**2) / len(H)) < 6 * error
    assert abs(second - 2 * np.sum(H**2) / len(H)) > 6 * error
    grid, width = np.linspace(-1, 2, 301), 0.1
    density, spread = found.density(grid, width)
    values = np.linalg.eigvalsh(H)
    kernel = np.exp(-(((grid[:, None] - values) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    assert (np.abs(density - kernel.mean(axis=1)) < 6.5 * spread + 2e-3).all()
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=1e-3)


def test_losses_that_are_not_deterministic_are_named():
    model, (x, y) = classifier(torch.float64, 9, torch.nn.Dropout(0.5)), rows()
    with pytest.raises(ValueError, match=r"module '1' of type Dropout.* mode 'eval'"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x, y), mode="train")
    deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x, y), k=1)
    dataset = torch.utils.data.TensorDataset(x, y)
    shuffled = torch.utils.data.DataLoader(dataset, batch_size=20, shuffle=True)
    with pytest.raises(ValueError, match="shuffle=False"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, shuffled)


def test_what_cannot_be_computed_is_refused():
    model, (x, y) = classifier(), rows()
    with pytest.raises(ValueError, match=r"shape \(60,\).* a scalar"):
        deep.hessian_eigenpairs(model, torch.nn.CrossEntropyLoss(reduction="none"), (x, y))
    with pytest.raises(ValueError, match="nan in batch 0"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x * float("nan"), y))
    with pytest.raises(ValueError, match="can be read again"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, iter([(x, y)]))
    with pytest.raises(ValueError, match="data = 3"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, 3)
    with pytest.raises(ValueError, match="no batch"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, [])
    with pytest.raises(ValueError, match=r"model = None of type NoneType.*torch.nn.Module"):
        deep.hessian_eigenpairs(None, None, None)
    with pytest.raises(ValueError, match=r"loss = None of type NoneType.*function"):
        deep.hessian_eigenpairs(model, None, (x, y))
    with pytest.raises(ValueError, match="which = 'both'"):
        deep.hessian_eigenpairs(model, CROSS_ENTROPY, (x, y), which="both")
