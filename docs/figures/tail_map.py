r"""
Map of the tail exponent
========================

The tail exponent :math:`\alpha` over learning rate and batch size for 100 isotropic Gaussian
features, with the two stability thresholds. Exponents that one would call heavy fill a sliver at
the edge."""

import matplotlib.pyplot as plt
import numpy as np

import linsgd

DIMENSION, POINTS = 100, 40
problem = linsgd.LinearRegression.gaussian(np.ones(DIMENSION))
lrs = np.geomspace(0.005, 2.0, POINTS)
batches = np.unique(np.round(np.geomspace(1, 1000, POINTS)).astype(int))
alpha = [
    [linsgd.tail_exponent(problem, linsgd.SGD(lr=lr, batch_size=int(b))).value for lr in lrs]
    for b in batches
]
edges = [
    linsgd.stability(problem, linsgd.SGD(lr=0.1, batch_size=int(b))).lr_almost_sure.lower
    for b in batches
]

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
mesh = ax.pcolormesh(
    lrs, batches, np.log10(alpha), cmap="viridis", shading="nearest", rasterized=True
)
figure.colorbar(mesh, ax=ax, label=r"$\log_{10}\alpha$")
ax.plot(2 * batches / (batches + DIMENSION + 1), batches, color="crimson", label=r"$\alpha = 2$")
ax.plot(edges, batches, color="black", linestyle="--", label="no stationary law beyond")
ax.set(
    xscale="log", yscale="log", xlabel="learning rate", ylabel="batch size", xlim=(lrs[0], lrs[-1])
)
ax.set_ylim(batches[0], batches[-1])
ax.legend(loc="lower right")
