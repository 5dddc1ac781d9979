r"""
Displacement and its exponent
=============================

How far the weights travel from stationarity in :math:`k` steps, for a hundred thousand modes of
curvature :math:`l^{-1.6}`: ballistic at first, then with the exponent :math:`1/1.6 = 0.625` until
all modes have saturated. The local exponents are drawn on the right; the shaded region is out of
reach of any stationary walk.
"""

import matplotlib.pyplot as plt
import numpy as np

import linsgd

problem = linsgd.LinearRegression.gaussian(np.arange(1, 100_001) ** -1.6)
sgd = linsgd.SGD(lr=0.1, batch_size=64, momentum=0.9)
steps = np.unique(np.geomspace(1, 1e7, 200).astype(int))

figure, (travelled, slope) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
linsgd.plot.displacement(problem, sgd, steps, ax=travelled)
linsgd.plot.exponent(problem, sgd, steps, ax=slope)
