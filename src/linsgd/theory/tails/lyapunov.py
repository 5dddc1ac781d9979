"""The learning rate at which the Lyapunov exponent turns positive and the stationary law ceases to exist."""

from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression
from linsgd.theory.tails import quadrature
from linsgd.theory.tails.setting import Setting


def almost_sure_threshold(problem: LinearRegression, sgd: SGD) -> tuple[float, float]:
    """Return bounds on the lr at which the Lyapunov exponent turns positive; never samples.

    Parameters
    ----------
    problem : LinearRegression
        What is learned.
    sgd : SGD
        Momentum, decay and batch are kept, its lr is ignored.

    Returns
    -------
    tuple of float
        Lower and upper bound: 2e-12 apart relatively for isotropic Gaussian features without momentum, (0, inf) for
        settings that need sampling.

    Examples
    --------
    >>> import linsgd
    >>> lower, upper = almost_sure_threshold(linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=1.0, batch_size=2))
    >>> lower < 2.6845103508207 < upper
    True
    """
    setting = Setting.of(problem, sgd)
    if quadrature.covers(setting):
        return 0.0, float("inf")
    threshold = quadrature.almost_sure_threshold(setting)
    return threshold.lower, threshold.upper
