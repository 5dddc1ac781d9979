r"""
Exponent over thresholds
========================

The tail exponent of 100,000 chains of SGD by Hill's estimator, over the number of the largest values it uses, and the
exact exponent. The bias grows with the points; the estimate takes a tenth of those among which no drift is seen.
"""

import matplotlib.pyplot as plt

import linsgd
from linsgd.montecarlo.snapshots import snapshots

problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.6)
w = snapshots(problem, sgd, [100], range(100_000))[0, :, 0]

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
linsgd.plot.threshold_path(linsgd.estimate.tail_index(w), linsgd.tail_exponent(problem, sgd).value, ax)
