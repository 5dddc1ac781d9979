"""A linear model in torch has linsgd's exact moments: the linear limit, end to end.

One parameter (R, d) holds R independent chains, as SGD treats each entry alike: what is recorded is
the sum over the chains.
"""

import numpy as np
import pytest

import linsgd

torch = pytest.importorskip("torch")
load_diabetes = pytest.importorskip("sklearn.datasets").load_diabetes

CHAINS, STEPS = 3000, 40
CLEAR = 6.0  # standard errors; 2e-9 for each of fewer than 500 numbers

SGDS = {
    "plain": {"lr": 0.05},
    "momentum": {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.05},
    "dampening": {"lr": 0.03, "momentum": 0.8, "dampening": 0.4},
    "nesterov": {"lr": 0.02, "momentum": 0.9, "nesterov": True},
}


class Chains(torch.nn.Module):
    """R linear models without intercept."""

    def __init__(self, chains, d):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(chains, d, dtype=torch.float64))

    def forward(self, x):
        return torch.einsum("rbd,rd->rb", x, self.w)


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X * np.sqrt(len(X)), (y - y.mean()) / y.std()


def run(options, batch, full=False):
    """Return the record, the weights after the last step, and the spread of |w|^2 over chains."""
    X, y = map(torch.as_tensor, diabetes())
    chains = 1 if full else CHAINS
    model = Chains(chains, X.shape[1])
    optimizer = torch.optim.SGD(model.parameters(), **options)
    rng = torch.Generator().manual_seed(0)
    squares = []
    with linsgd.deep.PhaseSpaceRecorder(model, optimizer) as recorder:
        for _ in range(STEPS):
            rows = torch.randint(len(y), (chains, batch), generator=rng)
            rows = torch.arange(len(y))[None] if full else rows
            loss = ((model(X[rows]) - y[rows]) ** 2).mean(dim=1).sum() / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            squares.append((model.w.detach() ** 2).sum(dim=1).numpy().std())
    return recorder.record, model.w.detach().numpy(), np.array(squares)


@pytest.mark.parametrize("name", SGDS)
def test_displacements_and_velocities_of_an_ensemble(name):
    problem = linsgd.LinearRegression.from_data(*diabetes())
    sgd = linsgd.SGD(batch_size=4, **SGDS[name])
    record, w, spread = run(SGDS[name], 4)
    steps = np.arange(1, STEPS + 1)
    exact = linsgd.displacement(problem, sgd, steps, start=None)
    error = spread / np.sqrt(CHAINS)
    assert (np.abs(record.displacement[:, 0] / CHAINS - exact.global_msd) < CLEAR * error).all()
    twice = np.abs(record.displacement[:, 0] / CHAINS - 2 * exact.global_msd)
    assert (twice > CLEAR * error).all()
    law = linsgd.moments(problem, sgd, STEPS)
    speed = np.sum(law.velocity_mean**2) + np.sum(law.velocity_variance)
    assert record.squared_velocity[-1] / CHAINS == pytest.approx(speed, rel=0.2)
    variance = problem.to_eigenbasis(w).var(axis=0, ddof=1)
    assert variance == pytest.approx(law.position_variance, rel=CLEAR * np.sqrt(4 / CHAINS))


@pytest.mark.parametrize("name", SGDS)
def test_full_batches_are_the_exact_mean_to_rounding(name):
    X, y = diabetes()
    problem = linsgd.LinearRegression.from_data(X, y)
    sgd = linsgd.SGD(batch_size=len(y), replacement=False, **SGDS[name])
    record, w, _ = run(SGDS[name], len(y), full=True)
    steps = np.arange(1, STEPS + 1)
    law = linsgd.moments(problem, sgd, steps)
    assert w[0] == pytest.approx(law.mean[-1], rel=1e-10)
    np.testing.assert_allclose(record.displacement[:, 0], (law.mean**2).sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(
        record.squared_velocity, (law.velocity_mean**2).sum(axis=1), rtol=1e-9
    )
