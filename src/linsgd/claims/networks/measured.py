"""Values of a run, as the claims measure them: slopes, ratios and exponents of its arrays."""

from dataclasses import dataclass

import numpy as np

from linsgd.claims.networks.runs import Arrays
from linsgd.domains import FloatArray


def slope(x: FloatArray, y: FloatArray) -> float:
    """Return the least-squares slope of log y against log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


@dataclass(frozen=True, slots=True)
class Slope:
    """Slope of the logarithm of an array against that of given numbers."""

    name: str
    against: tuple[float, ...]

    def __call__(self, run: Arrays) -> FloatArray:
        """Return the slope (1,)."""
        return np.array([slope(np.array(self.against), run[self.name])])


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry of an array less another, or the entry itself."""

    name: str
    at: int
    less: int | None = None

    def __call__(self, run: Arrays) -> FloatArray:
        """Return the difference (1,)."""
        subtracted = 0.0 if self.less is None else run[self.name][self.less]
        return np.array([run[self.name][self.at] - subtracted])


@dataclass(frozen=True, slots=True)
class Ratio:
    """One entry of an array over another."""

    name: str
    at: int
    over: int

    def __call__(self, run: Arrays) -> FloatArray:
        """Return the ratio (1,)."""
        return np.array([run[self.name][self.at] / run[self.name][self.over]])


@dataclass(frozen=True, slots=True)
class LogRatio:
    """Logarithm of one entry of an array over another, in units of `unit`."""

    name: str
    at: int
    over: int
    unit: float = 1.0

    def __call__(self, run: Arrays) -> FloatArray:
        """Return the logarithm (1,)."""
        found = np.log(run[self.name][self.at] / run[self.name][self.over])
        return np.array([found / self.unit])


@dataclass(frozen=True, slots=True)
class OverPredicted:
    """Median over directions of a measured variance over the predicted one.

    Attributes
    ----------
    name : str
        Of the measured array; the prediction is "predicted " + name.
    flattest : int
        Take only so many directions, those of least curvature; 0 for all.
    """

    name: str
    flattest: int = 0

    def __call__(self, run: Arrays) -> FloatArray:
        """Return the median (1,)."""
        ratio = run[self.name] / run[f"predicted {self.name}"]
        if self.flattest:
            ratio = ratio[np.argsort(run["curvature"])[: self.flattest]]
        return np.array([np.median(ratio)])
