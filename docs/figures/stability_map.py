"""
Which learning rates are stable
===============================

Between the two lines the mean of the weights converges while their variance is infinite: small
batches narrow the learning rates that are safe, large ones leave the threshold of gradient
descent."""

import linsgd

problem = linsgd.LinearRegression.gaussian([1.0, 0.5, 0.1])

linsgd.plot.stability_map(problem, linsgd.SGD(lr=0.1, momentum=0.9))
