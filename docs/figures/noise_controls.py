r"""
Controls of a tail index
========================

Minibatch noise of linear regression on features that are not negative, at four batch sizes: the
index by the published recipe, on normal noise of equal covariance, and along single coordinates
over batches. The recipe's index hardly moves and has nothing to do with tails."""

import matplotlib.pyplot as plt
import numpy as np

import linsgd

rng = np.random.default_rng(0)
X = rng.random((2000, 60)) * np.linspace(0.3, 2.0, 60)
problem = linsgd.LinearRegression.from_data(X, X @ rng.normal(size=60) + rng.normal(size=2000))

batches = [1, 4, 16, 64]
treatments = {"zeros masked": "recipe", "surrogate": "normal noise", "per coordinate": "one weight"}
found = []
for size in batches:
    noise = linsgd.gradient_noise(problem, problem.optimum, size).sample(1500, rng)
    found.append(linsgd.estimate.tail_controls(noise))

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for name, label in treatments.items():
    rows = [each[name] for each in found]
    errors = [[row.value - row.lower for row in rows], [row.upper - row.value for row in rows]]
    ax.errorbar(batches, [row.value for row in rows], errors, marker="o", capsize=3, label=label)
ax.axhline(2, color="grey", linewidth=0.8)
ax.set(xscale="log", xlabel="batch size", ylabel="index by blocks", ylim=(0.9, 2.15))
ax.set_xticks(batches, batches)
_ = ax.legend()
