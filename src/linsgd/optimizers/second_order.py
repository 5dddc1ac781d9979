r"""Optimizers that use a batch twice: its curvature, its samples' gradients, or a second gradient.

With g(w) the batch gradient, H_b = X'X/b and g_i = x_i (x_i.w - y_i) a sample's,

    SAM                w' = w - lr g(w + rho g/(|g| + 1e-12))
    StochasticNewton   w' = w - lr (C + (weight_decay + damping) I)^-1 g,     C as chosen:
                       H_b of the same batch, H_b of a second batch ("split"), or H ("exact")
    NaturalGradient    w' = w - lr (sum_i g_i g_i'/b + damping I)^-1 g       (empirical Fisher)

For the squared loss Newton and Gauss-Newton are the same, and so is the natural gradient with the
Fisher matrix of the model, H/noise_std^2, up to a factor of lr: `StochasticNewton`, "exact".
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from linsgd import domains
from linsgd.optimizers.minibatch import Minibatch
from linsgd.problems.linear_regression import LinearRegression

Curvature: TypeAlias = Literal["batch", "split", "exact"]


@dataclass(frozen=True, slots=True)
class SAM(Minibatch):
    """Sharpness-aware minimisation on plain SGD, both gradients on the same batch.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the decay is that of the loss in both gradients.
    rho : float
        The length of the ascent, in [0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] P. Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization"
       (2021), arXiv 2010.01412.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.SAM(lr=0.1, rho=0.1)
    SAM(lr=0.1, batch_size=1, weight_decay=0.0, rho=0.1)
    """

    rho: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(rho=domains.real("rho", self.rho, "[0, inf)"))


@dataclass(frozen=True, slots=True)
class StochasticNewton(Minibatch):
    """Newton's (Gauss-Newton's) method on minibatches, damped by its learning rate.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the curvature holds the decay, too.
    damping : float
        Tikhonov's: a multiple of the identity added to the curvature, in [0, inf).
    curvature : {"batch", "split", "exact"}
        Of the gradient's batch; of a second batch of the same size; or H itself.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.01], optimum=[1.0, 1.0])
    >>> newton = linsgd.StochasticNewton(lr=0.5, batch_size=8)
    >>> linsgd.tail_exponent(problem, newton).value
    7.0
    """

    damping: float = field(default=0.0, kw_only=True)
    curvature: Curvature = field(default="batch", kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        domains.choice("curvature", self.curvature, ("batch", "split", "exact"))
        self._keep(damping=domains.real("damping", self.damping, "[0, inf)"))

    def check(self, problem: LinearRegression) -> None:
        """Raise ValueError where the curvature is singular in every batch."""
        Minibatch.check(self, problem)
        if self.damping + self.weight_decay > 0:
            return
        if problem.rank < problem.dimension:
            domains.refuse("damping", 0.0, "(0, inf) where H is singular and there is no decay")
        if self.curvature != "exact" and self.batch_size < problem.dimension:
            least = f"[{problem.dimension}, 1000000000], or a positive damping"
            domains.refuse("batch_size", self.batch_size, least)


@dataclass(frozen=True, slots=True)
class NaturalGradient(Minibatch):
    """The natural gradient with the empirical Fisher matrix of the batch.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the Fisher matrix is that of the loss without decay.
    damping : float
        Added to the Fisher matrix, in (0, inf).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] S. Amari, "Natural Gradient Works Efficiently in Learning", Neural Computation 10 (1998).

    Examples
    --------
    >>> import linsgd
    >>> linsgd.NaturalGradient(lr=0.1, batch_size=8).damping
    0.001
    """

    damping: float = field(default=1e-3, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(damping=domains.real("damping", self.damping, "(0, inf)"))
