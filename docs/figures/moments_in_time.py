"""
Moments in time
===============

The excess loss of SGD with momentum from a distant start: exact, by the Langevin equation and by
the first-order diffusion of the literature, and simulated with 99 % confidence intervals."""

import numpy as np

import linsgd

problem = linsgd.LinearRegression.gaussian([1.0, 0.3, 0.1], optimum=[1.0, 1.0, 1.0])
sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9)
steps = np.arange(1, 121)
names = ("exact", "langevin", "diffusion")
laws = {name: linsgd.moments(problem, sgd, steps, theory=name) for name in names}
run = linsgd.simulate(problem, sgd, [1, 2, 4, 8, 16, 32, 64, 120], chains=4096)

linsgd.plot.against_simulation(laws, run)
