r"""SGD on linear regression as a linear recursion with random coefficients, mode by mode.

A mode is an eigenvector of H with eigenvalue h; its curvature is kappa = h + weight_decay. With
theta = w - mu (mu the minimiser of the regularised loss) and xi the gradient noise, one step of
z = (theta, v) is z' = A(kappa) z + c xi,

    A = [[1 - lr a kappa, lr momentum], [-a kappa, momentum]],               c = -a (lr, 1),
    A = [[1 - lr (1 + momentum) kappa, lr momentum^2], [-kappa, momentum]],
                                        c = -(lr (1 + momentum), 1)          (Nesterov),

with a = 1 - dampening. If xi_i, xi_j had unit covariance, the stationary covariance of modes i and
j would be the solution P of P = A(kappa_i) P A(kappa_j)' + c c', rational in closed form
(`unit_response`). The covariance N of the noise depends linearly on the second moment
D = E[(w - w*)(w - w*)'] (`linsgd.theory.recurrence.gradient_covariance`). Stationary moments
therefore exist if and only if the mean is stable and the positive operator

    K M = P o N_1(M)        (o entrywise; N_1 the homogeneous part of N)

has spectral radius below one. N_1 is self-adjoint and P positive semidefinite, so K is similar to a
symmetric operator. For features along principal axes K maps diagonal matrices to diagonal matrices
by a diagonal plus a rank-one matrix, so that all results cost O(d).
"""

from dataclasses import dataclass, replace

import numpy as np

from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.recurrence.gradient_covariance import (
    MatrixNoise,
    ModeNoise,
    Noise,
    gradient_noise_law,
)
from linsgd.theory.recurrence.operators import largest_eigenvalue


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The scalars of the optimizer that enter one step, with lr free to vary.

    Attributes
    ----------
    lr, momentum : float
        As in `SGD`.
    gradient_weight : float
        a = 1 - dampening.
    nesterov : bool
        Whether the gradient step looks ahead.
    """

    lr: float
    momentum: float
    gradient_weight: float
    nesterov: bool = False

    @classmethod
    def of(cls, sgd: SGD) -> "Coefficients":
        """Read the scalars of `sgd`."""
        return cls(sgd.lr, sgd.momentum, sgd.gradient_weight, sgd.nesterov)

    def at(self, lr: float) -> "Coefficients":
        """Return the coefficients at another learning rate."""
        return replace(self, lr=lr)

    def undampened(self) -> "Coefficients":
        """Return those of a fresh optimizer's first step, whose buffer is the whole gradient."""
        return replace(self, gradient_weight=1.0)

    def noise_vector(self) -> FloatArray:
        """Return c (2,): the change of (w, v) by one unit of gradient noise."""
        lr = self.lr
        m = self.momentum
        a = self.gradient_weight
        if self.nesterov:
            return np.array([-lr * (1 + m), -1.0])
        return np.array([-lr * a, -a])

    def mode_change(self, kappa: FloatArray) -> FloatArray:
        """Return A(kappa) - I (..., 2, 2) for curvatures kappa (...).

        Unlike A it keeps the decay of modes of tiny curvature.
        """
        m = self.momentum
        c_w, c_v = self.noise_vector()
        lookahead = m if self.nesterov else 1.0
        change = np.empty((*kappa.shape, 2, 2))
        change[..., 0, 0] = c_w * kappa
        change[..., 0, 1] = self.lr * m * lookahead
        change[..., 1, 0] = c_v * kappa
        change[..., 1, 1] = m - 1
        return change

    def mode_matrix(self, kappa: FloatArray) -> FloatArray:
        """Return A(kappa) (..., 2, 2) for curvatures kappa (...)."""
        A = self.mode_change(kappa)
        A[..., 0, 0] += 1
        A[..., 1, 1] = self.momentum
        return A

    def largest_stable_curvature(self) -> float:
        """Return the curvature above which the mean of a mode diverges."""
        m = self.momentum
        # lr kappa (1 + 2 m) < 2 (1 + m) with Nesterov, else lr a kappa < 2 (1 + m)
        gradient_weight = 1 + 2 * m if self.nesterov else self.gradient_weight
        return 2 * (1 + m) / (self.lr * gradient_weight)


@dataclass(frozen=True, slots=True, eq=False)
class Recurrence:
    """The recursion of one optimizer on one problem, with independent batches.

    Attributes
    ----------
    problem, sgd
        As given to the public calls.
    coefficients : Coefficients
        Of one step.
    curvature : ndarray (d,)
        kappa = h + weight_decay, in the order of ``problem.eigenvalues``.
    noise : ModeNoise or MatrixNoise
        The covariance of the gradient noise as a function of the moments of the weights.
    """

    problem: LinearRegression
    sgd: SGD
    coefficients: Coefficients
    curvature: FloatArray
    noise: Noise

    @classmethod
    def of(cls, problem: LinearRegression, sgd: SGD) -> "Recurrence":
        """Return the recursion of `sgd` on `problem`."""
        return cls(
            problem=problem,
            sgd=sgd,
            coefficients=Coefficients.of(sgd),
            curvature=problem.eigenvalues + sgd.weight_decay,
            noise=gradient_noise_law(problem, sgd),
        )

    @property
    def shift(self) -> FloatArray:
        """The ridge shift mu - w* along the eigenvectors (d,)."""
        problem = self.problem
        shift = problem.solution(self.sgd.weight_decay) - problem.optimum
        return problem.to_eigenbasis(shift)

    @property
    def decayed_optimum(self) -> FloatArray:
        """The gradient of the decay at w*, weight_decay w*, along the eigenvectors (d,)."""
        optimum = self.problem.to_eigenbasis(self.problem.optimum)
        return self.sgd.weight_decay * optimum


