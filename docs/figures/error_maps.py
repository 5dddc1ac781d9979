r"""
Error of the Langevin equation
==============================

Its relative error against the algorithm, in the stationary variances (for noise that does not
depend on the weights), in the damping and in the frequency of a mode. The first and the last vanish
with the learning rate; that of the damping of underdamped modes (right of the thin line) depends on
the momentum alone."""

import matplotlib.pyplot as plt

import linsgd

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", sharey=True)
for quantity, ax in zip(("position_variance", "damping", "frequency"), axes, strict=True):
    linsgd.plot.error_map(quantity, ax)
