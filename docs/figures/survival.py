r"""
Survival function
=================

How often SGD is farther than t from the optimum, down to one time in a million million: measured by
splitting, and predicted by the tail exponent and Goldie's constant."""

import matplotlib.pyplot as plt
import numpy as np

import linsgd

problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=2 / 3)
seen = linsgd.rare_events(problem, sgd, np.geomspace(1, 1e6, 13), steps=300, settling=150)
predicted = linsgd.tail_probability(problem, sgd, np.geomspace(1, 1e6, 50))

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
linsgd.plot.survival(seen, predicted, ax)
