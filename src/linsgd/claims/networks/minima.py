"""Runs of which the minimum itself is measured: its noise, its sharpness, and the linear limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression

LEVEL = 0.1  # of the training loss at which minima are compared
LONGEST = 40  # times `steps`, after which a run that has not reached the level gives nan
EVERY = 20  # steps between two looks at the training loss
CHECKPOINTS = 8
WIDTHS = {"wide": (64, 64, 10), "deep": (64, 16, 16, 10), "squared loss": (64, 16, 10)}


@dataclass(frozen=True, slots=True)
class Minima:
    """Tanh networks on the digits without momentum and weight decay.

    Attributes
    ----------
    seeds, steps, rows, directions : int
        As of `linsgd.claims.networks.runs.Perceptrons`.
    batch_sizes : tuple of int
        Whose minima are compared at equal training loss.
    """

    seeds: int = 6
    steps: int = 1600
    rows: int = 1792
    directions: int = 20
    batch_sizes: tuple[int, int] = (8, 256)

    @property
    def sgd(self) -> SGD:
        """The optimizer."""
        return SGD(lr=0.1, batch_size=32)

    def fingerprint(self) -> str:
        """Return the settings."""
        return f"{canonical(self)} {canonical(self.sgd)} {LEVEL}"

    def measure(self, seed: int) -> Mapping[str, FloatArray]:
        """Train with each loss and both batch sizes, and measure noise and curvature."""
        from linsgd.claims.networks.training import cross_entropy, digits, squared

        data = digits(self.rows)
        found = self._noise("squared", squared, data, seed)
        found |= self._noise("cross-entropy", cross_entropy, data, seed)
        found["recipe"] = np.array([self._recipe(name, data, seed) for name in WIDTHS])
        found["sharpness"] = np.array([self._sharpness(data, b, seed) for b in self.batch_sizes])
        return found

    def _noise(self, name: str, loss: Any, data: Any, seed: int) -> dict[str, FloatArray]:
        """Return losses and noise strengths along a run, and curvature and noise at its end."""
        from linsgd import deep
        from linsgd.claims.networks.training import full_loss, perceptron, train

        model, rows = perceptron((64, 16, 10), seed), []
        for i in range(CHECKPOINTS):
            train(model, loss, data, self.sgd, 1, seed + i, settle=self.steps // CHECKPOINTS)
            strength = deep.GradientNoise(model, loss, data, 32).trace().value
            rows.append((full_loss(model, loss, data), strength))
        pairs = deep.hessian_eigenpairs(model, loss, data, k=self.directions)
        noise = deep.GradientNoise(model, loss, data, 32).along(pairs.eigenvectors)
        gamma = deep.noise_exponent(pairs.eigenvalues, noise.variance).value
        return {f"strength {name}": np.array(rows), f"gamma {name}": np.array([gamma])}

    def _recipe(self, name: str, data: Any, seed: int) -> float:
        """Return what the recipe reads without exact zeros, over that of normal noise."""
        from linsgd import deep, estimate
        from linsgd.claims.networks.training import cross_entropy, perceptron, squared, train

        loss = squared if name == "squared loss" else cross_entropy
        model = perceptron(WIDTHS[name], seed)
        train(model, loss, data, self.sgd, 1, seed, settle=self.steps // 4)
        noise = deep.GradientNoise(model, loss, data, 32).sample(400, seed)
        controls = estimate.tail_controls(noise, seed=seed)
        return 1 / controls["zeros masked"].value - 1 / controls["surrogate"].value

    def _sharpness(self, data: Any, batch_size: int, seed: int) -> float:
        """Return the largest eigenvalue of the Hessian where the loss reaches the level."""
        from linsgd import deep
        from linsgd.claims.networks.training import cross_entropy, full_loss, perceptron, train

        model, sgd = perceptron((64, 16, 10), seed), replace(self.sgd, batch_size=batch_size)
        for i in range(LONGEST * self.steps // EVERY):
            train(model, cross_entropy, data, sgd, 1, seed + 100 + i, settle=EVERY - 1)
            if full_loss(model, cross_entropy, data) <= LEVEL:
                pairs = deep.hessian_eigenpairs(model, cross_entropy, data, k=1)
                return float(pairs.eigenvalues[0])
        return float("nan")


@dataclass(frozen=True, slots=True)
class LinearChains:
    """A linear model in torch: one weight (chains, d), each row a chain of its own.

    Attributes
    ----------
    problem : LinearRegression
        The rows.
    seeds, chains, steps : int
        Runs, chains a run, and the steps after which the displacement is taken.
    """

    problem: LinearRegression
    seeds: int = 6
    chains: int = 256
    steps: int = 100

    @property
    def sgd(self) -> SGD:
        """The optimizer, well inside the range of stable learning rates."""
        largest = float(self.problem.eigenvalues.max())
        return SGD(lr=0.05 / largest, batch_size=8, momentum=0.9)

    def fingerprint(self) -> str:
        """Return the settings."""
        sizes = (self.seeds, self.chains, self.steps)
        return f"linear {canonical(self.problem.features)} {canonical(self.sgd)} {sizes}"

    def measure(self, seed: int) -> Mapping[str, FloatArray]:
        """Return the mean squared displacement of a chain from 0."""
        from linsgd import deep
        from linsgd.deep.pytorch import torch

        law = self.problem.features
        X, y = (torch.from_numpy(np.array(a)) for a in (law.X, law.y))  # type: ignore[attr-defined]
        rng = torch.Generator().manual_seed(seed)
        model = torch.nn.Module()
        model.w = torch.nn.Parameter(torch.zeros(self.chains, X.shape[1], dtype=torch.float64))
        sgd = self.sgd
        optimizer = torch.optim.SGD(model.parameters(), lr=sgd.lr, momentum=sgd.momentum)
        with deep.PhaseSpaceRecorder(model, optimizer) as recorder:
            for _ in range(self.steps):
                rows = torch.randint(len(y), (self.chains, sgd.batch_size), generator=rng)
                outputs = torch.einsum("rbd,rd->rb", X[rows], model.w)
                optimizer.zero_grad()
                (((outputs - y[rows]) ** 2).mean(dim=1).sum() / 2).backward()
                optimizer.step()
        return {"displacement": recorder.record.displacement[-1:, 0] / self.chains}
