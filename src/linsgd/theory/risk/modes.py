r"""Second moments of single modes on the nodes of the spectrum's measures.

Let theta = w - mu, with mu the ridge solution, and s = mu - w* its shift. For features along
principal axes one step of a mode of eigenvalue h and curvature kappa = h + weight_decay is

    U' = A U,                                     U = E(theta, v),
    M' = (A x A) M + (c x c) G,                   M = E(theta^2, theta v, v^2),
    G  = own h^2 D + h (common T + label),        D = E(theta + s)^2 = M_0 + 2 s U_0 + s^2,

with the total T = sum_i h_i D_i = 2 excess risk. All is linear, so that T splits by what a mode
starts from. Each row of the table is one measure on the spectrum; its nodes carry M and U divided
by the scale of the row, and T = constant + sum (weight) (M_0 + U_0) over the nodes of all rows:

    row       scale       weight         M at 0     U at 0     G on a node
    start     theta^2     h theta^2      (1, 0, 0)  0          own h^2 M_0
    cross     theta v     h theta v      (0, 1, 0)  0          own h^2 M_0
    velocity  v^2         h v^2          (0, 0, 1)  0          own h^2 M_0
    feed      h           h^2            0          0          own h^2 M_0 + common T + label
    shift     h^2 s^2     h^3 s^2        0          0          own (h^2 M_0 + 1)
    drift     2 s theta   2 h s theta    0          (1, 0)     own h^2 (M_0 + U_0)
    pull      2 s v       2 h s v        0          (0, 1)     own h^2 (M_0 + U_0)

and the constant is sum h s^2. Without weight decay s = 0 and the last three rows are empty.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from linsgd.domains import FloatArray
from linsgd.theory.recurrence.recurrence import Coefficients, unit_response
from linsgd.theory.risk.measures import Measure


class Row(NamedTuple):
    """How the nodes of one measure begin and what feeds them; as in the table above."""

    moments: tuple[float, float, float]
    means: tuple[float, float]
    fed: float = 0.0
    shifted: float = 0.0


ROWS = {
    "start": Row((1, 0, 0), (0, 0)),
    "cross": Row((0, 1, 0), (0, 0)),
    "velocity": Row((0, 0, 1), (0, 0)),
    "feed": Row((0, 0, 0), (0, 0), fed=1.0),
    "shift": Row((0, 0, 0), (0, 0), shifted=1.0),
    "drift": Row((0, 0, 0), (1, 0)),
    "pull": Row((0, 0, 0), (0, 1)),
}


class NoiseFactors(NamedTuple):
    """The factors of the gradient noise of one batch: (own, common, label) / batch size."""

    own: float
    common: float
    label: float

    def of_batch(self, batch_size: float) -> "NoiseFactors":
        """Return the factors of a batch, from those of one sample."""
        return NoiseFactors(*(factor / batch_size for factor in self))


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Nodes of all measures, with their state.

    Attributes
    ----------
    h, kappa, weight, fed, shifted : ndarray (J,)
        As in the table of this module.
    moments : ndarray (3, J)
        M.
    means : ndarray (2, J)
        U.
    constant : float
        The part of T that does not change, sum h s^2.
    """

    h: FloatArray
    kappa: FloatArray
    weight: FloatArray
    fed: FloatArray
    shifted: FloatArray
    moments: FloatArray
    means: FloatArray
    constant: float

    @classmethod
    def of(cls, measures: dict[str, Measure], weight_decay: float, constant: float) -> "Nodes":
        """Return the nodes at step 0 of the measures, by the name of their row."""
        sizes = [measure.nodes.size for measure in measures.values()]
        rows = [ROWS[name] for name in measures]

        def spread(values: list[float]) -> FloatArray:
            return np.repeat(np.array(values, dtype=float), sizes)

        h = np.concatenate([measure.nodes for measure in measures.values()])
        return cls(
            h=h,
            kappa=h + weight_decay,
            weight=np.concatenate([measure.weights for measure in measures.values()]),
            fed=spread([row.fed for row in rows]),
            shifted=spread([row.shifted for row in rows]),
            moments=np.array([spread([row.moments[a] for row in rows]) for a in range(3)]),
            means=np.array([spread([row.means[a] for row in rows]) for a in range(2)]),
            constant=constant,
        )

    def at(self, moments: FloatArray, means: FloatArray) -> "Nodes":
        """Return the nodes in another state."""
        return replace(self, moments=moments, means=means)

    @property
    def total(self) -> float:
        """T."""
        risks = self.moments[0] + self.means[0]
        return self.constant + float(self.weight @ risks)


def contracts(nodes: Nodes, coefficients: Coefficients, noise: NoiseFactors) -> bool:
    """Return whether second moments stay bounded under these constant hyperparameters.

    With P the stationary response of a mode to noise of unit variance that is so if the mean is
    stable, own h^2 P < 1 on every node and sum over the spectrum of common h^2 P/(1 - own h^2 P) is
    below one.
    """
    if nodes.kappa.max() >= coefficients.largest_stable_curvature():
        return False
    response = unit_response(nodes.kappa, nodes.kappa, coefficients)[0]
    own = noise.own * nodes.h**2 * response
    if own.max() >= 1:
        return False
    fed = nodes.fed * nodes.weight
    returned = noise.common * np.sum(fed * response / (1 - own))
    return float(returned) < 1
