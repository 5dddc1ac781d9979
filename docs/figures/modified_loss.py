r"""
The modified loss and its current
=================================

Contours of the modified loss :math:`\Phi` at one to four standard deviations, and the stationary
probability current. It turns clockwise, along directions that ring (left) and along those that do
not (right): positions are equally wide in both, whatever the curvature, and velocities are not."""

import matplotlib.pyplot as plt

import linsgd

problem = linsgd.LinearRegression.gaussian([1.0, 0.02], noise_std=0.6)
sgd = linsgd.SGD(lr=0.1, batch_size=8, momentum=0.9)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharex=True)
for mode, ax in enumerate(axes):
    linsgd.plot.modified_loss(problem, sgd, mode, ax=ax)
