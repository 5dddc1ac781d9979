r"""Exponents of the compute-optimal risk on random features of a power law.

With f = d k B the compute of k steps of batch B on d features, P(f) = min_d risk(d, f/(d B)) falls
as a power of f, and the best d grows as one. Four terms are said to make up the risk, with
alpha = exponent/2, beta = source, the learning rate lr ~ d^min(0, 2 alpha - 1) and t = lr k:

    forgotten    t^-(2 alpha + 2 beta - 1)/(2 alpha)       what the start leaves
    embedding    t^-(1 - 1/(2 alpha)) / d                  2 alpha > 1 and 2 beta > 1
    capacity     d^-(2 alpha - max(0, 1 - 2 beta))         what d features cannot express
    noise        lr t^-(2 - 1/(2 alpha))                   what the risk's own noise feeds

The best d balances the slowest of them: a linear programme in log d/log f. Which pair it balances
is the phase. The measured exponents are slopes of log P and log d of the deterministic equivalent
at very large f, where only the largest term is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.result import Result, Status
from linsgd.theory.risk.feature_spectrum import FeatureSpectrum

COORDINATES = 4.0  # coordinates a feature where 2 alpha < 1
LR = 0.5  # of the threshold 2 B/tr D
BATCH = 1
NODES = 6  # a panel: 1e-6 of the risk
GRID = 13  # sizes among which the best is bracketed
XTOL = 1e-4  # of the best log d
STEP, NEAR = 100.0, 1.2  # ratio of computes; by how much log d may follow, over log STEP
SMALLER = 0.8  # of the decades, at which the exponents are measured too
# what is left of c/log f, over its change between the two; a quarter more for c/(log f + c')
DRIFT = 1.25 * SMALLER / (1 - SMALLER)
LITTLE = 0.1  # of log f, for a central difference
SUMMED = 200  # modes that are summed one by one; the rest errs by a constant factor near 1
SOFT = 1e-4  # of the softest scale; a factor of the risk that exponents do not see
LOST = 1e6  # in place of the logarithm of a risk without digits
SHARE = 0.98  # of log f, the largest log d


class Term(NamedTuple):
    """A term of the risk: -log term / log f = steps (1 - x) + size x at d = f^x, k = f^(1 - x)."""

    name: str
    steps: float
    size: float

    def at(self, x: float) -> float:
        """Return the exponent with which the term falls at d = f^x."""
        return self.steps * (1 - x) + self.size * x


class ScalingStatus(Status):
    """Whether the exponents were measured."""

    OK = "ok"
    UNRESOLVED = "unresolved"  # the risk has no digits at so large a compute: ask for fewer decades


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ComputeOptimal(Result):
    """Exponents of the compute-optimal risk and size, measured and predicted.

    Attributes
    ----------
    exponent, source : float
        2 alpha and beta, as given.
    risk_exponent, risk_error : float
        The measured d log P/d log f at the larger compute, and five times its difference from that
        at the smaller one.
    size_exponent, size_error : float
        The same of d log d/d log f.
    predicted_risk, predicted_size : float
        By the balance of the four terms.
    phase : str
        The two terms that are balanced at the optimum.
    compute : ndarray (2,)
        The computes between and at which exponents are measured.
    status : ScalingStatus
        "unresolved" where the measured exponents are nan.
    """

    exponent: float
    source: float
    risk_exponent: float
    risk_error: float
    size_exponent: float
    size_error: float
    predicted_risk: float
    predicted_size: float
    phase: str
    compute: FloatArray
    status: ScalingStatus = ScalingStatus.OK


def compute_optimal(exponent: float, source: float, decades: float = 24.0) -> ComputeOptimal:
    r"""Return the exponents of the compute-optimal risk on random features of a power law.

    Parameters
    ----------
    exponent : float
        2 alpha, in (0.5, 10]; infinitely many coordinates where it exceeds 1, else 4 a feature.
    source : float
        beta, in [0, 10], with exponent + 2 source > 1.
    decades : float
        log10 of the larger compute, in [10, 60]; the smaller one has 4/5 of it.

    Returns
    -------
    ComputeOptimal
        Measured exponents with their errors, and the predicted ones.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    Measured on the deterministic equivalent of homogenised SGD at half of its largest learning rate
    and batch 1, from the best d at each compute. The error is five times the change from the
    smaller compute to the larger one: about so far from its limit is a slope that differs from it
    by a term c/log f, as on a border between phases, where two terms differ by a logarithm.

    References
    ----------
    .. [1] E. Paquette, C. Paquette, L. Xiao, J. Pennington, "4+3 Phases of Compute-Optimal Neural
       Scaling Laws" (2024), arXiv 2405.15074, whose terms these are, as reconstructed here.

    Examples
    --------
    >>> import linsgd
    >>> found = linsgd.compute_optimal(exponent=2.0, source=0.3)
    >>> f"{found.predicted_risk:.4f} {abs(found.risk_exponent - found.predicted_risk) < 0.01}"
    '-0.5333 True'
    """
    exponent = domains.real("exponent", exponent, "(0.5, 10]")
    source = domains.real("source", source, "[0, 10]")
    decades = domains.real("decades", decades, "[10, 60]")
    if not exponent + 2 * source > 1:
        domains.refuse("source", source, f"({(1 - exponent) / 2:g}, 10], of finite risk at w = 0")
    terms = risk_terms(exponent, source)
    x, value = balance(terms)
    compute = 10 ** (decades * np.array([SMALLER, 1.0]))
    slopes = np.array([_slopes(exponent, source, f) for f in compute])
    risk, size = slopes[1]
    drift = DRIFT * np.abs(slopes[1] - slopes[0]) + 1e-6
    return ComputeOptimal(
        exponent=exponent,
        source=source,
        risk_exponent=float(risk),
        risk_error=float(drift[0]),
        size_exponent=float(size),
        size_error=float(drift[1]),
        predicted_risk=-value,
        predicted_size=x,
        phase=phase(terms, x),
        compute=compute,
        status=ScalingStatus.OK if np.isfinite(slopes).all() else ScalingStatus.UNRESOLVED,
    )


def risk_terms(exponent: float, source: float) -> list[Term]:
    """Return the terms of the risk that are present."""
    lr = max(0.0, 1 - exponent)  # lr ~ d^-lr, so that t = d^-lr k
    forgotten = (exponent + 2 * source - 1) / exponent
    noise = 2 - 1 / exponent
    terms = [
        Term("forgotten", forgotten, -lr * forgotten),
        Term("capacity", 0.0, exponent - max(0.0, 1 - 2 * source)),
        Term("noise", noise, lr * (1 - noise)),
    ]
    if exponent > 1 and 2 * source > 1:
        terms.append(Term("embedding", 1 - 1 / exponent, 1.0))
    return terms


def balance(terms: list[Term]) -> tuple[float, float]:
    """Return the x in [0, 1] at which the slowest term falls fastest, and its exponent."""
    candidates = [0.0, 1.0]
    for i, one in enumerate(terms):
        for other in terms[:i]:
            tilt = (one.size - one.steps) - (other.size - other.steps)
            if tilt != 0:
                candidates.append((other.steps - one.steps) / tilt)
    inside = [x for x in candidates if 0 <= x <= 1]
    slowest = [min(term.at(x) for term in terms) for x in inside]
    best = int(np.argmax(slowest))
    return inside[best], slowest[best]


def phase(terms: list[Term], x: float) -> str:
    """Return the names of the terms that are largest at the best x."""
    slowest = min(term.at(x) for term in terms)
    return " = ".join(sorted(term.name for term in terms if term.at(x) < slowest + 1e-9))


class _LogRisk:
    """The logarithm of the risk at compute f = exp(log_f) and d = exp(log_d)."""

    def __init__(self, exponent: float, source: float, compute: float) -> None:
        self.exponent, self.source = exponent, source
        # the scale max(1/k, d^-a) of the softest modes that matter is least at d^(1 + a) = f
        self.slowest = SOFT * compute ** (-exponent / (1 + exponent))
        self.shared = self._spectrum(1.0, np.inf) if exponent > 1 else None
        self.lost = False  # whether the contour's sum lost all digits of a tiny risk

    def _spectrum(self, size: float, coordinates: float) -> FeatureSpectrum:
        within = (size, coordinates)
        return FeatureSpectrum.of(
            self.exponent, self.source, within, self.slowest, NODES, summed=SUMMED
        )

    def __call__(self, log_f: float, log_d: float) -> float:
        size = float(np.exp(log_d))
        if self.shared is None:
            spectrum = self._spectrum(size, COORDINATES * size)
        else:
            spectrum = replace(self.shared, features=size)
        steps = np.array([np.exp(log_f - log_d) / BATCH])
        lr = LR * 2 * BATCH / spectrum.trace
        risk = float(spectrum.risks(lr, BATCH, steps)[0])
        if risk > 0:
            return float(np.log(risk))
        self.lost = True
        return LOST

    def best(self, log_f: float, ends: tuple[float, float]) -> float:
        """Return the log d of least risk between two ends: Brent's method."""
        found = minimize_scalar(
            lambda log_d: self(log_f, log_d), bounds=ends, method="bounded", options={"xatol": XTOL}
        )
        return float(found.x)


def _slopes(exponent: float, source: float, compute: float) -> tuple[float, float]:
    """Return d log P/d log f and d log d/d log f at one compute.

    At the best d the derivative of log P by log d vanishes, so that the first is a derivative at
    constant d. The second needs the best d at a hundredth of the compute.
    """
    risk = _LogRisk(exponent, source, compute)
    log_f = float(np.log(compute))
    grid = np.linspace(1 - SHARE, SHARE, GRID) * log_f
    i = int(np.argmin([risk(log_f, each) for each in grid]))
    risk.lost = False  # far from the best size that does not matter
    size = risk.best(log_f, (float(grid[max(i - 1, 0)]), float(grid[min(i + 1, GRID - 1)])))
    slope = (risk(log_f + LITTLE, size) - risk(log_f - LITTLE, size)) / (2 * LITTLE)
    step = float(np.log(STEP))
    smaller = risk.best(log_f - step, (size - NEAR * step, size))
    if risk.lost:
        return np.nan, np.nan
    return slope, (size - smaller) / step
