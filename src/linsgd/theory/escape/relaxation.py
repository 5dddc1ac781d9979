r"""Relaxation of linear diffusions dX = -A X dt + sqrt(2 D) dW, reversible or not.

The law stays Gaussian, with mean e^{-At} m and covariance S_t = S + e^{-At} (S_0 - S) e^{-A't},
where A S + S A' = 2 D. The decay rates of its generator are the sums sum_i n_i lambda_i of the
eigenvalues of A, whatever D is (Metafune, Pallara, Priola 2002); the gap is min Re lambda. With
N(m, R) against the stationary N(0, S) of dimension d,

    KL    = [tr(S^-1 R) - d - log det(S^-1 R) + m'S^-1 m]/2,
    chi^2 = det S/sqrt(det R det(2 S - R)) e^{m'(2 S - R)^-1 m} - 1,  infinite unless R < 2 S,
    W2^2  = |m|^2 + tr(R + S - 2 (S^{1/2} R S^{1/2})^{1/2}).

In L2 of the stationary law the norm of the propagator on mean-free functions is
||S^{-1/2} e^{-At} S^{1/2}||. For the heavy ball x'' = -gamma x' - h x + noise with
g = gamma/sqrt(h) its supremum times e^{gap t} is sqrt((2 + g)/(2 - g)) for g < 2.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm, solve_continuous_lyapunov, sqrtm

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Result, Status

MOST = 2000  # eigenvalues of a generator


class LinearDiffusion:
    r"""The diffusion dX = -A X dt + sqrt(2 D) dW with a stationary law.

    Parameters
    ----------
    drift : array_like (d, d)
        A, whose eigenvalues have positive real parts. A spectrum (d,) stands for its diagonal
        matrix.
    diffusion : array_like (d, d)
        D, positive semidefinite; likewise.

    Raises
    ------
    ValueError
        If an argument lies outside its domain, or the stationary law is degenerate.

    Notes
    -----
    SGD near a minimum with Hessian H and one-sample gradient covariance C has A = lr H and D =
    lr^2 C/(2 b) per step.

    References
    ----------
    .. [1] G. Metafune, D. Pallara, E. Priola, "Spectrum of Ornstein-Uhlenbeck operators in L^p
       spaces with respect to invariant measures", J. Funct. Anal. 196 (2002).

    Examples
    --------
    >>> import linsgd
    >>> flow = linsgd.escape.LinearDiffusion([2.0, 1.0], [1.0, 1.0])
    >>> flow.gap, flow.decay_rates(4).real
    (1.0, array([0., 1., 2., 2.]))
    """

    __slots__ = ("covariance", "diffusion", "drift")

    def __init__(self, drift: ArrayLike, diffusion: ArrayLike) -> None:
        self.drift = _square("drift", drift)
        d = len(self.drift)
        given = domains.covariance("diffusion", diffusion)
        self.diffusion = np.diag(given) if given.ndim == 1 else given
        if len(self.diffusion) != d:
            domains.refuse("diffusion", f"of {len(self.diffusion)} rows", f"{d} rows, as drift")
        slowest = float(np.linalg.eigvals(self.drift).real.min())
        if slowest <= 0:
            domains.refuse("drift", f"matrix with eigenvalue {slowest:.6g}", "stable: above 0")
        found = solve_continuous_lyapunov(self.drift, 2 * self.diffusion)
        self.covariance: FloatArray = (found + found.T) / 2
        values = np.linalg.eigvalsh(self.covariance)
        if values[0] <= 1e-13 * values[-1]:
            domains.refuse("diffusion", "noise that does not reach every direction", "such noise")

    def __repr__(self) -> str:
        return f"LinearDiffusion(dimension {len(self.drift)}, gap {self.gap:.6g})"

    @property
    def gap(self) -> float:
        """The smallest real part of the eigenvalues of A: the decay rate of mean-free functions."""
        return float(np.linalg.eigvals(self.drift).real.min())

    def decay_rates(self, count: int) -> "np.ndarray[tuple[int], np.dtype[np.complex128]]":
        """Return the decay rates of the generator with the smallest real parts (count,).

        Parameters
        ----------
        count : int
            From 1 to 2000.
        """
        count = domains.integer("count", count, f"[1, {MOST}]")
        own = np.linalg.eigvals(self.drift).astype(np.complex128)
        slowest = own.real.min()
        sums = np.zeros(1, dtype=np.complex128)
        # multiples of one eigenvalue at a time; a sum beyond `count` of the slowest is not needed
        for value in own:
            most = int(count * slowest / value.real) + 1
            grid = sums[:, None] + value * np.arange(most + 1)
            flat = grid.ravel()
            sums = flat[np.argsort(flat.real, kind="stable")][:count]
        return sums

    def law(
        self, time: float, mean: ArrayLike, covariance: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (d,) and covariance (d, d) at a later time.

        Parameters
        ----------
        time : float
            At least 0.
        mean : array_like (d,)
            At time 0.
        covariance : array_like (d, d)
            At time 0; a spectrum stands for its diagonal matrix, zeros for a point.
        """
        d = len(self.drift)
        time = domains.real("time", time, "[0, inf)")
        m = domains.array("mean", mean, (d,))
        R = _square("covariance", covariance)
        if len(R) != d:
            domains.refuse("covariance", f"of {len(R)} rows", f"{d} rows, as drift")
        flow = expm(-time * self.drift)
        return flow @ m, self.covariance + flow @ (R - self.covariance) @ flow.T

    def distance(self, mean: ArrayLike, covariance: ArrayLike) -> "GaussianDistance":
        """Return the distances of a Gaussian law from the stationary one.

        Parameters
        ----------
        mean : array_like (d,)
            Of the law.
        covariance : array_like (d, d)
            Of the law, positive definite.
        """
        d, S = len(self.drift), self.covariance
        m = domains.array("mean", mean, (d,))
        R = _square("covariance", covariance)
        if len(R) != d or np.linalg.eigvalsh(R)[0] <= 0:
            domains.refuse("covariance", covariance, f"positive definite ({d}, {d}) matrices")
        ratio = np.linalg.solve(S, R)
        kl = (np.trace(ratio) - d - np.linalg.slogdet(ratio)[1] + m @ np.linalg.solve(S, m)) / 2
        root = sqrtm(S).real
        cross = np.trace(sqrtm(root @ R @ root).real)
        squared = float(m @ m + np.trace(R) + np.trace(S) - 2 * cross)
        return GaussianDistance(
            kullback_leibler=float(max(kl, 0.0)),
            chi_square=_chi_square(m, R, S),
            wasserstein=math.sqrt(max(squared, 0.0)),
        )

    def propagator_norm(self, time: float) -> float:
        """Return the norm of the propagator on mean-free functions in L2 of the stationary law.

        Parameters
        ----------
        time : float
            At least 0.
        """
        time = domains.real("time", time, "[0, inf)")
        values, axes = np.linalg.eigh(self.covariance)
        flow = axes.T @ expm(-time * self.drift) @ axes
        scaled = flow * np.sqrt(values) / np.sqrt(values)[:, None]
        return float(np.linalg.norm(scaled, 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class GaussianDistance(Result):
    """Distances of a Gaussian law from the stationary one.

    Attributes
    ----------
    kullback_leibler : float
        In nats.
    chi_square : float
        inf unless the covariance is below twice the stationary one.
    wasserstein : float
        W2, in units of x.
    """

    kullback_leibler: float
    chi_square: float
    wasserstein: float


def _chi_square(m: FloatArray, R: FloatArray, S: FloatArray) -> float:
    apart = 2 * S - R
    if np.linalg.eigvalsh(apart)[0] <= 0:
        return math.inf
    logs = [np.linalg.slogdet(each)[1] for each in (S, R, apart)]
    exponent = logs[0] - (logs[1] + logs[2]) / 2 + m @ np.linalg.solve(apart, m)
    return float(np.expm1(exponent)) if exponent < 709 else math.inf


class DampingStatus(Status):
    """How a heavy ball relaxes."""

    UNDERDAMPED = "underdamped"
    CRITICAL = "critical"  # the propagator's norm has a factor 1 + t: no constant exists
    OVERDAMPED = "overdamped"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class HeavyBallRate(Result):
    """How fast momentum SGD settles in a quadratic well, per step.

    Attributes
    ----------
    rate : float
        Exact decay of the mean per step, -log of the spectral radius of the iteration.
    rate_sde : float
        The gap of the kinetic equation times sqrt(lr).
    constant : float
        Of ||P_t|| <= constant e^{-gap t} for the kinetic equation; inf at critical damping.
    best_momentum : float
        The momentum of the largest exact rate, (1 - sqrt(lr h))^2.
    best_rate : float
        -log(1 - sqrt(lr h)).
    status : DampingStatus
        Of the kinetic equation.
    """

    rate: float
    rate_sde: float
    constant: float
    best_momentum: float
    best_rate: float
    status: DampingStatus


def heavy_ball_rate(curvature: float, lr: float, momentum: float) -> HeavyBallRate:
    r"""Return the rate at which momentum SGD settles in a quadratic well, whatever the batch.

    Parameters
    ----------
    curvature : float
        h > 0.
    lr : float
        Positive, with lr h < 1.
    momentum : float
        In (0, 1).

    Returns
    -------
    HeavyBallRate
        Exact in discrete time, by the kinetic equation, and the best momentum.

    Raises
    ------
    ValueError
        If an argument lies outside its domain.

    Notes
    -----
    The eigenvalues of a step solve :math:`z^2 - (1 + \beta - \eta h) z + \beta = 0`: below critical
    damping both have modulus :math:`\sqrt\beta`. With :math:`\gamma = (1 - \beta)/\sqrt\eta` the
    kinetic equation has the gap :math:`\mathrm{Re}(\gamma - \sqrt{\gamma^2 - 4 h})/2` and, with
    :math:`g = \gamma/\sqrt h`, the constant :math:`\sqrt{(2 + g)/(2 - g)}` below critical damping
    and :math:`g/\sqrt{g^2 - 4}` above. No batch size enters.

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.escape.heavy_ball_rate(1.0, 0.01, 0.9)
    >>> round(found.rate, 6), round(found.rate_sde, 6), round(found.constant, 4)
    (0.05268, 0.05, 1.7321)
    """
    h = domains.real("curvature", curvature, "(0, inf)")
    lr = domains.real("lr", lr, f"(0, {1 / h!r})")
    momentum = domains.real("momentum", momentum, "(0, 1)")
    half = (1 + momentum - lr * h) / 2
    inside = half**2 - momentum
    radius = math.sqrt(momentum) if inside <= 0 else abs(half) + math.sqrt(inside)
    gamma = (1 - momentum) / math.sqrt(lr)
    g = gamma / math.sqrt(h)
    gap = gamma / 2
    if g < 2:
        constant, status = math.sqrt((2 + g) / (2 - g)), DampingStatus.UNDERDAMPED
    elif g == 2:
        constant, status = math.inf, DampingStatus.CRITICAL
    else:
        gap = 2 * h / (gamma + math.sqrt(gamma**2 - 4 * h))
        constant, status = g / math.sqrt(g**2 - 4), DampingStatus.OVERDAMPED
    root = math.sqrt(lr * h)
    return HeavyBallRate(
        rate=-math.log(radius),
        rate_sde=gap * math.sqrt(lr),
        constant=constant,
        best_momentum=(1 - root) ** 2,
        best_rate=-math.log1p(-root),
        status=status,
    )


def _square(name: str, given: ArrayLike) -> FloatArray:
    """Return a square matrix, or the diagonal matrix of a spectrum."""
    axes = 1 if np.ndim(given) == 1 else 2
    numbers = domains.array(name, given, (None,) * axes)
    if numbers.ndim == 2 and numbers.shape[0] != numbers.shape[1]:
        domains.refuse(name, f"array of shape {numbers.shape}", "a square matrix")
    return np.diag(numbers) if numbers.ndim == 1 else numbers
