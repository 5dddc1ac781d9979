r"""Schedule-free SGD: the gradient is taken between the iterate and its average.

With z_1 = x_1 = w_0 and y = (1 - momentum) z + momentum x,

    z' = z - lr g(y),      x' = x + (z' - x)/k      at step k = 1, 2, ...

The simulated weights w are y, where gradients are taken; the velocity is (x - y)/lr, so that the
average, at which the method is evaluated, is w + lr v.
"""

from dataclasses import dataclass, field

from linsgd import domains
from linsgd.optimizers.minibatch import Minibatch


@dataclass(frozen=True, slots=True)
class ScheduleFreeSGD(Minibatch):
    """schedulefree.SGDScheduleFree with a constant learning rate and no warm-up.

    Parameters
    ----------
    lr, batch_size, weight_decay
        As in `SGD`; the decay is that of the loss, at y.
    momentum : float
        The weight of the average in y, in (0, 1).

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    .. [1] A. Defazio et al., "The Road Less Scheduled" (2024), arXiv 2405.15682.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5], optimum=[1.0, 1.0])
    >>> free = linsgd.ScheduleFreeSGD(lr=0.3, momentum=0.9)
    >>> run = linsgd.simulate(problem, free, steps=1000, record=lambda w, v: w + 0.3 * v)
    >>> run.value("lambda").round(1)
    array([1., 1.])
    """

    momentum: float = field(default=0.9, kw_only=True)

    def __post_init__(self) -> None:
        Minibatch.__post_init__(self)
        self._keep(momentum=domains.real("momentum", self.momentum, "(0, 1)"))
