r"""The second moment of the products, for every optimizer and feature law, and its adapted norm.

On phase space one step is M = A + c (x) (H_b - H), where A = M0 + M1 H acts on (w, v) of one
eigendirection of H and c is the first column of M1. E|M_k...M_1 u|^2 grows as mu^k, mu = h(2) being
the spectral radius of Q -> E M'QM, and in the norm |u|_Q of its eigenvector, the adapted norm,
every vector grows by the same factor on average, E |M u|_Q^2 = mu |u|_Q^2. With 2 x 2 blocks Q_ij
for the modes i, j and D_ij = c'Q_ij c,

    mu Q_ij = A_i'Q_ij A_j + N(D)_ij e_w e_w',

N(D) being the covariance of the gradient noise of `linsgd.theory.recurrence.gradient_covariance`.
So D is the eigenvector, with eigenvalue 1, of

    K D = P o N(D),      P_ij = (c x c)'(mu - A_i' x A_j')^{-1} (e_w x e_w)

(o entrywise, x of Kronecker), a self-adjoint problem as N is and P > 0; along principal axes
N(D)_ii = own h_i^2 D_i + common h_i sum_k h_k D_k closes on the diagonal. The radius of K falls
with mu: where it is 1, mu = h(2).

Moments of order s != 2 depend more, or less, on the noise: their eigenfunction is near |u|_Q^s in
the norm of the Q whose noise is amplified until its mu is h(s)^{2/s}.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, eigsh

from linsgd.domains import FloatArray
from linsgd.problems.features import FiniteData, PrincipalAxesLaw
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, ModeNoise
from linsgd.theory.tails.result import Interval
from linsgd.theory.tails.setting import AlongAxes, Setting

LARGEST_DIMENSION = 200  # without principal axes
_ROUNDING = 1e-11  # of log mu
_RESOLVED = 1e-13  # rise of log mu above its floor, over the size of A x A, that is not rounding
_SPREAD = 1e-12  # of D, relatively: far below what changes the norm, far above rounding
_NO_NOISE = 1e-12  # radius of K of features without noise


def covers(setting: Setting) -> str:
    """Return the unmet requirement, or '' if h(2) is known."""
    principal = _principal_moments(setting)
    if principal is not None:
        return "" if np.isfinite(principal[0]) else "a finite fourth moment"
    if setting.dimension <= LARGEST_DIMENSION:
        return ""
    return f"at most {LARGEST_DIMENSION} features, or principal axes"


def _principal_moments(setting: Setting) -> tuple[float, float] | None:
    """Return the constants (c, k) of the fourth moment of a law along principal axes."""
    law = setting.features
    if isinstance(law, PrincipalAxesLaw):
        return law.radial, law.excess
    return law.principal if isinstance(law, AlongAxes) else None


def step_matrices(setting: Setting) -> tuple[FloatArray, FloatArray]:
    """Return M0 and M1 (2, 2) of one step of (w, v), v the last displacement.

    (w, v) becomes M0 (w, v) + M1 (H_b w, .):

        v' = momentum v - lr (H_b + decay) w,       w' = w + v',
        w' = w + (1 + momentum) v' - momentum v     (Nesterov).
    """
    m, lr = setting.momentum, setting.step_size
    ahead, back = (1 + m, m) if setting.nesterov else (1.0, 0.0)
    velocity = np.array([-lr * setting.decay, m])
    position = np.array([1.0, 0.0]) + ahead * velocity - np.array([0.0, back])
    fixed = np.array([position, velocity])
    push = np.array([[-ahead * lr, 0.0], [-lr, 0.0]])
    return fixed, push


@dataclass(frozen=True, slots=True, eq=False)
class SecondMoment:
    """The operator K.

    Attributes
    ----------
    A : ndarray (d, 2, 2)
        The mean step of each mode.
    column : ndarray (2,)
        c.
    noise : ModeNoise or MatrixNoise
        N, on diagonals (d,) or on matrices (d, d).
    """

    A: FloatArray
    column: FloatArray
    noise: ModeNoise | MatrixNoise

    @classmethod
    def of(cls, setting: Setting) -> "SecondMoment | None":
        """Return the operator; None where it is not known."""
        if covers(setting):
            return None
        M0, M1 = step_matrices(setting)
        A = M0 + M1 * setting.spectrum[:, None, None]
        return cls(A, M1[:, 0], _noise(setting))

    @property
    def diagonal(self) -> bool:
        """Whether D, and all else of one number for each pair of modes, is diagonal."""
        return isinstance(self.noise, ModeNoise)

    @property
    def floor(self) -> float:
        """The log growth of the squared mean, a lower bound of log mu; at least log 1e-6."""
        radius = np.abs(np.linalg.eigvals(self.A)).max()
        return 2 * float(np.log(max(radius, 1e-3)))

    def log_mu(self) -> Interval:
        """Return log h(2)."""
        floor = self.floor
        low, high = floor, floor + 1.0
        while self._radius(high) > 1:
            low = high
            high = high + 2 * (high - floor)
        size = float(np.square(self.A).max() * np.exp(-floor))
        resolved = _RESOLVED * max(1.0, size)
        low = max(low, floor + resolved)
        if self._radius(low) < 1:
            return Interval.about(low, _ROUNDING + resolved)
        root = brentq(lambda log_mu: np.log(self._radius(log_mu)), low, high, xtol=1e-15)
        return Interval.about(float(root), _ROUNDING)

    def form(self, log_mu: float) -> FloatArray:
        """Return Q, largest entry 1, of the noise amplified until its mu is exp(log_mu).

        Features without noise (signs, alone) have no such norm: the Euclidean one is returned.

        Returns
        -------
        ndarray (2, 2, d) or (2, 2, d, d)
            The entry [a, b, i, j] couples component a of mode i and component b of mode j.
        """
        floor = self.floor
        log_mu = max(log_mu, floor + 1e-3 * abs(floor) + 1e-9)
        radius, D = self._leading(log_mu)
        if radius < _NO_NOISE:
            return np.multiply.outer(np.eye(2), self._identity)
        # Q_ij = (mu - A_i' x A_j')^{-1} (e_w x e_w) N(D)_ij
        source = self._noise_of(self._spread(D))
        Q = self._response(log_mu) * source[..., None]
        blocks = Q.reshape(*source.shape, 2, 2)
        form: FloatArray = np.moveaxis(blocks, (-2, -1), (0, 1))
        scaled: FloatArray = form / np.abs(form).max()
        return scaled

    @property
    def _identity(self) -> FloatArray:
        """One for each mode, (d,) or the identity (d, d)."""
        d = len(self.A)
        return np.ones(d) if self.diagonal else np.eye(d)

    def _noise_of(self, D: FloatArray) -> FloatArray:
        """Return N(D), (d,) or (d, d)."""
        if isinstance(self.noise, ModeNoise):
            return self.noise.diagonal(D)
        return self.noise.homogeneous(D)

    def _spread(self, D: FloatArray) -> FloatArray:
        """Return D plus a small multiple of the identity.

        Where no batch mixes two blocks D vanishes on one of them, and Q would be singular there, to
        rounding, and no norm.
        """
        spread: FloatArray = D + _SPREAD * np.abs(D).max() * self._identity
        return spread

    def _response(self, log_mu: float) -> FloatArray:
        """Return (mu - A_i' x A_j')^{-1} (e_w x e_w), shape (d, 4) or (d, d, 4)."""
        pairs = "iax,iby->ixyab" if self.diagonal else "iax,jby->ijxyab"
        product = np.einsum(pairs, self.A, self.A)
        modes = product.shape[:-4]
        product = product.reshape(*modes, 4, 4)
        unit = np.broadcast_to([1.0, 0, 0, 0], (*modes, 4))[..., None]
        shifted = np.exp(log_mu) * np.eye(4) - product
        response: FloatArray = np.linalg.solve(shifted, unit)[..., 0]
        return response

    def _radius(self, log_mu: float) -> float:
        return self._leading(log_mu)[0]

    def _leading(self, log_mu: float) -> tuple[float, FloatArray]:
        """Return the spectral radius of K and its eigenvector D, (d,) or (d, d).

        K D = P o N(D) has the symmetric form x -> P^{1/2} o N(P^{1/2} o x), with D = P^{1/2} o x.
        """
        P = self._response(log_mu) @ np.outer(self.column, self.column).ravel()
        root = np.sqrt(np.maximum(P, 0.0))

        def symmetric(flat: FloatArray) -> FloatArray:
            D = root * flat.reshape(root.shape)
            noise = self._noise_of(D if self.diagonal else (D + D.T) / 2)
            image: FloatArray = (root * noise).ravel()
            return image

        if root.size == 1:
            return float(symmetric(np.ones(1))[0]), root**2
        start = (root * self._identity).ravel()
        if not symmetric(start).any():  # features without noise
            return 0.0, root**2
        operator = LinearOperator((root.size, root.size), matvec=symmetric, dtype=np.float64)
        values, vectors = eigsh(operator, k=1, which="LA", v0=start)
        D = root * vectors[:, 0].reshape(root.shape)
        # D is positive, or positive definite
        size = D.sum() if self.diagonal else np.trace(D)
        return float(values[0]), D * np.sign(size)


def _noise(setting: Setting) -> ModeNoise | MatrixNoise:
    """Return the noise of the features, without that of the labels."""
    law = setting.features
    h = setting.spectrum
    b = setting.batch
    principal = _principal_moments(setting)
    if principal is not None:
        # E x_i^2 x_k^2 = c h_i h_k (1 + 2 delta_ik) + k h_i^2 delta_ik
        c, k = principal
        return ModeNoise(h, (2 * c + k - 1) / b, (2 * c - 1) / b, c / b, 0.0)
    scale = 1 / b
    if isinstance(law, FiniteData) and not setting.replacement:
        n = len(law.y)
        scale = (n - b) / (b * max(n - 1, 1))
    return MatrixNoise(h, law.fourth_moment, scale, np.zeros((h.size, h.size)))
