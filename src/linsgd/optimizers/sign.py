r"""Optimizers that step by the sign of a gradient or of its running mean.

SignSGD   w' = w - lr sign(g)
Lion      w' = w - lr sign(beta_1 m + (1 - beta_1) g),      m' = beta_2 m + (1 - beta_2) g
"""

from dataclasses import dataclass, field

from linsgd.optimizers.minibatch import Minibatch, pair_of_betas


@dataclass(frozen=True, slots=True)
class SignSGD(Minibatch):
    """Sign descent.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the sign is that of the gradient of the regularised loss.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] J. Bernstein et al., "signSGD: Compressed Optimisation for Non-Convex Problems" (2018),
       arXiv 1802.04434.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.SignSGD(lr=0.1)
    SignSGD(lr=0.1, batch_size=1, weight_decay=0.0)
    """


@dataclass(frozen=True, slots=True)
class Lion(Minibatch):
    """Lion without its decoupled decay.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the decay is that of the loss.
    betas : tuple of float
        Of the step and of the running mean, each in [0, 1).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic Discovery of Optimization Algorithms" (2023),
       arXiv 2302.06675.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.Lion(lr=1e-3).betas
    (0.9, 0.99)
    """

    betas: tuple[float, float] = field(default=(0.9, 0.99), kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(betas=pair_of_betas("betas", self.betas))
