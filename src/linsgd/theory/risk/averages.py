r"""Averages of the iterates as observables of the risk curve.

An average a of the positions moves by a' = r a + g theta', r + g = 1, and does not act on the
iterates. With A = [[p, q], [x, m]] of one step and noise independent of the past,

    E a theta' = p E a theta + q E a v,             E a v' = x E a theta + m E a v,
    E a' theta' = r E a theta' + g E theta'^2,      E a' v' = r E a v' + g E theta' v',
    E a'^2 = r^2 E a^2 + 2 r g E a theta' + g^2 E theta'^2,      E a' = r E a + g E theta',

on every node of `modes`; twice the excess risk of the average is
constant + sum weight (E a^2 + E a) over the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from linsgd.domains import FloatArray
from linsgd.jit import summing
from linsgd.theory.risk.modes import Nodes


@dataclass(frozen=True, slots=True, eq=False)
class AveragedNodes:
    """The nodes with the moments of the average.

    Attributes
    ----------
    nodes : Nodes
        The iterates.
    products : ndarray (3, J)
        E a theta, E a v, E a^2.
    mean : ndarray (J,)
        E a.
    """

    nodes: Nodes
    products: FloatArray
    mean: FloatArray

    @classmethod
    def begun(cls, nodes: Nodes) -> AveragedNodes:
        """Return the average that holds one iterate."""
        square = nodes.moments[0]
        product = nodes.moments[1]
        return cls(nodes, np.array([square, product, square]), nodes.means[0].copy())

    @property
    def total(self) -> float:
        """Twice the excess risk of the average."""
        nodes = self.nodes
        return nodes.constant + float(nodes.weight @ (self.products[2] + self.mean))

    def walked(
        self, hyperparameters: FloatArray, kept: FloatArray
    ) -> tuple[FloatArray, AveragedNodes]:
        """Return twice the risk of the average before each step (K,), and the state after all.

        Parameters
        ----------
        hyperparameters : ndarray (K, 7)
            Of each step: c_w, c_v, A_wv, A_vv, own, common, label.
        kept : ndarray (K,)
            r of each step.
        """
        nodes = self.nodes
        moments = nodes.moments.copy()
        means = nodes.means.copy()
        products = self.products.copy()
        mean = self.mean.copy()
        totals = np.empty(len(hyperparameters))
        spectrum = (nodes.h, nodes.kappa, nodes.weight, nodes.fed, nodes.shifted)
        state = (moments, means, products, mean)
        _walk(*spectrum, nodes.constant, *state, hyperparameters, kept, totals)
        return totals, AveragedNodes(nodes.at(moments, means), products, mean)


@summing
def _walk(
    h: Any,
    kappa: Any,
    weight: Any,
    fed: Any,
    shifted: Any,
    constant: float,
    M: Any,
    U: Any,
    B: Any,
    a: Any,
    hyperparameters: Any,
    kept: Any,
    totals: Any,
) -> None:
    """Advance iterates and average; fill in twice the risk of the average before each step."""
    for k in range(totals.size):
        c_w, c_v, q, m, own, common, label = hyperparameters[k]
        r = kept[k]
        g = 1 - r
        total, averaged = constant, constant
        for j in range(h.size):
            total += weight[j] * (M[0, j] + U[0, j])
            averaged += weight[j] * (B[2, j] + a[j])
        totals[k] = averaged
        feedback = common * total + label
        for j in range(h.size):
            p = 1 + c_w * kappa[j]
            x = c_v * kappa[j]
            ww = M[0, j]
            wv = M[1, j]
            vv = M[2, j]
            w = U[0, j]
            v = U[1, j]
            own_risk = h[j] * h[j] * (ww + w) + shifted[j]
            gradient = own * own_risk + fed[j] * feedback
            # the second moments become A M A' + c c' E gradient^2
            carried_ww = p * p * ww + 2 * p * q * wv + q * q * vv
            carried_wv = p * x * ww + (p * m + q * x) * wv + q * m * vv
            carried_vv = x * x * ww + 2 * x * m * wv + m * m * vv
            M[0, j] = carried_ww + c_w * c_w * gradient
            M[1, j] = carried_wv + c_w * c_v * gradient
            M[2, j] = carried_vv + c_v * c_v * gradient
            U[0, j] = p * w + q * v
            U[1, j] = x * w + m * v
            # the old average times the new state, then the new average
            aw = p * B[0, j] + q * B[1, j]
            av = x * B[0, j] + m * B[1, j]
            B[2, j] = r * r * B[2, j] + 2 * r * g * aw + g * g * M[0, j]
            B[0, j] = r * aw + g * M[0, j]
            B[1, j] = r * av + g * M[1, j]
            a[j] = r * a[j] + g * U[0, j]
