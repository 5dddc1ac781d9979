"""What a recorder reads is what the weights did; a run with it is the run without it."""

import copy

import numpy as np
import pytest

import linsgd

torch = pytest.importorskip("torch")
deep = linsgd.deep

OPTIMIZERS = {
    "plain": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
    "dampening": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3),
    "foreach": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, foreach=True),
    "loop": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, foreach=False),
    "fused": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, fused=True),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "maximize": lambda p: torch.optim.SGD(p, lr=0.001, momentum=0.9, maximize=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
}


def network(dtype=torch.float64):
    torch.manual_seed(1)
    layers = torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2)
    return torch.nn.Sequential(*layers).to(dtype)


def batches(count, dtype=torch.float64):
    rng = torch.Generator().manual_seed(3)
    return [
        (torch.randn(8, 5, generator=rng).to(dtype), torch.randn(8, 2, generator=rng).to(dtype))
        for _ in range(count)
    ]


def vector(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()]).double().numpy().copy()


def steps_of(model, optimizer, data, loss=None):
    """Train, and yield the weights after each step."""
    for x, y in data:
        optimizer.zero_grad()
        value = ((model(x) - y) ** 2).mean()
        value.backward()
        if loss is not None:
            loss(value)
        optimizer.step()
        yield vector(model)


def trained(make, data, **options):
    """Return the weights after each step and the record, and the optimizer."""
    model = network()
    optimizer = make(model.parameters())
    path = [vector(model)]
    with deep.PhaseSpaceRecorder(model, optimizer, **options) as recorder:
        path.extend(steps_of(model, optimizer, data, recorder.add_loss))
    return np.array(path), recorder, optimizer, model


def in_recorder(recorder, steps):
    with recorder:
        list(steps)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_displacements_steps_and_projections_are_those_of_the_weights(name):
    size = vector(network()).size
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(size, 3)))[0].T
    path, recorder, _, _ = trained(
        OPTIMIZERS[name], batches(150), directions=Q, every=2, origins=(0, 7, 40)
    )
    record, k = recorder.record, np.arange(2, 151, 2)
    assert record.steps.tolist() == k.tolist()
    for j, origin in enumerate((0, 7, 40)):
        expected = ((path[k] - path[origin]) ** 2).sum(axis=1)
        later = k >= origin
        np.testing.assert_allclose(record.displacement[later, j], expected[later], rtol=1e-12)
        assert np.isnan(record.displacement[~later, j]).all()
    moved = path[k] - path[k - 1]
    np.testing.assert_allclose(record.squared_step, (moved**2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(record.step, moved @ Q.T, atol=1e-14)
    np.testing.assert_allclose(record.position, (path[k] - path[0]) @ Q.T, atol=1e-14)
    assert np.isfinite(record.loss).all()


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if n != "AdamW"])
def test_the_velocity_is_minus_torchs_buffer(name):
    size = vector(network()).size
    path, recorder, optimizer, model = trained(
        OPTIMIZERS[name], batches(9), directions=np.eye(size)[:5]
    )
    lr, momentum = (optimizer.param_groups[0][key] for key in ("lr", "momentum"))
    if momentum:
        buffers = [optimizer.state[p]["momentum_buffer"].reshape(-1) for p in model.parameters()]
        velocity = -torch.cat(buffers).numpy()
    else:
        velocity = (path[-1] - path[-2]) / lr
    record = recorder.record
    assert record.squared_velocity[-1] == pytest.approx(np.sum(velocity**2), rel=1e-12)
    np.testing.assert_allclose(record.velocity[-1], velocity[:5], rtol=1e-12)
    if name in ("momentum", "dampening", "plain"):
        assert record.squared_step == pytest.approx(lr**2 * record.squared_velocity, rel=1e-9)


def test_other_optimizers_keep_the_observables_that_remain():
    _, recorder, _, _ = trained(OPTIMIZERS["AdamW"], batches(5))
    record = recorder.record
    assert np.isnan(record.squared_velocity).all()
    assert np.isfinite(record.squared_step).all()
    assert record.reason.startswith("torch.AdamW keeps no velocity; displacements, steps")


