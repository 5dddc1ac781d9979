r"""Optimizers that share a stationary Langevin law: equal lr (1 + momentum) and equal b (1 - momentum^2).

The law has Var w ~ lr / (b (1 - momentum)) = lr (1 + momentum) / (b (1 - momentum^2)) and Var v ~ 1
/ (b (1 - momentum^2)); lr (1 + momentum) is also the mass. Between such optimizers only the damping
differs. The algorithm's own laws then agree up to their relative errors lr h / (2 (1 + momentum))
and to the growth of the noise.
"""

from dataclasses import replace

import numpy as np

from linsgd import domains
from linsgd.optimizers.sgd import SGD


def equivalent(sgd: SGD, batch_size: int) -> SGD:
    """Return the optimizer of another batch size with the same stationary Langevin law.

    Parameters
    ----------
    sgd : SGD
        Without dampening and without Nesterov.
    batch_size : int
        Larger than b (1 - momentum^2), so that a momentum in [0, 1) exists.

    Returns
    -------
    SGD
        With momentum sqrt(1 - b (1 - momentum^2) / batch_size) and the learning rate that keeps lr
        (1 + momentum).

    Raises
    ------
    ValueError
        If no such optimizer exists.

    Examples
    --------
    >>> equivalent(SGD(lr=0.1, batch_size=16, momentum=0.6), 64).momentum
    0.916515138991168
    """
    domains.exact_type("sgd", sgd, (SGD,))
    if sgd.nesterov or sgd.dampening > 0:
        domains.refuse("sgd", sgd, "optimizers without Nesterov and without dampening")
    least = sgd.batch_size * (1 - sgd.momentum**2)
    size = domains.integer("batch_size", batch_size, f"[{least}, inf)")
    momentum = float(np.sqrt(1 - least / size))
    return replace(
        sgd, batch_size=size, momentum=momentum, lr=sgd.lr * (1 + sgd.momentum) / (1 + momentum)
    )
