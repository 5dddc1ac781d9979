"""Draws the map of the tail exponent: python docs/figures/tail_map.py

alpha over learning rate and batch size for 100 isotropic Gaussian features, with the two stability thresholds.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import linsgd

FILE = Path(__file__).parents[1] / "_static" / "tail_map.svg"
STYLE = {"svg.hashsalt": "linsgd", "svg.fonttype": "path", "font.size": 10}
DIMENSION, POINTS = 100, 50

problem = linsgd.LinearRegression.gaussian(np.ones(DIMENSION))


def exponents(lrs, batches):
    """Return alpha (batches, lrs); nan where there is no stationary law."""
    return np.array(
        [[linsgd.tail_exponent(problem, linsgd.SGD(lr=lr, batch_size=int(b))).value for lr in lrs] for b in batches]
    )


def draw():
    lrs = np.geomspace(0.005, 2.0, POINTS)
    batches = np.unique(np.round(np.geomspace(1, 1000, POINTS)).astype(int))
    alpha = exponents(lrs, batches)
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
        mesh = ax.pcolormesh(lrs, batches, np.log10(alpha), cmap="viridis", shading="nearest", rasterized=True)
        figure.colorbar(mesh, ax=ax, label=r"$\log_{10}\alpha$")
        ax.plot(2 * batches / (batches + DIMENSION + 1), batches, color="crimson", label=r"$\alpha = 2$")
        edges = [linsgd.stability(problem, linsgd.SGD(lr=0.1, batch_size=int(b))).lr_almost_sure.lower for b in batches]
        ax.plot(edges, batches, color="black", linestyle="--", label="no stationary law beyond")
        ax.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="batch size", xlim=(lrs[0], lrs[-1]))
        ax.set_ylim(batches[0], batches[-1])
        ax.legend(loc="lower right")
        figure.savefig(FILE, metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    draw()
