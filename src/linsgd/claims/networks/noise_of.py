"""The gradient noise of a trained network, and of others: tails, kurtosis, normality, exponent."""

from __future__ import annotations

from typing import Any

import numpy as np

from linsgd.domains import FloatArray
from linsgd.estimate.normality import normality
from linsgd.estimate.tail_controls import tail_controls

TABLE = 400  # batches of the tables from which tails are estimated
DRAWN = 2000  # batches of the projections
SMALL, LARGE = 4, 16  # batch sizes at which kurtosis is compared
TESTED = (4, 256)  # batch sizes at which normality is tested


def noise_of(model: Any, loss: Any, data: Any, directions: Any, seed: int) -> dict[str, FloatArray]:
    """Return the recipe's controls, kurtosis by batch size and the share of rejected directions."""
    from linsgd.deep.gradient_noise import GradientNoise

    noise = GradientNoise(model, loss, data, 32)
    controls = tail_controls(noise.sample(TABLE, seed), seed=seed)
    names = ("raw", "surrogate", "permuted", "per coordinate", "zeros masked")
    found = {"recipe": np.array([1 / controls[name].value for name in names])}
    kurtosis = []
    for b in (SMALL, LARGE):
        along = GradientNoise(model, loss, data, b).sample(DRAWN, seed) @ directions.T
        apart = along - along.mean(axis=0)
        kurtosis.append(np.mean((apart**4).mean(axis=0) / (apart**2).mean(axis=0) ** 2 - 3))
    found["kurtosis"] = np.array(kurtosis)
    rejected = []
    for b in TESTED:
        along = GradientNoise(model, loss, data, b).sample(TABLE, seed) @ directions.T
        rejected.append(np.mean([normality(x)["anderson_darling"].pvalue < 0.05 for x in along.T]))
    found["rejected"] = np.array(rejected)
    return found
