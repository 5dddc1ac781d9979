r"""Eigenpairs of the Hessian of the mean loss over all rows, with their residuals.

Lanczos (SciPy's eigsh) on products H v. For a unit vector q with Rayleigh quotient l = q'Hq, an
eigenvalue of H lies within the residual |H q - l q| of l. The products are rounded: by how much is
read from the asymmetry of Q'HQ, which is 0 in exact arithmetic, and added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from linsgd import domains
from linsgd.deep.full_loss import FullLoss, Loss
from linsgd.deep.parameters import working_type
from linsgd.deep.preserved import Mode, preserved
from linsgd.deep.pytorch import torch
from linsgd.domains import FloatArray
from linsgd.result import Guarantee, Result, Status

DENSE = 100  # parameters up to which the whole Hessian is made
RESTARTS = 100  # of Lanczos

Which: TypeAlias = Literal["largest", "smallest"]


class HessianStatus(Status):
    """Whether Lanczos converged."""

    OK = "ok"
    NOT_CONVERGED = "not converged"  # fewer pairs than were asked for; those given did converge


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class HessianEigenpairs(Result):
    """Eigenpairs of the Hessian of the mean loss.

    Attributes
    ----------
    status : HessianStatus
        ok, or not converged.
    eigenvalues : ndarray (k,)
        From the largest down, or from the smallest up.
    eigenvectors : ndarray (k, P)
        Unit vectors, one a row, in the order of the parameters that require grad.
    residuals : ndarray (k,)
        |H q - l q|.
    error : ndarray (k,)
        Of the eigenvalues: the residual, and the asymmetry of the products.
    loss : float
        Mean loss over the rows.
    gradient_norm : float
        |grad L|: far from a minimum the Hessian is that of a slope.
    samples, batches : int
        Rows and batches over which the loss was taken.
    mode : str
        "eval" or "train".
    products : int
        Hessian products that were made.
    guarantee : Guarantee
        "numerical": an eigenvalue lies within `error`, but for rounding that the asymmetry of the
        products does not show.
    """

    status: HessianStatus
    eigenvalues: FloatArray
    eigenvectors: FloatArray = field(repr=False)
    residuals: FloatArray
    error: FloatArray
    loss: float
    gradient_norm: float
    samples: int
    batches: int
    mode: str
    products: int
    guarantee: Guarantee = Guarantee.NUMERICAL


def hessian_eigenpairs(
    model: Any,
    loss: Loss,
    data: Any,
    k: int = 5,
    which: Which = "largest",
    mode: Mode = "eval",
    seed: int = 0,
) -> HessianEigenpairs:
    r"""Return the largest or smallest eigenpairs of the Hessian of the mean loss over the data.

    Parameters
    ----------
    model : torch.nn.Module
        The model; its weights that require grad are the P variables.
    loss : callable
        (outputs, targets) to the mean loss of the rows, as ``torch.nn.CrossEntropyLoss()``.
    data : tuple of Tensors, or iterable of such
        (inputs, targets) of all rows, or batches in an order that repeats, as a DataLoader without
        shuffle.
    k : int
        How many, in [1, P].
    which : {"largest", "smallest"}
        The largest eigenvalues, or the smallest (the most negative).
    mode : {"eval", "train"}
        Of the model. In "train" batch norm takes the statistics of each given batch.
    seed : int
        Of the vector at which Lanczos begins.

    Returns
    -------
    HessianEigenpairs
        Eigenvalues with their errors.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the loss differs between two readings of the data.

    Notes
    -----
    The products go over all rows and are made by double backward, which holds for every module that
    torch differentiates twice. (torch's forward mode is silently wrong in the second order of batch
    norm, pytorch issue 196699.) Single-precision weights give eigenvalues to about 1e-6 of the
    largest, double precision to 1e-10. Mode, buffers and random states are restored.

    Examples
    --------
    >>> import torch, linsgd
    >>> x, y = torch.eye(3).double(), torch.zeros(3, 1).double()
    >>> model = torch.nn.Linear(3, 1, bias=False).double()
    >>> pairs = linsgd.deep.hessian_eigenpairs(model, torch.nn.MSELoss(), (x, y), k=2)
    >>> pairs.eigenvalues.round(6)
    array([0.666667, 0.666667])
    """
    domains.choice("which", which, ("largest", "smallest"))
    with preserved(model, mode):
        full = FullLoss(model, loss, data)
        k = domains.integer("k", k, f"[1, {full.size}]")
        start = np.random.default_rng(domains.integer("seed", seed, "[0, inf)"))
        Q, status = _vectors(full, k, which, start)
        HQ = np.array([full.product(q) for q in Q])
    return _result(full, Q, HQ, which, mode, status)


def _vectors(
    full: FullLoss, k: int, which: Which, start: np.random.Generator
) -> tuple[FloatArray, HessianStatus]:
    """Return approximate eigenvectors (k, P)."""
    P = full.size
    if max(DENSE, k + 1) >= P:
        H = np.array([full.product(e) for e in np.eye(P)])
        _, vectors = np.linalg.eigh((H + H.T) / 2)
        return (vectors[:, -k:] if which == "largest" else vectors[:, :k]).T, HessianStatus.OK
    operator = LinearOperator((P, P), matvec=lambda v: full.product(v.ravel()), dtype=np.float64)
    double = working_type(full.parameters) == torch.float64
    found = {"which": "LA" if which == "largest" else "SA", "v0": start.normal(size=P)}
    try:
        _, vectors = eigsh(operator, k, maxiter=RESTARTS, tol=1e-10 if double else 1e-6, **found)
    except ArpackNoConvergence as error:
        return np.real(error.eigenvectors.T), HessianStatus.NOT_CONVERGED
    return np.real(vectors.T), HessianStatus.OK  # real already, as the operator is


def _result(
    full: FullLoss, Q: FloatArray, HQ: FloatArray, which: Which, mode: Mode, status: HessianStatus
) -> HessianEigenpairs:
    """Order the pairs and measure their residuals."""
    products = HQ @ Q.T if len(Q) else np.zeros((0, 0))
    values = np.diagonal(products)
    order = np.argsort(-values if which == "largest" else values, kind="stable")
    residuals = np.linalg.norm(HQ.reshape(Q.shape) - values[:, None] * Q, axis=1)
    asymmetry = float(np.abs(products - products.T).max(initial=0.0))
    return HessianEigenpairs(
        status=status,
        eigenvalues=values[order],
        eigenvectors=Q[order],
        residuals=residuals[order],
        error=(residuals + asymmetry)[order],
        loss=full.value,
        gradient_norm=float(np.linalg.norm(full.gradient)),
        samples=full.rows,
        batches=full.count,
        mode=mode,
        products=full.products,
    )
