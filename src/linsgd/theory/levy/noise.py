r"""Stable noise of a minibatch, and the Levy equation that stands for SGD.

The mean of b independent variables S(alpha)S(sigma) is S(alpha)S(sigma b^{1/alpha - 1}). At small
lr a gradient moves the weights by the effective learning rate e = lr (1 - dampening)/(1 - momentum)
in all, so that in the time t = e k of k steps

    dw = -grad L(w) dt + eps dL,    eps = e^{1 - 1/alpha} sigma b^{1/alpha - 1},

with L the stable process of unit scale at time 1, E exp(i u L_t) = exp(-t |u|^alpha): one Euler
step of length e of that equation adds e^{1/alpha} eps S = e sigma_b S to w.
"""

from linsgd import domains
from linsgd.optimizers.accept import OPTIMIZERS
from linsgd.optimizers.sgd import SGD
from linsgd.stable import Stable


def batch_noise(noise: Stable, batch_size: int) -> Stable:
    r"""Return the law of the mean of a batch of independent stable gradient noises.

    Parameters
    ----------
    noise : Stable
        Of one sample.
    batch_size : int
        b, at least 1.

    Returns
    -------
    Stable
        With the scale :math:`\sigma b^{1/\alpha - 1}`; exact.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    At alpha = 2 the scale falls as :math:`b^{-1/2}`, at alpha = 1 not at all: averages of Cauchy
    variables are as spread as one of them.

    Examples
    --------
    >>> import linsgd
    >>> round(linsgd.levy.batch_noise(linsgd.Stable(1.5), 64).scale, 12)
    0.25
    """
    domains.exact_type("noise", noise, (Stable,))
    b = domains.integer("batch_size", batch_size, "[1, inf)")
    return Stable(noise.alpha, noise.scale * b ** (1 / noise.alpha - 1))


def effective_lr(sgd: SGD) -> float:
    """Return lr (1 - dampening)/(1 - momentum), the displacement by a unit gradient in the end."""
    return sgd.lr * sgd.gradient_weight / (1 - sgd.momentum)


def equation_amplitude(sgd: SGD, noise: Stable) -> float:
    r"""Return the amplitude eps of the noise in the Levy equation dw = -grad L dt + eps dL.

    Parameters
    ----------
    sgd : SGD
        The optimizer; one step takes the time :math:`e = \eta (1 - \tau)/(1 - \beta)`.
    noise : Stable
        Of one sample's gradient.

    Returns
    -------
    float
        :math:`e^{(\alpha - 1)/\alpha} \sigma b^{1/\alpha - 1}`.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    References
    ----------
    U. Simsekli, L. Sagun, M. Gurbuzbalaban, "A Tail-Index Analysis of Stochastic Gradient Noise in
    Deep Neural Networks", ICML 2019 (reconstructed; momentum and batch are ours).

    Examples
    --------
    >>> import linsgd
    >>> sgd = linsgd.SGD(lr=0.001)
    >>> round(linsgd.levy.equation_amplitude(sgd, linsgd.Stable(1.5)), 12)
    0.1
    """
    law, lr = driven(sgd, noise), effective_lr(sgd)
    return float(lr ** (1 - 1 / law.alpha) * law.scale)


def driven(sgd: SGD, noise: Stable) -> Stable:
    """Return the noise of one step, after the checks that all calls share."""
    domains.exact_type("sgd", sgd, OPTIMIZERS)
    domains.exact_type("noise", noise, (Stable,))
    if sgd.sampling != "independent":
        domains.refuse("sampling", sgd.sampling, "'independent' for stable noise")
    return batch_noise(noise, sgd.batch_size)