def unit_response(kappa: FloatArray, other: FloatArray, coefficients: Coefficients) -> FloatArray:
    """Return the stationary covariance of two modes driven by common noise of unit variance.

    Every difference that is small at momentum near 1 is a factor 1 - momentum or the difference of
    the two curvatures, so that the result has the relative accuracy of these.

    Parameters
    ----------
    kappa, other : ndarray (...)
        Curvatures of the two modes, at least 0, both stable.
    coefficients : Coefficients
        Of one step.

    Returns
    -------
    ndarray (4, ...)
        E[w_1 w_2], E[w_1 v_2], E[v_1 w_2], E[v_1 v_2]; zero where both curvatures are.
    """
    numerators = _nesterov_response if coefficients.nesterov else _heavy_ball_response
    moments, scale = numerators(kappa, other, coefficients)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale != 0)
    return np.stack([moment * inverse for moment in moments])


def _heavy_ball_response(
    kappa: FloatArray, other: FloatArray, coefficients: Coefficients
) -> tuple[list[FloatArray], FloatArray]:
    """Return the four numerators of `unit_response` and their common denominator.

    The denominator is (1 - m)^2 (1 + m) (k1 + k2) + a lr (m (k1 - k2)^2 - (1 - m)^2 k1 k2).
    """
    lr = coefficients.lr
    m = coefficients.momentum
    a = coefficients.gradient_weight
    loss = 1 - m  # exact in floating point from momentum 1/2 on
    total = kappa + other
    gap = kappa - other
    product = kappa * other

    quadratic = m * gap**2 - loss**2 * product
    scale = loss**2 * (1 + m) * total + a * lr * quadratic
    moments = [
        a * lr * loss * (1 + m) + 0 * total,
        a**2 * lr * (gap + loss * other),
        a**2 * lr * (loss * kappa - gap),
        a**2 * loss * total,
    ]
    return moments, scale


def _nesterov_response(
    kappa: FloatArray, other: FloatArray, coefficients: Coefficients
) -> tuple[list[FloatArray], FloatArray]:
    """Return the four numerators of `unit_response` with Nesterov, and their common denominator.

    The denominator is (1 - m)^2 (1 + m) (k1 + k2)
    + lr (m (1 + m - m^2) (k1 - k2)^2 + (1 - m) (6 m^2 + 3 m - 1) k1 k2)
    + lr^2 m k1 k2 ((3 m^2 - 1) (k1 + k2) - lr m (1 + 2 m) k1 k2).
    """
    lr, m = coefficients.lr, coefficients.momentum
    loss = 1 - m  # exact in floating point from momentum 1/2 on
    total = kappa + other
    gap = kappa - other
    product = kappa * other
    lookahead = lr * m * (1 + 2 * m) * product

    cubic = product * ((3 * m**2 - 1) * total - lookahead)
    differing = m * (1 + m - m**2) * gap**2
    common = loss * (6 * m**2 + 3 * m - 1) * product
    driven = differing + common + lr * m * cubic
    scale = loss**2 * (1 + m) * total + lr * driven

    positions = (1 + m - m**2) * total + lookahead
    moments = [
        lr * (loss * (1 + m) + lr * m * positions),
        lr * (m**2 * gap + loss * (1 + 2 * m) * kappa + lookahead),
        lr * (-(m**2) * gap + loss * (1 + 2 * m) * other + lookahead),
        loss * total + 2 * m * lr * product,
    ]
    return moments, scale


def pair_response(kappa: FloatArray, coefficients: Coefficients) -> FloatArray:
    """Return `unit_response` of every pair of modes (4, d, d)."""
    shape = (kappa.size, kappa.size)
    first = np.broadcast_to(kappa[:, None], shape)
    second = np.broadcast_to(kappa, shape)
    return unit_response(first, second, coefficients)


def mode_gains(
    noise: ModeNoise, kappa: FloatArray, coefficients: Coefficients
) -> tuple[float, float]:
    """Return the largest own gain of a mode, and the gain G of the feedback through T.

    With P_i the unit response of mode i, own_i = own h_i^2 P_i and
    G = sum_i common h_i^2 P_i / (1 - own_i); G is inf where an own gain reaches one. K has spectral
    radius below one if and only if both numbers are below one. G alone does not tell: it falls
    below one again beyond its first pole.
    """
    position_response = unit_response(kappa, kappa, coefficients)[0]
    response = noise.eigenvalues**2 * position_response
    own = noise.own * response
    worst = float(own.max())
    if not worst < 1:  # also where it is nan
        return worst, np.inf
    feedback = noise.common * response / (1 - own)
    return worst, float(np.sum(feedback))


def spectral_radius(noise: MatrixNoise, kappa: FloatArray, coefficients: Coefficients) -> float:
    """Return the spectral radius of K, whose symmetric form is M -> P^{1/2} o N_1(P^{1/2} o M)."""
    root = np.sqrt(pair_response(kappa, coefficients)[0])

    def symmetric_form(M: FloatArray) -> FloatArray:
        image: FloatArray = root * noise.homogeneous(root * M)
        return image

    # N_1 is positive: it vanishes if it does at a positive definite matrix
    if not noise.homogeneous(np.diag(root.diagonal())).any():
        return 0.0
    return largest_eigenvalue(symmetric_form, kappa.size)
