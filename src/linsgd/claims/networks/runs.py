"""One run a seed of each network: everything that the claims on it measure.

All arrays of a run are kept, so that an interrupted campaign goes on with the seeds that are
missing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.optimizers.sgd import SGD

Arrays = Mapping[str, FloatArray]
RATES = (0.25, 0.5, 1.0)  # times the base learning rate
BATCHES = (16, 32, 64)
MOMENTA = (0.0, 0.9)
LAGS = (1, 2, 4, 8, 16, 28, 56, 112, 224, 448)  # of displacements, in steps


@dataclass(frozen=True, slots=True)
class Perceptrons:
    """Tanh networks 64 - hidden - 10 on the digits with cross-entropy and weight decay.

    Attributes
    ----------
    seeds : int
        Runs.
    steps : int
        Of the training before anything is measured, and of each long record.
    rows : int
        Of the digits.
    hidden, directions : int
        Units, and eigenvectors of the Hessian that are followed.
    """

    seeds: int = 6
    steps: int = 2400
    rows: int = 1792
    hidden: int = 16
    directions: int = 20

    @property
    def sgd(self) -> SGD:
        """The optimizer, at which the weights are stationary in the end."""
        return SGD(lr=0.05, batch_size=32, momentum=0.9, weight_decay=0.01)

    def fingerprint(self) -> str:
        """Return the settings."""
        return f"{canonical(self)} {canonical(self.sgd)}"

    def measure(self, seed: int) -> Arrays:
        """Train one network, and measure displacements, fluctuations and noise at its end."""
        from linsgd import deep
        from linsgd.claims.networks.noise_of import noise_of
        from linsgd.claims.networks.training import cross_entropy, digits, perceptron, train

        data, sgd = digits(self.rows), self.sgd
        model = perceptron((64, self.hidden, 10), seed)
        early = train(model, cross_entropy, data, replace(sgd, lr=0.005), self.steps // 4, seed)
        train(model, cross_entropy, data, sgd, 1, seed, settle=self.steps)
        pairs = deep.hessian_eigenpairs(model, cross_entropy, data, k=self.directions)
        noise = deep.GradientNoise(model, cross_entropy, data, sgd.batch_size)
        along = noise.along(pairs.eigenvectors)
        found = {
            "early": early.displacement[:, 0],
            "curvature": pairs.eigenvalues,
            "noise": along.variance,
        }
        for sampling in ("independent", "epoch", "fixed"):
            scheme = replace(sgd, sampling=sampling, replacement=None)
            found |= self._followed(model, data, scheme, pairs, along, seed)
        found |= _local(model, cross_entropy, data, sgd, seed, self.steps // 8)
        for b in (BATCHES[0], BATCHES[-1]):
            found[f"global b={b}"] = self._displacements(
                model, data, replace(sgd, batch_size=b), seed
            )
        return found | noise_of(model, cross_entropy, data, pairs.eigenvectors, seed)

    def _epoch(self, sgd: SGD) -> int:
        return self.rows // sgd.batch_size

    def _followed(
        self, model: Any, data: Any, sgd: SGD, pairs: Any, along: Any, seed: int
    ) -> dict[str, FloatArray]:
        """Record a long run under one sampling scheme; return its variances over the predicted."""
        from linsgd import deep
        from linsgd.claims.networks.training import cross_entropy, train

        copied, n = copy.deepcopy(model), self._epoch(sgd)
        origins = [n * i for i in range(max(1, self.steps // n - 10))][::2]
        record = train(
            copied,
            cross_entropy,
            data,
            sgd,
            self.steps,
            seed + 1,
            pairs.eigenvectors,
            origins,
            settle=5 * n,
        )
        theory = deep.predict(pairs.eigenvalues, along.variance, sgd, rows=self.rows)
        name = str(sgd.sampling)
        found = {
            f"position {name}": record.position.var(axis=0),
            f"velocity {name}": record.velocity.var(axis=0),
            f"predicted position {name}": theory.position_variance,
            f"predicted velocity {name}": theory.velocity_variance,
            f"global {name}": _averaged(record, (n // 2, n, *LAGS)),
        }
        if name == "independent":
            balance = deep.stationarity(record, pairs.eigenvalues, sgd)
            found["dissipation"] = np.array([balance.ratio])
        return found

    def _displacements(self, model: Any, data: Any, sgd: SGD, seed: int) -> FloatArray:
        """Return displacements over the lags, after the run is stationary at this batch."""
        from linsgd.claims.networks.training import cross_entropy, train

        copied = copy.deepcopy(model)
        origins = range(0, max(1, self.steps - LAGS[-1]), LAGS[-1] // 4)
        settle = self.steps // 4
        record = train(
            copied, cross_entropy, data, sgd, self.steps, seed + 2, None, list(origins), settle
        )
        return _averaged(record, LAGS)


@dataclass(frozen=True, slots=True)
class ResidualNets:
    """A small residual network on the digits, with or without batch norm.

    Attributes
    ----------
    batch_norm : bool
        Whether the two convolutions of the block follow batch norm.
    seeds, steps, rows, directions : int
        As of `Perceptrons`.
    """

    batch_norm: bool
    seeds: int = 6
    steps: int = 1000
    rows: int = 448
    directions: int = 5

    @property
    def sgd(self) -> SGD:
        """The optimizer."""
        return SGD(lr=0.02, batch_size=32, momentum=0.9, weight_decay=0.01)

    def fingerprint(self) -> str:
        """Return the settings."""
        return f"{canonical(self)} {canonical(self.sgd)}"

    def measure(self, seed: int) -> Arrays:
        """Train one network, then measure local displacements and velocities."""
        from linsgd import deep
        from linsgd.claims.networks.training import (
            ResidualNet,
            cross_entropy,
            digits,
            initialised,
            train,
        )

        data, sgd = digits(self.rows), self.sgd
        model = initialised(ResidualNet(self.batch_norm), seed)
        train(model, cross_entropy, data, sgd, 1, seed, settle=self.steps)
        found = _local(model, cross_entropy, data, sgd, seed, self.steps // 4)
        mode: Literal["eval", "train"] = "train" if self.batch_norm else "eval"
        pairs = deep.hessian_eigenpairs(model, cross_entropy, data, k=self.directions, mode=mode)
        noise = deep.GradientNoise(model, cross_entropy, data, sgd.batch_size, mode=mode)
        along = noise.along(pairs.eigenvectors)
        theory = deep.predict(pairs.eigenvalues, along.variance, sgd)
        record = train(model, cross_entropy, data, sgd, self.steps, seed + 1, pairs.eigenvectors)
        found["velocity"] = record.velocity.var(axis=0)
        found["predicted velocity"] = theory.velocity_variance
        return found


def _local(
    model: Any, loss: Any, data: Any, sgd: SGD, seed: int, steps: int
) -> dict[str, FloatArray]:
    """Return mean squared steps at several learning rates, batch sizes and momenta."""
    from linsgd.claims.networks.training import train

    def square(changed: SGD) -> float:
        copied = copy.deepcopy(model)
        record = train(copied, loss, data, changed, steps, seed + 3, settle=steps // 3)
        return float(record.squared_step.mean())

    return {
        "local lr": np.array([square(replace(sgd, lr=sgd.lr * x)) for x in RATES]),
        "local batch": np.array([square(replace(sgd, batch_size=b)) for b in BATCHES]),
        "local momentum": np.array([square(replace(sgd, momentum=m)) for m in MOMENTA]),
    }


def _averaged(record: Any, lags: tuple[int, ...]) -> FloatArray:
    """Return |theta_{s+k} - theta_s|^2 averaged over the origins s of a record."""
    found = np.full(len(lags), np.nan)
    for i, k in enumerate(lags):
        ends = record.origins + k - 1  # row of step s + k
        inside = np.flatnonzero(ends < len(record.steps))
        if len(inside):
            found[i] = record.displacement[ends[inside], inside].mean()
    return found
