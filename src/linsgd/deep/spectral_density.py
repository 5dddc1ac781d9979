r"""The spectral density of a Hessian by stochastic Lanczos quadrature.

For a random vector z of independent signs, E z'f(H)z = tr f(H). m steps of Lanczos from z/sqrt(P)
give nodes t_j and weights w_j, the squared first components of the eigenvectors of the tridiagonal
matrix, with

    z'f(H)z / P = sum_j w_j f(t_j)       for every polynomial f of degree below 2m.

The mean over independent vectors has a standard error from their spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal

from linsgd import domains
from linsgd.deep.full_loss import FullLoss, Loss
from linsgd.deep.preserved import Mode, preserved
from linsgd.domains import FloatArray
from linsgd.result import Guarantee, Result

EXHAUSTED = 1e-8  # relative size of a Lanczos vector below which the space is invariant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SpectralDensity(Result):
    """The distribution of the eigenvalues of a Hessian.

    Attributes
    ----------
    nodes, weights : ndarray (probes, m)
        Of each random vector; the weights of one sum to 1.
    parameters : int
        P.
    trace, trace_error : float
        tr H and its standard error.
    loss : float
        Mean loss over the rows.
    mode : str
        "eval" or "train".
    guarantee : Guarantee
        "statistical": standard errors are from the spread between the random vectors.
    """

    nodes: FloatArray
    weights: FloatArray
    parameters: int
    trace: float
    trace_error: float
    loss: float
    mode: str
    guarantee: Guarantee = Guarantee.STATISTICAL

    def moment(self, order: int) -> tuple[float, float]:
        """Return tr H^order / P and its standard error; exact in each vector up to 2m - 1."""
        order = domains.integer("order", order, "[0, inf)")
        return _mean(np.sum(self.weights * self.nodes**order, axis=1))

    def density(self, x: ArrayLike, width: float) -> tuple[FloatArray, FloatArray]:
        """Return the density smoothed by a normal law, and its standard error.

        Parameters
        ----------
        x : array_like (n,)
            Where.
        width : float
            Standard deviation of the normal law, in (0, inf); details finer than the range of the
            spectrum over m are not resolved.

        Returns
        -------
        density, standard_error : ndarray (n,)
            The density integrates to 1.
        """
        at = domains.array("x", x, (None,))
        width = domains.real("width", width, "(0, inf)")
        gaps = (at[:, None, None] - self.nodes) / width
        kernel = np.exp(-(gaps**2) / 2) / (width * math.sqrt(2 * math.pi))
        each = np.sum(self.weights * kernel, axis=2)
        error = each.std(axis=1, ddof=1) / math.sqrt(each.shape[1])
        return each.mean(axis=1), error


def spectral_density(
    model: Any,
    loss: Loss,
    data: Any,
    steps: int = 50,
    probes: int = 8,
    mode: Mode = "eval",
    seed: int = 0,
) -> SpectralDensity:
    """Return the spectral density of the Hessian of the mean loss over the data.

    Parameters
    ----------
    model, loss, data, mode
        As in `hessian_eigenpairs`.
    steps : int
        Lanczos steps m of each vector, at least 2; P m numbers are held.
    probes : int
        Random vectors, at least 2.
    seed : int
        Of the vectors.

    Returns
    -------
    SpectralDensity
        Nodes and weights, with standard errors of what is computed from them.

    Raises
    ------
    ValueError
        As `hessian_eigenpairs`.

    Examples
    --------
    >>> import torch, linsgd
    >>> x, y = torch.eye(3).double(), torch.zeros(3, 1).double()
    >>> model = torch.nn.Linear(3, 1, bias=False).double()
    >>> found = linsgd.deep.spectral_density(model, torch.nn.MSELoss(), (x, y))
    >>> round(found.trace, 6)
    2.0
    """
    steps = domains.integer("steps", steps, "[2, inf)")
    probes = domains.integer("probes", probes, "[2, inf)")
    rng = np.random.default_rng(domains.integer("seed", seed, "[0, inf)"))
    with preserved(model, mode):
        full = FullLoss(model, loss, data)
        steps = min(steps, full.size)
        pairs = [_quadrature(full, steps, rng) for _ in range(probes)]
    nodes, weights = np.swapaxes(np.array(pairs), 0, 1)
    mean, error = _mean(np.sum(weights * nodes, axis=1))
    return SpectralDensity(
        nodes=nodes,
        weights=weights,
        parameters=full.size,
        trace=full.size * mean,
        trace_error=full.size * error,
        loss=full.value,
        mode=mode,
    )


def _quadrature(
    full: FullLoss, steps: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights (m,) of one random vector, padded with weight 0."""
    basis = np.zeros((steps, full.size))
    basis[0] = rng.choice([-1.0, 1.0], full.size) / math.sqrt(full.size)
    diagonal, off = np.zeros(steps), np.zeros(steps)
    used = steps
    for j in range(steps):
        w = full.product(basis[j])
        diagonal[j] = w @ basis[j]
        # twice, as one pass leaves rounding of the size of what it removes
        for _ in range(2):
            w -= basis[: j + 1].T @ (basis[: j + 1] @ w)
        off[j] = np.linalg.norm(w)
        scale = max(np.abs(diagonal[: j + 1]).max(), off[:j].max(initial=0.0))
        if off[j] <= EXHAUSTED * scale:
            used = j + 1
            break
        if j + 1 < steps:
            basis[j + 1] = w / off[j]
    nodes, vectors = eigh_tridiagonal(diagonal[:used], off[: used - 1])
    empty = np.zeros(steps - used)
    return np.append(nodes, empty), np.append(vectors[0] ** 2, empty)


def _mean(values: FloatArray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))
