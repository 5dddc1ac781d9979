r"""The rate at which the mean of SGD on linear regression forgets its start, per step.

With kappa = h + weight_decay and a = 1 - dampening it is the slowest mode's

    exact      -log of the spectral radius of A(kappa) (`linsgd.theory.recurrence.recurrence`)
    langevin   Re(u - sqrt(u^2 - w2)), u = (1 - m)/(1 + m), w2 = 2 lr a kappa/(1 + m)
    diffusion  lr a kappa/(1 - m)

Directions of curvature 0 do not move and are left out. No batch size enters: for linear drift the
mean decays at the spectral gap of the Fokker-Planck equation while the variance is finite.
"""

from collections.abc import Callable

import numpy as np

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.langevin.propagator import damping_rate, squared_frequency
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.theories import TheoryName


def mixing_rate(problem: LinearRegression, sgd: SGD, theory: TheoryName = "exact") -> float:
    """Return the decay of the mean per step, negative where it diverges.

    Parameters
    ----------
    problem : LinearRegression
        The problem.
    sgd : SGD
        The optimizer; without Nesterov momentum unless `theory` is "exact".
    theory : {"exact", "langevin", "diffusion"}
        Which.

    Returns
    -------
    float
        Of the slowest mode with a curvature above 0; nan where there is none.
    """
    kappa = problem.eigenvalues + sgd.weight_decay
    moving = kappa[kappa > 0]
    return float(_RATES[theory](moving, sgd).min()) if moving.size else np.nan


def _exact(kappa: FloatArray, sgd: SGD) -> FloatArray:
    """Return the rates (d,) of the recursion.

    The eigenvalues are those of A - I plus 1, which keeps slow rates: log |1 + z|^2 / 2.
    """
    z = np.linalg.eigvals(Coefficients.of(sgd).mode_change(kappa))
    if not sgd.momentum:
        z = -sgd.lr * kappa[:, None]  # no velocity is remembered
    squares = 2 * z.real + np.abs(z) ** 2  # |1 + z|^2 - 1
    with np.errstate(divide="ignore"):
        rates: FloatArray = -np.log1p(squares).max(axis=1) / 2
    return rates


def _langevin(kappa: FloatArray, sgd: SGD) -> FloatArray:
    """Return the rates (d,) of the underdamped equation."""
    u = damping_rate(sgd.momentum)
    w2 = squared_frequency(sgd.lr * sgd.gradient_weight * kappa, sgd.momentum)
    root = np.sqrt(np.maximum(u**2 - w2, 0.0))
    # u - sqrt(u^2 - w2) without cancellation
    slow: FloatArray = np.where(w2 < u**2, w2 / (u + root), u)
    return slow


def _diffusion(kappa: FloatArray, sgd: SGD) -> FloatArray:
    """Return the rates (d,) of the first-order equation."""
    rates: FloatArray = sgd.lr * sgd.gradient_weight * kappa / (1 - sgd.momentum)
    return rates


_RATES: dict[str, Callable[[FloatArray, SGD], FloatArray]] = {
    "exact": _exact,
    "langevin": _langevin,
    "diffusion": _diffusion,
}
