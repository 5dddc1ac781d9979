r"""
Where the Langevin equation holds
=================================

Relative error of the Langevin equation's position variances over learning rate and batch size,
without and with momentum. Left of the white line they are within 5 % of the exact ones; right of
the black line the variance of SGD is infinite."""

import matplotlib.pyplot as plt
import numpy as np

import linsgd

problem = linsgd.LinearRegression.gaussian([1.0, 0.5, 0.1])
batches = np.unique(np.geomspace(1, 256, 24).astype(int))
found = linsgd.atlas(problem, np.geomspace(0.003, 3, 48), batches, [0.0, 0.9])

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, momentum in zip(axes, [0.0, 0.9], strict=True):
    found.plot("langevin", momentum, ax)
