r"""Even moments of SGD with momentum on one Gaussian feature, by code that no prediction uses.

One step takes (w, v) to linear forms in (w, v) whose coefficients are linear in the batch's
curvature X = chi2_b / b,

    v' = momentum v - X w,        w' = w + lr v'        (Nesterov: w' = w + lr (momentum v' - X w)).

It acts on forms of even degree m in (w, v) by substitution, X^j replaced by its moment: a matrix of
m + 1 rows whose spectral radius is h(m). log h is convex with log h(0) = 0, so that chords through
even degrees, and their extensions, bound the exponent.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.signal import convolve2d

from linsgd.domains import FloatArray

_LARGEST_DEGREE = 24
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class PhaseForms:
    """Heavy ball, or Nesterov's momentum, on one feature of variance 1."""

    lr: float
    batch: int
    momentum: float
    nesterov: bool = False

    def log_moment(self, degree: int) -> float:
        """Return log h(degree) for an even degree."""
        return float(np.log(np.abs(np.linalg.eigvals(self._action(degree))).max()))

    def exponent(self) -> FloatArray:
        """Return bounds (2,) on the exponent."""
        degrees = np.arange(0, _LARGEST_DEGREE + 1, 2)
        logs = np.array([0.0, *(self.log_moment(int(m)) for m in degrees[1:])])
        after = int(np.argmax(logs > 0))
        chords = degrees[:-1] - logs[:-1] * np.diff(degrees) / np.diff(
            logs
        )  # where the chord of each pair vanishes
        extended = [
            chords[i] for i in (after - 2, after) if 0 <= i < chords.size and logs[i + 1] > logs[i]
        ]
        return np.array(
            [
                chords[after - 1] * (1 - _ROUNDING),
                min([*extended, degrees[after]]) * (1 + _ROUNDING),
            ]
        )

    def _action(self, degree: int) -> FloatArray:
        """Return the matrix (degree + 1, degree + 1) of one step on forms.

        Entry (i, j) is the coefficient of w^(degree-j) v^j in E w'^(degree-i) v'^i.
        """
        w, v = self._step()
        moments = np.cumprod([1.0, *((self.batch + 2 * j) / self.batch for j in range(degree))])
        rows = []
        for i in range(degree + 1):
            form = np.ones((1, 1))
            for factor in [w] * (degree - i) + [v] * i:
                form = convolve2d(form, factor)
            rows.append(form @ moments)
        return np.array(rows)

    def _step(self) -> tuple[FloatArray, FloatArray]:
        """Return w' and v' as coefficients (2, 2): rows of w and v, columns of 1 and X."""
        gradient = np.array([[0.0, 1.0], [0.0, 0.0]])
        v = self.momentum * np.array([[0.0, 0.0], [1.0, 0.0]]) - gradient
        ahead = self.momentum * v - gradient if self.nesterov else v
        return np.array([[1.0, 0.0], [0.0, 0.0]]) + self.lr * ahead, v


def mean_square_threshold(batch: int, momentum: float, *, nesterov: bool) -> FloatArray:
    """Return bounds (2,) on the lr at which h(2) = 1."""

    def excess(lr: float) -> float:
        return PhaseForms(lr, batch, momentum, nesterov).log_moment(2)

    root = float(brentq(excess, 1e-3, 2 * (1 + momentum), rtol=1e-13))
    lower, upper = root * (1 - _ROUNDING), root * (1 + _ROUNDING)
    proved = excess(lower) < 0 < excess(upper)
    return np.array([lower, upper] if proved else [0.0, np.inf])
