r"""The second moment of the products, for every optimizer and feature law, and the norm in which it contracts evenly.

On phase space one step is M = A + c (x) (H_b - H), where A = M0 + M1 H acts on (w, v) of one
eigendirection of H and c is the first column of M1. E|M_k...M_1 u|^2 grows as mu^k, mu = h(2) being
the spectral radius of Q -> E M'QM, and in the norm |u|_Q of its eigenvector every vector grows by
the same factor on average, E |M u|_Q^2 = mu |u|_Q^2. With 2 x 2 blocks Q_ij for the modes i, j and
D_ij = c'Q_ij c,

    mu Q_ij = A_i'Q_ij A_j + N(D)_ij e_w e_w',

N(D) being the covariance of the gradient noise of `linsgd.theory.recurrence.gradient_covariance`.
So D is the eigenvector, with eigenvalue 1, of

    K D = P o N(D),      P_ij = (c x c)'(mu - A_i' x A_j')^{-1} (e_w x e_w)      (o entrywise, x of Kronecker),

a self-adjoint problem as N is and P > 0; along principal axes N(D)_ii = own h_i^2 D_i + common h_i
sum_k h_k D_k closes on the diagonal. The radius of K falls with mu: where it is 1, mu = h(2).

Moments of order s != 2 see more of the noise, or less: their eigenfunction is near |u|_Q^s in the
norm of the Q whose noise is amplified until its mu is h(s)^{2/s}.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, eigsh

from linsgd.domains import FloatArray
from linsgd.problems.features import FeatureLaw, FiniteData, PrincipalAxesLaw
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import Setting

LARGEST_DIMENSION = 200  # without principal axes
_ROUNDING = 1e-11
_SPREAD = 1e-12  # of D, relatively: far below what changes the norm, far above rounding

Noise = Callable[[FloatArray], FloatArray]


def covers(setting: Setting) -> str:
    """Return why this moment is not known, or nothing."""
    law = setting.features
    if isinstance(law, PrincipalAxesLaw):
        return "" if np.isfinite(law.radial) else "a finite fourth moment"
    return (
        ""
        if setting.dimension <= LARGEST_DIMENSION
        else f"at most {LARGEST_DIMENSION} features, or principal axes"
    )


def step_matrices(setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return M0 and M1 (2, 2): (w, v) becomes M0 (w, v) + M1 (H_b w, .), v being the last displacement."""
    ahead, memory = (1 + setting.momentum, setting.momentum) if setting.nesterov else (1.0, 0.0)
    velocity = np.array([-setting.lr * setting.decay, setting.momentum])
    fixed = np.array([np.array([1.0, 0.0]) + ahead * velocity - [0.0, memory], velocity])
    return fixed, np.array([[-ahead * setting.lr, 0.0], [-setting.lr, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class SecondMoment:
    """The operator K: matrices A (d, 2, 2), column c (2,), N on (d,) diagonals or on (d, d) matrices."""

    A: FloatArray
    column: FloatArray
    noise: Noise
    diagonal: bool

    @classmethod
    def of(cls, setting: Setting) -> "SecondMoment | None":
        """Return the operator; None where it is not known."""
        if covers(setting):
            return None
        law, h, b = setting.features, setting.spectrum, setting.batch
        M0, M1 = step_matrices(setting)
        A = M0 + M1 * h[:, None, None]
        if isinstance(law, PrincipalAxesLaw):
            own, common = (2 * law.radial + law.excess - 1) / b, law.radial / b
            noise = partial(_mode_noise, own * h * h, common * h, h)
            return cls(A, M1[:, 0], noise, diagonal=True)
        noise = partial(_matrix_noise, law, _scale(setting), h)
        return cls(A, M1[:, 0], noise, diagonal=False)

    @property
    def floor(self) -> float:
        """The log of the mean's own growth, below which mu cannot fall; finite where the mean vanishes in a step."""
        return 2 * float(np.log(max(np.abs(np.linalg.eigvals(self.A)).max(), 1e-3)))

    def log_mu(self) -> Interval:
        """Return log h(2)."""
        low, high = self.floor, self.floor + 1.0
        while self._top(high)[0] > 1:
            low, high = high, high + 2 * (high - self.floor)
        resolved = 1e-13 * max(
            1.0, float(np.square(self.A).max() * np.exp(-self.floor))
        )  # above rounding of A x A
        low = max(low, self.floor + resolved)
        if self._top(low)[0] < 1:
            return Interval.about(low, _ROUNDING + resolved)
        return Interval.about(
            float(brentq(lambda log_mu: np.log(self._top(log_mu)[0]), low, high, xtol=1e-15)),
            _ROUNDING,
        )

    def form(self, log_mu: float) -> FloatArray:
        """Return Q, (2, 2, d) or (2, 2, d, d), of the noise amplified until its mu is this one; largest entry 1.

        Features without noise (signs, alone) have no such norm; the Euclidean one serves.
        """
        log_mu = max(log_mu, self.floor + 1e-3 * abs(self.floor) + 1e-9)
        radius, D = self._top(log_mu)
        if radius < 1e-12:
            modes = np.ones(len(self.A)) if self.diagonal else np.eye(len(self.A))
            return np.multiply.outer(np.eye(2), modes)
        source = self.noise(self._spread(D))
        Q = self._solve(log_mu) * source[..., None]
        form: FloatArray = np.moveaxis(Q.reshape(*source.shape, 2, 2), (-2, -1), (0, 1))
        scaled: FloatArray = form / np.abs(form).max()
        return scaled

    def _spread(self, D: FloatArray) -> FloatArray:
        """Return D plus a small multiple of the identity: where no batch mixes two blocks, D vanishes on one.

        Q would be singular there, to rounding, and no norm.
        """
        modes = np.ones(len(D)) if self.diagonal else np.eye(len(D))
        spread: FloatArray = D + _SPREAD * np.abs(D).max() * modes
        return spread

    def _solve(self, log_mu: float) -> FloatArray:
        """Return (mu - A_i' x A_j')^{-1} (e_w x e_w), shape (d, 4) or (d, d, 4)."""
        pairs = "iax,iby->ixyab" if self.diagonal else "iax,jby->ijxyab"
        moved = np.einsum(pairs, self.A, self.A)
        moved = moved.reshape(*moved.shape[:-4], 4, 4)
        unit = np.broadcast_to([1.0, 0, 0, 0], moved.shape[:-1])[..., None]
        solved: FloatArray = np.linalg.solve(np.exp(log_mu) * np.eye(4) - moved, unit)[..., 0]
        return solved

    def _top(self, log_mu: float) -> tuple[float, FloatArray]:
        """Return the radius of K and its eigenvector D."""
        P = self._solve(log_mu) @ np.outer(self.column, self.column).ravel()
        root = np.sqrt(np.maximum(P, 0.0))

        def symmetric(flat: FloatArray) -> FloatArray:
            D = root * flat.reshape(root.shape)
            image: FloatArray = (root * self.noise(D if self.diagonal else (D + D.T) / 2)).ravel()
            return image

        start = root if self.diagonal else root * np.eye(len(root))
        if root.size == 1:
            return float(symmetric(np.ones(1))[0]), root**2
        if not symmetric(start.ravel()).any():  # features without noise
            return 0.0, root**2
        operator = LinearOperator((root.size, root.size), matvec=symmetric, dtype=np.float64)
        values, vectors = eigsh(operator, k=1, which="LA", v0=start.ravel())
        D = root * vectors[:, 0].reshape(root.shape)
        return float(values[0]), D * np.sign(D.sum() if self.diagonal else np.trace(D))


def _mode_noise(own: FloatArray, common: FloatArray, h: FloatArray, D: FloatArray) -> FloatArray:
    noise: FloatArray = own * D + common * (h @ D)
    return noise


def _scale(setting: Setting) -> float:
    law, b = setting.features, setting.batch
    if isinstance(law, FiniteData) and not setting.replacement:
        return (len(law.y) - b) / (b * max(len(law.y) - 1, 1))
    return 1 / b


def _matrix_noise(law: FeatureLaw, scale: float, h: FloatArray, D: FloatArray) -> FloatArray:
    noise: FloatArray = scale * (law.fourth_moment(D) - h[:, None] * D * h)
    return noise
