r"""Averages of the iterates along a run: a' = r a + (1 - r) w', from the iterate `first` on.

torch.optim.swa_utils.AveragedModel's first update copies the weights, as `first` does here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TailAverage:
    """The mean of the iterates w_first, ..., w_k; Polyak's average where first = 0.

    Parameters
    ----------
    first : int
        The first iterate of the average, at least 0.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.5, source=0.5, dimension=50, noise_std=1.0)
    >>> sgd = linsgd.SGD(lr=0.2)
    >>> last = linsgd.risk_curve(law, sgd, [2000]).excess_risk[0]
    >>> mean = linsgd.risk_curve(law, sgd, [2000], average=linsgd.TailAverage(1000)).excess_risk[0]
    >>> bool(mean < last / 9)
    True
    """

    first: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", domains.integer("first", self.first, "[0, inf)"))

    def kept(self, steps: IntArray) -> FloatArray:
        """Return r (K,) of the steps: the weight of the average before each step, after it."""
        counted = steps - self.first + 1.0
        return counted / (counted + 1)


@dataclass(frozen=True, slots=True)
class ExponentialAverage:
    """The average a_k = decay a_(k-1) + (1 - decay) w_k, a_0 = w_0.

    Parameters
    ----------
    decay : float
        In (0, 1).

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.5, source=0.5, dimension=50, noise_std=1.0)
    >>> sgd, average = linsgd.SGD(lr=0.2), linsgd.ExponentialAverage(0.99)
    >>> last = linsgd.risk_curve(law, sgd, [2000]).excess_risk[0]
    >>> bool(linsgd.risk_curve(law, sgd, [2000], average=average).excess_risk[0] < last / 4)
    True
    """

    decay: float
    first = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", domains.real("decay", self.decay, "(0, 1)"))

    def kept(self, steps: IntArray) -> FloatArray:
        """Return r (K,) of the steps."""
        return np.full(len(steps), self.decay)


IterateAverage: TypeAlias = TailAverage | ExponentialAverage

AVERAGES = (TailAverage, ExponentialAverage)


def retained(average: IterateAverage, k: int) -> float:
    """Return the weight r of the average before step k = 1, 2, ...; 0 up to `first`."""
    if k <= average.first:
        return 0.0
    return float(average.kept(np.array([k - 1]))[0])
