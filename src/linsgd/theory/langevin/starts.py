r"""Where a Langevin process starts: moments of position from the centre and of velocity, along the eigenvectors.

The SDE's velocity belongs to the step's middle, the algorithm's to its end. The velocity that gives the slow motion
the algorithm's amplitude to second order in lr is

    v(0) = (2 momentum v_0 - a h x_0) / (1 + momentum),        a = 1 - dampening,

because a free mode travels momentum lr v_0 / (1 - momentum) in all, in the SDE (1 + momentum) lr v(0) / (2 (1 -
momentum)). A fresh optimizer's first gradient is not dampened, which adds 2 (1 - a) to that a.
"""

from typing import TYPE_CHECKING

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.theory.langevin.phase_space import carried, carried_blocks
from linsgd.theory.moments import Moments, Start

if TYPE_CHECKING:
    from linsgd.theory.langevin.process import UnderdampedLangevin


def begin(process: "UnderdampedLangevin", start: Start, matched: bool) -> tuple[FloatArray, FloatArray]:
    """Return the means (2, d) of x and v and their covariances, (3, d) of modes or (3, d, d) of pairs, at step 0."""
    d = process.curvature.size
    if isinstance(start, str):
        domains.choice("start", start, ("stationary",))
        modes = process.modes
        diagonal = modes.intensity.ndim == 1
        return np.zeros((2, d)), modes.stationary_variance() if diagonal else modes.stationary_blocks()
    mean, covariance = _given(process, start)
    if not domains.boolean("matched", matched):
        return mean, covariance
    a = process.gradient_weight if start is not None else 2 - process.gradient_weight
    pull, kept = (-a * process.curvature / (1 + process.momentum), 2 * process.momentum / (1 + process.momentum))
    columns = tuple(np.broadcast_to(entry, (1, d)) for entry in (1.0, 0.0, pull, kept))
    carry = carried if covariance.ndim == 2 else carried_blocks
    return np.stack([mean[0], pull * mean[0] + kept * mean[1]]), carry(columns, covariance)[0]


def _given(process: "UnderdampedLangevin", start: Start) -> tuple[FloatArray, FloatArray]:
    d = process.curvature.size
    if start is None:
        start = (np.zeros(d), np.zeros(d))
    if isinstance(start, Moments):
        return _law(process, start)
    if not isinstance(start, tuple) or len(start) != 2:
        domains.refuse("start", start, "None, 'stationary', a pair (w, v) of arrays (d,), or a result of moments")
    w, v = (domains.array(f"start[{i}]", part, (d,)) for i, part in enumerate(start))
    return np.stack(process.inward(w, v)), np.zeros((3, d))


def _law(process: "UnderdampedLangevin", start: Moments) -> tuple[FloatArray, FloatArray]:
    d = process.curvature.size
    if start.mean.shape != (d,):
        at = f"law with mean of shape {start.mean.shape}"
        domains.refuse("start", at, f"one law with mean of shape ({d},); choose a step by .at(index)")
    modes = np.stack([start.position_variance, start.position_velocity_covariance, start.velocity_variance])
    if not (np.isfinite(modes).all() and np.isfinite(start.mean).all()):
        domains.refuse("start", f"law of status {start.status.value!r}", "laws with finite mean and variance")
    correlated = start.blocks is not None or start.pairs is not None
    mean = np.stack(process.inward(start.mean, start.velocity_mean))
    return mean, start.eigenbasis_blocks() if correlated else modes
