r"""
Regimes of a mode
=================

A mode of curvature :math:`h` creeps, rings or alternates, depending on :math:`\eta h` and on the
momentum. The Langevin equation puts the onset of ringing (dashes) a little below the algorithm's,
and knows no alternation."""

import matplotlib.pyplot as plt

import linsgd

figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
linsgd.plot.regime_diagram(ax)
