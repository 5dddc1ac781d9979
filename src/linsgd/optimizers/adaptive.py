r"""Optimizers that divide by a root of squared gradients, with torch's names and semantics.

With g the minibatch gradient of the regularised loss and k = 1, 2, ... the number of the step,

    RMSprop   s' = alpha s + (1 - alpha) g^2,                 w' = w - lr g/(sqrt(s') + eps)
    Adagrad   s' = s + g^2,                                   w' = w - lr_k g/(sqrt(s') + eps)
    Adam      m' = beta_1 m + (1 - beta_1) g,  s' = beta_2 s + (1 - beta_2) g^2,
              w' = w - lr/(1 - beta_1^k) m'/(sqrt(s'/(1 - beta_2^k)) + eps)
    NAdam     as Adam, with Nesterov's look ahead and a momentum mu_k that rises to beta_1.

eps is added after the root everywhere, as in torch; optax puts RMSprop's inside the root.
"""

from dataclasses import dataclass, field

from linsgd import domains
from linsgd.optimizers.minibatch import Minibatch, pair_of_betas


@dataclass(frozen=True, slots=True)
class RMSprop(Minibatch):
    """torch.optim.RMSprop.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; a gradient of the decay is divided like that of the loss.
    alpha : float
        Decay of the mean square, in [0, 1).
    eps : float
        Added to its root, in [0, inf).
    momentum : float
        Of the divided gradients, in [0, 1).
    centered : bool
        Whether the mean square is taken about the mean gradient.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop" (2012).

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.1], optimum=[1.0, 1.0])
    >>> run = linsgd.simulate(problem, linsgd.RMSprop(lr=0.01), steps=500)
    >>> bool(run.excess_risk < 0.1)
    True
    """

    alpha: float = field(default=0.99, kw_only=True)
    eps: float = field(default=1e-8, kw_only=True)
    momentum: float = field(default=0.0, kw_only=True)
    centered: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(
            alpha=domains.real("alpha", self.alpha, "[0, 1)"),
            eps=domains.real("eps", self.eps, "[0, inf)"),
            momentum=domains.real("momentum", self.momentum, "[0, 1)"),
            centered=domains.boolean("centered", self.centered),
        )


@dataclass(frozen=True, slots=True)
class Adagrad(Minibatch):
    """torch.optim.Adagrad.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`.
    lr_decay : float
        lr_k = lr/(1 + (k - 1) lr_decay), in [0, inf).
    eps : float
        Added to the root of the sum, in [0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods", JMLR 12 (2011).

    Examples
    --------
    >>> import linsgd
    >>> linsgd.Adagrad(lr=0.1, batch_size=8).eps
    1e-10
    """

    lr_decay: float = field(default=0.0, kw_only=True)
    eps: float = field(default=1e-10, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(
            lr_decay=domains.real("lr_decay", self.lr_decay, "[0, inf)"),
            eps=domains.real("eps", self.eps, "[0, inf)"),
        )


@dataclass(frozen=True, slots=True)
class Adam(Minibatch):
    """torch.optim.Adam without AMSGrad.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the decay is that of the loss, not AdamW's.
    betas : tuple of float
        Decay of the mean and of the mean square of the gradient, each in [0, 1).
    eps : float
        Added to the root, in [0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization" (2015),
       arXiv 1412.6980.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.Adam(lr=1e-3, batch_size=16)
    Adam(lr=0.001, batch_size=16, weight_decay=0.0, betas=(0.9, 0.999), eps=1e-08)
    """

    betas: tuple[float, float] = field(default=(0.9, 0.999), kw_only=True)
    eps: float = field(default=1e-8, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(
            betas=pair_of_betas("betas", self.betas),
            eps=domains.real("eps", self.eps, "[0, inf)"),
        )


@dataclass(frozen=True, slots=True)
class NAdam(Adam):
    """torch.optim.NAdam.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the decay is that of the loss.
    betas : tuple of float
        Decay of the mean and of the mean square of the gradient, each in [0, 1).
    eps : float
        Added to the root, in [0, inf).
    momentum_decay : float
        mu_k = beta_1 (1 - 0.96^(k momentum_decay)/2), in [0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov Momentum into Adam" (2016).

    Examples
    --------
    >>> import linsgd
    >>> linsgd.NAdam(lr=2e-3).momentum_decay
    0.004
    """

    momentum_decay: float = field(default=4e-3, kw_only=True)

    def __post_init__(self) -> None:
        Adam.__post_init__(self)
        self._keep(momentum_decay=domains.real("momentum_decay", self.momentum_decay, "[0, inf)"))
