r"""Optimizers that share a stationary Langevin law.

The law has Var w ~ lr / (b (1 - momentum)) = lr (1 + momentum) / (b (1 - momentum^2)) and
Var v ~ 1 / (b (1 - momentum^2)); lr (1 + momentum) is also the mass. Optimizers of equal
lr (1 + momentum) and equal b (1 - momentum^2) therefore share the law and differ in the damping
alone. The algorithm's own laws then agree up to their relative errors
lr kappa / (2 (1 + momentum)) and to the growth of the noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linsgd import domains
from linsgd.optimizers.sgd import SGD


def equivalent(sgd: SGD, batch_size: int) -> SGD:
    r"""Return the optimizer of another batch size with the same stationary Langevin law.

    Parameters
    ----------
    sgd : SGD
        Without dampening and without Nesterov.
    batch_size : int
        Larger than b (1 - momentum^2), so that a momentum in [0, 1) exists.

    Returns
    -------
    SGD
        Of that batch size.

    Raises
    ------
    ValueError
        If no such optimizer exists.

    See Also
    --------
    langevin : The equation whose law is kept.

    Notes
    -----
    The momentum is :math:`\beta' = \sqrt{1 - b (1 - \beta^2) / b'}` and the learning rate
    :math:`\eta' = \eta (1 + \beta) / (1 + \beta')`.

    Examples
    --------
    >>> import linsgd
    >>> round(linsgd.equivalent(linsgd.SGD(lr=0.1, batch_size=16, momentum=0.6), 64).momentum, 12)
    0.916515138991
    """
    domains.exact_type("sgd", sgd, (SGD,))
    if sgd.nesterov or sgd.dampening > 0:
        domains.refuse("sgd", sgd, "optimizers without Nesterov and without dampening")
    beta = sgd.momentum
    least = sgd.batch_size * (1 - beta) * (1 + beta)
    size = domains.integer("batch_size", batch_size, f"[{least}, inf)")
    momentum = float(np.sqrt(1 - least / size))
    lr = sgd.lr * (1 + beta) / (1 + momentum)
    return replace(sgd, batch_size=size, momentum=momentum, lr=lr)
