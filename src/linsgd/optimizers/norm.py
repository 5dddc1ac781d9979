r"""Optimizers that bound or fix the length of a step.

ClippedSGD      w' = w - lr g min(1, max_norm/(|g| + 1e-6))      (torch's clip_grad_norm_)
NormalizedSGD   w' = w - lr g/(|g| + eps)
"""

from dataclasses import dataclass, field

from linsgd import domains
from linsgd.optimizers.minibatch import Minibatch


@dataclass(frozen=True, slots=True)
class ClippedSGD(Minibatch):
    """SGD on gradients whose norm is clipped, as by torch.nn.utils.clip_grad_norm_.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the gradient of the decay is clipped with that of the loss.
    max_norm : float
        Largest Euclidean norm of the gradient, in (0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.ClippedSGD(lr=0.1, max_norm=1.0).max_norm
    1.0
    """

    max_norm: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(max_norm=domains.real("max_norm", self.max_norm, "(0, inf)"))


@dataclass(frozen=True, slots=True)
class NormalizedSGD(Minibatch):
    """SGD with steps of the length of the learning rate.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`.
    eps : float
        Added to the norm of the gradient, in [0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.NormalizedSGD(lr=0.1).eps
    1e-08
    """

    eps: float = field(default=1e-8, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(eps=domains.real("eps", self.eps, "[0, inf)"))
