r"""
The mean path, with the theory's band
=====================================

SGD with momentum started far out, seen in the plane of position and velocity: the stiff direction
rings, the flat one creeps. Dashes are the mean of the Langevin equation, the band holds 68 % of its
law at each step; dots are the algorithm's exact mean, the thin lines three simulated runs. These
leave the band while they are far out, because a minibatch's noise grows with the distance and the
equation's does not."""

import matplotlib.pyplot as plt
import numpy as np

import linsgd

problem = linsgd.LinearRegression.gaussian([1.0, 0.02], noise_std=0.6)
sgd = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9)
start = (np.array([1.5, 1.5]), np.zeros(2))
record = linsgd.States()
run = linsgd.simulate(problem, sgd, np.arange(81), chains=3, start=start, record=record)

figure, (ringing, creeping) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for mode, ax in enumerate((ringing, creeping)):
    along = run.states[:, :, [mode, 2 + mode]].swapaxes(0, 1)  # of (steps, runs, w_1 w_2 v_1 v_2)
    linsgd.plot.phase_portrait(problem, sgd, 80, start, mode, trajectories=along, ax=ax)
