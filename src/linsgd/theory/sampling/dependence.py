r"""The dependence between the batches of an epoch, at fixed weights.

An epoch walks through M = floor(N/b) disjoint batches of b of N rows in random order. At fixed
weights the means of two batches of one epoch have the correlation -rho,

    rho = b/(N - b),    which is 1/(M - 1) if M b = N, as their sum is then the full gradient.

Averaged over the position in reshuffled epochs, the autocorrelation at lag j < M and the spectrum
in units of the variance s2 of one batch are

    r_j = -rho (M - j)/M,    S(omega) = 1 + 2 sum_j r_j cos(j omega) = 1 + rho (1 - F_M(omega)),

with Fejer's kernel F_M = sin^2(M omega/2)/(M sin^2(omega/2)); S(0) = 0 if M b = N. A fixed order
repeats after M steps: its spectrum consists of lines at 2 pi k/M, each of weight (1 + rho)/M but
for that at 0, (1 - (M - 1) rho)/M.

In a mode of curvature kappa the noise of a reshuffled epoch acts as that of independent batches if
it relaxes within the epoch. Below, the variance averaged over the epoch tends to e^2 s2 M/6 with
e = lr (1 - dampening)/(1 - momentum), while independent batches give e s2/(2 kappa); both are equal
at the crossover curvature 3/(e M) = 3 (1 - momentum) b/(lr N).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import OPTIMIZERS
from linsgd.optimizers.sgd import SGD
from linsgd.result import Guarantee, Result

Order = Literal["epoch", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class BatchDependence(Result):
    """Correlations between the batches of epochs at fixed weights; exact.

    Attributes
    ----------
    samples, batch_size : int
        N and b.
    batches : int
        M = floor(N/b), the rows left over being dropped.
    sampling : str
        "epoch" or "fixed".
    correlation : float
        Of two batches of one epoch, -b/(N - b); 0 for one batch.
    guarantee : Guarantee
        "numerical": closed forms up to rounding.
    """

    samples: int
    batch_size: int
    batches: int
    sampling: str
    correlation: float
    guarantee: Guarantee = Guarantee.NUMERICAL

    def autocorrelation(self, lags: ArrayLike) -> FloatArray:
        """Return the correlation of batches some steps apart, averaged over the position.

        Parameters
        ----------
        lags : array_like of int (K,)
            In steps, at least 0.

        Returns
        -------
        ndarray (K,)
            1 at lag 0; of reshuffled epochs 0 from M steps on, of a fixed order of period M.
        """
        j, M = domains.step_list("lags", lags), self.batches
        if self.sampling == "fixed":
            return np.where(j % M == 0, 1.0, self.correlation)
        inside = self.correlation * np.maximum(M - j, 0) / M
        return np.where(j == 0, 1.0, inside)

    def spectrum(self, frequencies: ArrayLike) -> FloatArray:
        """Return S(omega) of reshuffled epochs in units of one batch's variance.

        Parameters
        ----------
        frequencies : array_like (K,)
            omega, in radians a step; white noise has S = 1.

        Raises
        ------
        ValueError
            For a fixed order, whose spectrum consists of `lines`.
        """
        if self.sampling == "fixed":
            domains.refuse("sampling", "fixed", "'epoch' for a spectrum; a fixed order has lines")
        omega = domains.array("frequencies", frequencies, (None,))
        return 1 - self.correlation * (1 - fejer(omega, self.batches))

    def lines(self) -> tuple[FloatArray, FloatArray]:
        """Return the frequencies (M,) of a fixed order and their shares of the variance (M,).

        Raises
        ------
        ValueError
            For reshuffled epochs, whose spectrum is continuous.
        """
        if self.sampling == "epoch":
            domains.refuse("sampling", "epoch", "'fixed' for lines; reshuffled epochs: `spectrum`")
        M, rho = self.batches, -self.correlation
        shares = np.full(M, (1 + rho) / M)
        shares[0] = (1 - (M - 1) * rho) / M
        return 2 * np.pi * np.arange(M) / M, shares

    def crossover_curvature(self, sgd: SGD) -> float:
        """Return the curvature below which epochs change the stationary variance.

        Parameters
        ----------
        sgd : SGD
            Its learning rate, momentum and dampening are used.

        Returns
        -------
        float
            3 (1 - momentum) b/(lr (1 - dampening) N): where the two limits of the variance meet.
        """
        domains.exact_type("sgd", sgd, OPTIMIZERS)
        lr = sgd.lr * sgd.gradient_weight / (1 - sgd.momentum)
        return 3 * self.batch_size / (lr * self.samples)


def batch_dependence(rows: int, batch_size: int, sampling: Order = "epoch") -> BatchDependence:
    r"""Return how the batches of epochs depend on each other at fixed weights.

    Parameters
    ----------
    rows : int
        N, at least 2.
    batch_size : int
        b, from 1 to N - 1.
    sampling : {"epoch", "fixed"}
        Reshuffled for every epoch, or one order that repeats. Rows that do not fill a batch are
        dropped, as by torch's DataLoader with drop_last=True.

    Returns
    -------
    BatchDependence
        Correlation, spectrum and crossover curvature.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    See Also
    --------
    stationary_moments, displacement : With ``sampling="epoch"`` or ``"fixed"``.

    Notes
    -----
    .. math:: \rho = \frac{b}{N - b}, \qquad S(\omega) = 1 + \rho \left(1 -
        \frac{\sin^2(M\omega/2)}{M \sin^2(\omega/2)}\right), \qquad
        \kappa_{\times} = \frac{3 (1 - \beta) b}{\eta N}.

    References
    ----------
    M. Kuehn, B. Rosenow, "Correlated Noise in Epoch-Based Stochastic Gradient Descent" (2023), by
    its abstract; the formulas are derived here.

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.batch_dependence(442, 26)
    >>> found.batches, found.correlation, found.spectrum([0.0, 3.0]).round(4)
    (17, -0.0625, array([0.   , 1.062]))
    >>> round(found.crossover_curvature(linsgd.SGD(lr=0.1, momentum=0.9)), 4)
    0.1765
    """
    N = domains.integer("rows", rows, "[2, inf)")
    b = domains.integer("batch_size", batch_size, f"[1, {N - 1}]")
    chosen = domains.choice("sampling", sampling, ("epoch", "fixed"))
    M = N // b
    return BatchDependence(
        samples=N,
        batch_size=b,
        batches=M,
        sampling=chosen,
        correlation=-b / (N - b) if M > 1 else 0.0,
    )


def fejer(omega: FloatArray, M: int) -> FloatArray:
    """Return sin^2(M omega/2)/(M sin^2(omega/2)) (K,), M at multiples of 2 pi."""
    half = np.sin(omega / 2)
    whole = np.abs(half) < 1e-9
    ratio = np.sin(M * omega / 2) / np.where(whole, 1.0, half)
    found: FloatArray = np.where(whole, float(M), ratio**2 / M)
    return found
