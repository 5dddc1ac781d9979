r"""How skewed the squares of SGD's state are, and which rows make them so.

About its mean, the coordinate q of w or of v along an eigenvector of H is a sum over the draws of
the last steps. With R_s the response of q to a unit of gradient s steps earlier (it holds lr),

    q_k - E q_k = sum_s sum_{n in batch k-1-s} R_s (x_n r_n - E x r) / b,
    r_n = x_n'(w - w*) - e_n,

x_n the row's coordinate along the eigenvector and e_n its residual at w*. Were the draws
independent and w Gaussian, the cumulants of q would be

    kappa_p = b^(1-p) sum_s R_s^p mean_n x_n^p E r_n^p,

from which follows the skewness of q and of its square,

    kappa_3(q^2) = m_6 - 3 m_2 m_4 + 2 m_2^3,    m_4 = 3 kappa_2^2 + kappa_4,
    m_6 = 15 kappa_2^3 + 15 kappa_4 kappa_2 + 10 kappa_3^2 + kappa_6,

and, for a sum over eigenvectors, that of sum_i q_i^2 / Var q_i, whose value after one draw is D_n.
An outlying row enters with its whole weight: nothing is sampled.

Draws are not independent where a row multiplies its own residual: s steps after row n was drawn its
residual is 1 - g_n(s) times what it was, g_n(s) = -x_n'R_s x_n / b. Where g_n > 2 each further draw
makes the next one larger, and the sixth moment gains the factor 1 + h, h the sum over such rows of
(b/N) sum_s (|1 - g_n(s)|^6 - 1)_+.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import (
    FiniteData,
    GaussianFeatures,
    RademacherFeatures,
    UniformFeatures,
)
from linsgd.problems.labels import LabelNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.result import Moments

LIGHT_FEATURES = (FiniteData, GaussianFeatures, RademacherFeatures, UniformFeatures)
LARGEST_GAIN = 0.25  # beyond which rows that multiply their own residual are drawn too rarely
SAMPLED = 4096  # draws that stand for the rows of a law
MEMORY = 128  # steps over which a row's effect on itself is followed
FORGOTTEN = 0.05  # the effect of a draw that is forgotten, in its own size and in variances
LIVE = 1e-9  # of the largest variance: directions with less carry no noise

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """The effects of single draws on the state.

    Attributes
    ----------
    position, velocity : float
        The largest skewness of w's and of v's coordinates, their squares and the sum of squares.
    gain : float
        h, by how much rows that multiply their own residual raise the sixth moment.
    strong : ndarray (N,) of bool
        The rows with g_n > 2 at a step at which another draw can follow.
    influence : ndarray (N,)
        What one draw of a row adds to the sum of squares, each over its variance, at most.
    memory : ndarray (N,) of int
        Steps after which a draw of the row is forgotten.
    """

    position: float
    velocity: float
    gain: float
    strong: BoolArray
    influence: FloatArray
    memory: IntArray


def draws(
    problem: LinearRegression,
    sgd: SGD,
    law: Moments,
    start: Any,
    left_out: BoolArray | None = None,
) -> Draws:
    """Return what single draws do to the state of SGD with independent batches.

    Parameters
    ----------
    problem : LinearRegression
        A data set, or a law all of whose moments are finite; 4096 samples stand for its rows.
    sgd : SGD
        The optimizer.
    law : Moments
        Its exact law at the steps of interest.
    start : tuple (w, v) of ndarray (d,), or None
        Where it starts; None at w = 0.
    left_out : ndarray (N,) of bool, optional
        Rows whose draws do not count.

    Returns
    -------
    Draws
        The largest skewness over the steps, and the rows that cause it.
    """
    rows, residual = rows_of(problem)
    counts = np.ones(len(rows)) if left_out is None else 1.0 - left_out
    x = problem.to_eigenbasis(rows)
    steps = [int(k) for k in np.atleast_1d(np.asarray(law.steps))]
    R = responses(problem, sgd, max(steps))
    begin = np.zeros(problem.dimension) if start is None else np.asarray(start[0])
    largest = np.zeros(2)
    influence = np.zeros(len(rows))
    for i, k in enumerate(steps):
        about = law.mean[i] - problem.optimum
        residuals = [residual_moments(rows, residual, about, law.position_covariance()[i])]
        if _recalls(R[:k, :, 0]):
            at_start = residual_moments(rows, residual, begin - problem.optimum, None)
            residuals.append(at_start)
        for j, variance in enumerate((law.position_variance[i], law.velocity_variance[i])):
            live = variance > LIVE * variance.max()
            for r in residuals:
                weighted = {p: counts * moment for p, moment in r.items()}
                skewness, added = _skewness(x[:, live], R[:k, live, j], weighted, sgd.batch_size)
                largest[j] = max(largest[j], skewness)
                influence = np.maximum(influence, added)
    position, velocity = map(float, largest)
    # g_n(s) of every row (N, steps): R, the response of w to a gradient, is negative
    recent = R[:MEMORY, :, 0].T
    g = -(x**2) @ recent / sgd.batch_size
    again = g[:, :-1]  # no draw follows the last step's
    strong = (counts > 0) & (again.max(axis=1, initial=0.0) > 2)
    growth = np.maximum(np.abs(1 - again[strong]) ** 6 - 1, 0)
    gain = sgd.batch_size / len(x) * float(growth.sum())
    return Draws(position, velocity, gain, strong, influence, _memory(g, influence))


def _memory(g: FloatArray, influence: FloatArray) -> IntArray:
    """Return the steps (N,) after which a draw of each row is forgotten.

    A draw counts while it moves the row's own residual, or the sum of squares, by FORGOTTEN.
    """
    own = np.abs(g)
    most = own.max(axis=1, keepdims=True)
    share = np.sqrt(FORGOTTEN / np.maximum(influence, 1.0))[:, None]
    negligible = np.minimum(most * np.minimum(share, FORGOTTEN), FORGOTTEN)
    counts = own > negligible
    steps_since_last = counts[:, ::-1].argmax(axis=1)
    memory: IntArray = g.shape[1] - steps_since_last
    return memory


def rows_of(problem: LinearRegression) -> tuple[FloatArray, FloatArray]:
    """Return the rows (N, d) and their residuals at w* (N,), or samples of a law."""
    law = problem.features
    if isinstance(law, FiniteData):
        return law.X, law.y - law.X @ problem.optimum
    rng = np.random.default_rng(0)
    assert isinstance(problem.noise, LabelNoise)
    features = law.sample(SAMPLED, rng)
    residual = problem.noise.sample(SAMPLED, rng) * problem.noise_std
    return features, residual


def responses(problem: LinearRegression, sgd: SGD, steps: int) -> FloatArray:
    """Return R (steps, d, 2): what a unit of gradient adds to w and v s + 1 updates later."""
    step = Coefficients.of(sgd)
    A = step.mode_matrix(problem.eigenvalues + sgd.weight_decay)
    state = np.broadcast_to(step.noise_vector(), (len(A), 2))
    R = np.empty((steps, len(A), 2))
    for s in range(steps):
        R[s] = state
        state = np.einsum("iab,ib->ia", A, state)
    return R


def _recalls(R: FloatArray) -> bool:
    """Return whether a tenth of the last state's variance is from the first half of the run."""
    variance = (R**2).sum(axis=1)  # by draws s steps earlier
    first_half = variance[len(R) // 2 :].sum()
    return bool(first_half > 0.1 * variance.sum())


def residual_moments(
    rows: FloatArray, residual: FloatArray, mean: FloatArray, covariance: FloatArray | None
) -> dict[int, FloatArray]:
    """Return E r_n^p (N,) for p = 2, 3, 4, 6 with w - w* Gaussian."""
    m = rows @ mean - residual
    s = np.zeros_like(m)
    if covariance is not None:
        s = ((rows @ covariance) * rows).sum(axis=1)
    # r_n is N(m, s)
    return {
        2: s + m**2,
        3: m**3 + 3 * m * s,
        4: 3 * s**2 + 6 * s * m**2 + m**4,
        6: 15 * s**3 + 45 * s**2 * m**2 + 15 * s * m**4 + m**6,
    }


def _skewness(
    x: FloatArray, R: FloatArray, r: dict[int, FloatArray], b: int
) -> tuple[float, FloatArray]:
    """Return the largest skewness of coordinates (N, m), their squares and the sum of squares.

    Also what a draw of each row adds to the sum of squares over their variances (N,), at most.
    """
    R_to = _powers(R)
    x_to = _powers(x)

    def cumulant(p: int) -> FloatArray:
        # kappa_p = b^(1-p) sum_s R_s^p mean_n x_n^p E r_n^p
        over_rows = r[p] @ x_to[p]
        over_draws = b ** (1 - p) * R_to[p].sum(axis=0)
        kappa: FloatArray = over_draws * over_rows / len(x)
        return kappa

    k2 = cumulant(2)
    k3 = cumulant(3)
    k4 = cumulant(4)
    k6 = cumulant(6)
    if k2.size == 0 or not (k2 > 0).all():
        return 0.0, np.zeros(len(x))
    # a coordinate, and its square
    of_coordinates = np.abs(k3 / k2**1.5)
    m4 = 3 * k2**2 + k4
    m6 = 15 * k2**3 + 15 * k4 * k2 + 10 * k3**2 + k6
    third = m6 - 3 * k2 * m4 + 2 * k2**3
    of_squares = third / (m4 - k2**2) ** 1.5
    # the sum of the m squares, each over its variance; one draw adds r_n^2 D_n(s),
    # D_n(s) = sum_i c_i(s) x_ni^2
    c = R_to[2] / (b**2 * k2)
    squared_D = ((x_to[2] @ (c.T @ c)) * x_to[2]).sum(axis=1)  # sum_s D_n(s)^2
    largest_D = x_to[2] @ c.max(axis=0)  # at least D_n(s)
    p2 = b * np.mean(r[4] * squared_D)
    p3 = b * np.mean(r[6] * squared_D * largest_D)
    m = x.shape[1]
    third = 8 * m + 12 * p2 + p3
    of_sum = third / (2 * m + p2) ** 1.5
    largest = max(of_squares.max(), of_coordinates.max(), of_sum)
    return float(largest), r[2] * largest_D


def _powers(x: FloatArray) -> dict[int, FloatArray]:
    """Return x^2, x^3, x^4 and x^6 by products, twenty times as fast as by powers."""
    square = x * x
    cube = square * x
    return {2: square, 3: cube, 4: square * square, 6: cube * cube}
