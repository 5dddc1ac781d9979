r"""
Exponent over thresholds
========================

The tail exponent of 100,000 chains of SGD from the spacings of the largest values, over their
number, and the exact exponent. Few values do not exclude that there is none: their interval has no
end. Many hold values that belong to no power law; the estimate takes a quarter of those that are
described."""

import matplotlib.pyplot as plt

import linsgd

problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.6)
run = linsgd.simulate(problem, sgd, 100, chains=100_000, record=linsgd.States())
w = run.states[:, 0]

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
linsgd.plot.threshold_path(
    linsgd.estimate.tail_index(w), linsgd.tail_exponent(problem, sgd).value, ax
)
