r"""
Regimes of a mode
=================

A mode is overdamped, underdamped or alternating, depending on :math:`\eta h_\lambda` and on the
momentum. In the Langevin equation oscillation sets in (dashes) a little below the algorithm's
threshold, and no mode alternates."""

import matplotlib.pyplot as plt

import linsgd

figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
linsgd.plot.regime_diagram(ax)
