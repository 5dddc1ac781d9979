r"""Sign descent on one Gaussian feature: its exact law, by the Markov chain on a lattice.

With u = w - w* and a batch of b samples the gradient's sign is that of u |x|^2 - noise_std |x| z,
z standard normal and independent of |x|. Hence a step goes down with the probability

    P(g > 0) = F_b(sqrt(b h) u/noise_std),     F_b Student's distribution function,

and w stays on the lattice w_0 + lr Z. The chain is one of births and deaths, in detailed balance
with pi(j + 1) P_down(j + 1) = pi(j) P_up(j). P_up ~ u^-b: the tail of pi falls faster than any
exponential. The chain alternates between even and odd points; pi is the mean of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sign import SignSGD
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.result import Guarantee, Result

MOST = 1_000_000  # points of the lattice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LatticeLaw(Result):
    """The law of sign descent.

    Attributes
    ----------
    steps : int or None
        After how many steps; None for the stationary law.
    points : ndarray (m,)
        Distances w - w* on the lattice.
    probabilities : ndarray (m,)
        Of the points.
    mean, variance : float
        Of w - w*.
    error : float
        Bound on the relative error of the probabilities, from rounding.
    guarantee : Guarantee
        "numerical".
    """

    steps: int | None
    points: FloatArray
    probabilities: FloatArray
    mean: float
    variance: float
    error: float
    guarantee: Guarantee = Guarantee.NUMERICAL

    def beyond(self, t: float) -> float:
        """Return P(|w - w*| > t).

        Parameters
        ----------
        t : float
            In [0, inf).
        """
        t = domains.real("t", t, "[0, inf)")
        return float(self.probabilities[np.abs(self.points) > t].sum())


def sign_descent_law(
    problem: LinearRegression, optimizer: SignSGD, steps: int | None = None, start: float = 0.0
) -> LatticeLaw:
    r"""Return the exact law of sign descent on one Gaussian feature with Gaussian label noise.

    Parameters
    ----------
    problem : LinearRegression
        One Gaussian feature, Gaussian label noise of positive scale.
    optimizer : SignSGD
        Without weight decay.
    steps : int, optional
        After how many steps, at most 100000; by default the stationary law.
    start : float
        w at step 0, which fixes the lattice.

    Returns
    -------
    LatticeLaw
        Points and probabilities.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    .. math:: P(w' = w - \eta) = F_b\left(\sqrt{b h}\, (w - w^*)/\sigma\right)

    with :math:`F_b` the distribution function of Student's law with :math:`b` degrees of freedom.

    Examples
    --------
    >>> import linsgd
    >>> problem = linsgd.LinearRegression.gaussian([1.0])
    >>> law = linsgd.sign_descent_law(problem, linsgd.SignSGD(lr=0.1))
    >>> round(law.variance, 4), law.beyond(2.0) < 1e-9
    (0.0845, True)
    """
    domains.exact_type("problem", problem, (LinearRegression,))
    domains.exact_type("optimizer", optimizer, (SignSGD,))
    _covered(problem, optimizer)
    first = domains.real("start", start, f"[-{domains.LARGEST:g}, {domains.LARGEST:g}]")
    offset = first - float(problem.optimum[0])
    slope = float(np.sqrt(optimizer.batch_size * problem.eigenvalues[0]) / problem.noise_std)
    if steps is None:
        points, law = _stationary(offset, optimizer.lr, slope, optimizer.batch_size)
    else:
        steps = domains.integer("steps", steps, "[0, 100000]")
        points, law = _after(offset, optimizer.lr, slope, optimizer.batch_size, steps)
    mean = float(points @ law)
    return LatticeLaw(
        steps=steps,
        points=points,
        probabilities=law,
        mean=mean,
        variance=float((points - mean) ** 2 @ law),
        error=1e-13 * (1 + len(points)) ** 0.5,
    )


def _covered(problem: LinearRegression, optimizer: SignSGD) -> None:
    """Refuse what the formula does not hold for."""
    if type(problem.features) is not GaussianFeatures or problem.dimension != 1:
        domains.refuse_type("problem.features", problem.features, "one Gaussian feature")
    if type(problem.noise) is not GaussianNoise or problem.noise_std == 0:
        given = f"{problem.noise!r} of scale {problem.noise_std}"
        domains.refuse("problem.noise", given, "Gaussian of positive scale")
    if optimizer.weight_decay > 0:
        domains.refuse("weight_decay", optimizer.weight_decay, "0")


def _stationary(offset: float, lr: float, slope: float, b: int) -> tuple[FloatArray, FloatArray]:
    """Return the lattice and pi, to where it is below the smallest float."""
    reach = _reach(lr, slope, b)
    nearest = round(-offset / lr)
    j = np.arange(nearest - reach, nearest + reach + 1)
    points: FloatArray = offset + lr * j.astype(np.float64)
    up, down = np.log(stdtr(b, -slope * points)), np.log(stdtr(b, slope * points))
    log_pi = np.concatenate([[0.0], np.cumsum(up[:-1] - down[1:])])
    weights = np.exp(log_pi - log_pi.max())
    law: FloatArray = weights / weights.sum()
    return points, law


def _reach(lr: float, slope: float, b: int) -> int:
    """Return how many points to one side the law has above 1e-300, at least 8."""
    reach, log_pi = 0, 0.0
    while log_pi > -700 and reach < MOST:
        block = lr * np.arange(reach, reach + 1024)
        ratios = np.log(stdtr(b, -slope * block)) - np.log(stdtr(b, slope * (block + lr)))
        falls = log_pi + np.cumsum(ratios)
        below = np.flatnonzero(falls <= -700)
        if below.size:
            return max(8, reach + int(below[0]) + 1)
        reach, log_pi = reach + 1024, float(falls[-1])
    return domains.refuse("lr", lr, f"learning rates whose law has at most {MOST} points")


def _after(
    offset: float, lr: float, slope: float, b: int, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Return the lattice and the law after some steps from the offset."""
    points: FloatArray = offset + lr * np.arange(-steps, steps + 1).astype(np.float64)
    down = stdtr(b, slope * points)
    law = np.zeros(len(points))
    law[steps] = 1.0
    for _ in range(steps):
        falls, rises = law * down, law * (1 - down)
        law = np.zeros(len(points))
        law[:-1] += falls[1:]
        law[1:] += rises[:-1]
    return points, law