def test_groups_without_momentum_and_parameters_that_do_not_move():
    model = network()
    first, last = model[0], model[2]
    groups = [
        {"params": [first.weight], "lr": 0.1, "momentum": 0.9},
        {"params": [last.weight], "lr": 0.02, "momentum": 0.0},
    ]
    optimizer = torch.optim.SGD(groups)
    size = vector(model).size
    with deep.PhaseSpaceRecorder(model, optimizer, directions=np.eye(size)) as recorder:
        *_, before, after = steps_of(model, optimizer, batches(6))
    velocity = recorder.record.velocity[-1]
    assert not velocity[35:42].any()
    assert not velocity[56:].any()
    buffer = optimizer.state[first.weight]["momentum_buffer"].reshape(-1)
    np.testing.assert_allclose(velocity[:35], -buffer)
    np.testing.assert_allclose(velocity[42:56], (after - before)[42:56] / 0.02, rtol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_with_a_recorder_is_the_run_without(name):
    plain = network()
    optimizer = OPTIMIZERS[name](plain.parameters())
    *_, expected = steps_of(plain, optimizer, batches(20))
    network()
    seeded = torch.random.get_rng_state()
    path, _, other, _ = trained(OPTIMIZERS[name], batches(20))
    np.testing.assert_array_equal(path[-1], expected)
    assert not other._optimizer_step_pre_hooks
    assert not other._optimizer_step_post_hooks
    assert repr(other.state_dict()) == repr(optimizer.state_dict())
    assert torch.equal(torch.random.get_rng_state(), seeded)


def test_everything_is_restored_after_an_exception():
    model = network()
    optimizer = OPTIMIZERS["momentum"](model.parameters())
    recorder = deep.PhaseSpaceRecorder(model, optimizer)
    steps = steps_of(model, optimizer, [*batches(5), ("not", "a batch")])
    with pytest.raises(TypeError):
        in_recorder(recorder, steps)
    assert recorder.record.steps.tolist() == [1, 2, 3, 4, 5]
    assert not optimizer._optimizer_step_post_hooks
    list(steps_of(model, optimizer, batches(3)))
    assert len(recorder.record.steps) == 5


def test_accumulated_gradients_count_as_one_step_with_their_mean_loss():
    model = network()
    optimizer = OPTIMIZERS["momentum"](model.parameters())
    losses = []
    with deep.PhaseSpaceRecorder(model, optimizer) as recorder:
        for i, (x, y) in enumerate(batches(8)):
            loss = ((model(x) - y) ** 2).mean()
            (loss / 4).backward()
            losses.append(loss.item())
            recorder.add_loss(loss)
            if i % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()
    expected = np.reshape(losses, (2, 4)).mean(axis=1)
    np.testing.assert_allclose(recorder.record.loss, expected, rtol=1e-12)


def test_autocast_with_a_scaler():
    model = network(torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    start = vector(model)
    with deep.PhaseSpaceRecorder(model, optimizer) as recorder:
        for x, y in batches(6, torch.float32):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = ((model(x) - y) ** 2).mean()
            scaler.scale(loss).backward()
            recorder.add_loss(loss)
            scaler.step(optimizer)
            scaler.update()
    expected = np.sum((vector(model) - start) ** 2)
    assert recorder.record.displacement[-1, 0] == pytest.approx(expected, rel=1e-5)


def test_half_precision_weights_are_subtracted_in_single_precision():
    model = network(torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    start = vector(model)
    with deep.PhaseSpaceRecorder(model, optimizer) as recorder:
        *_, end = steps_of(model, optimizer, batches(4, torch.bfloat16))
    expected = np.sum((end - start) ** 2)
    assert recorder.record.displacement[-1, 0] == pytest.approx(expected, rel=1e-5)


def test_a_file_grows_and_is_readable_when_the_last_row_is_cut(tmp_path):
    file = tmp_path / "run.phase"
    _, recorder, _, _ = trained(OPTIMIZERS["momentum"], batches(200), file=file)
    _, in_memory, _, _ = trained(OPTIMIZERS["momentum"], batches(200))
    assert deep.read_record(file) == in_memory.record == recorder.record
    file.write_bytes(file.read_bytes()[:-5])
    assert deep.read_record(file).steps.tolist() == list(range(1, 200))
    with pytest.raises(ValueError, match=r"file = .* does not exist yet"):
        trained(OPTIMIZERS["momentum"], batches(2), file=file)
    (tmp_path / "other").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ValueError, match="written by PhaseSpaceRecorder"):
        deep.read_record(tmp_path / "other")


@pytest.mark.parametrize("where", ["loss", "weights"])
def test_recording_stops_before_what_is_not_finite(where, tmp_path):
    model = network()
    optimizer = OPTIMIZERS["momentum"](model.parameters())
    file = tmp_path / "run.phase"
    with deep.PhaseSpaceRecorder(model, optimizer, file=file) as recorder:
        for i, _ in enumerate(steps_of(model, optimizer, batches(150))):
            recorder.add_loss(torch.tensor(float("nan") if where == "loss" and i == 20 else 1.0))
            if where == "weights" and i == 20:
                with torch.no_grad():
                    model[0].weight[0, 0] = float("inf")
    record = deep.read_record(file)
    assert record.status is deep.RecordStatus.NOT_FINITE
    assert record.steps.tolist() == list(range(1, 22))
    assert record == recorder.record


def test_a_result_comes_back_from_json():
    _, recorder, _, _ = trained(OPTIMIZERS["momentum"], batches(5), origins=(0, 2))
    record = recorder.record
    assert deep.PhaseSpaceRecord.from_dict(record.to_dict()) == record


def test_the_average_over_origins():
    path, recorder, _, _ = trained(OPTIMIZERS["momentum"], batches(30), origins=(0, 5, 10))
    found = recorder.record.over_origins([3, 20, 27])
    at = [np.sum((path[o + 3] - path[o]) ** 2) for o in (0, 5, 10)]
    assert found.origins.tolist() == [3, 3, 1]
    assert found.value[0] == pytest.approx(np.mean(at))
    assert found.standard_error[0] == pytest.approx(np.std(at, ddof=1) / np.sqrt(3))
    assert np.isnan(found.standard_error[2])


def test_what_cannot_be_recorded_is_refused():
    model = network()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    frozen = copy.deepcopy(model).requires_grad_(False)
    with pytest.raises(ValueError, match="models with a parameter that requires grad"):
        deep.PhaseSpaceRecorder(frozen, sgd)
    with pytest.raises(ValueError, match="of other parameters"):
        deep.PhaseSpaceRecorder(copy.deepcopy(model), sgd)
    with pytest.raises(ValueError, match="optimizer = 3 of type int"):
        deep.PhaseSpaceRecorder(model, 3)
    with pytest.raises(ValueError, match=r"directions = .*\(any, 58\)"):
        deep.PhaseSpaceRecorder(model, sgd, directions=np.ones((2, 3)))
    with pytest.raises(ValueError, match="every = 0"):
        deep.PhaseSpaceRecorder(model, sgd, every=0)
