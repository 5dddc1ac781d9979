r"""The risk after very many steps under constant hyperparameters, by a contour integral.

With x^ = sum_k x_k z^-k the recursion of `modes` becomes linear algebra on each node,

    U^ = (z - A)^-1 z U_0,
    M^ = (z - A x A - own h^2 (c x c) e_0')^-1 (z M_0 + (c x c) g^),
    g^ = own (h^2 U^_0 + shifted z/(z - 1)) + fed (common T^ + label z/(z - 1)),

and T^ solves one scalar equation, as the modes are coupled through T alone. Back in time,
T_k = (1 / 2 pi i) int T^(e^s) e^(sk) ds, on Talbot's contour s(a), -pi < a < pi, with the
parameters of Weideman (Optimizing Talbot's contours, 2006): N nodes leave an error of about
e^(-1.36 N). The contour shrinks as 1/k, and so does every quantity on it, so that any k is served
to the same relative accuracy. It passes the poles of modes that oscillate or change sign on the
wrong side: such modes must have decayed, which `settling_time` tells.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.theory.risk.modes import Nodes, NoiseFactors

ComplexArray = NDArray[np.complex128]

POINTS = 24  # N; e^(-1.36 N) = 7e-15
NEGLIGIBLE = 40.0  # e^-40 = 4e-18


class Step(NamedTuple):
    """The constant hyperparameters of one step; A = [[1 + c_w kappa, q], [c_v kappa, m]]."""

    c_w: float
    c_v: float
    q: float
    m: float
    noise: NoiseFactors


class _Transform(NamedTuple):
    """T^ (S,), and M^ (3, S, J) and U^ (2, S, J) of the nodes, at points of the contour."""

    total: ComplexArray
    moments: ComplexArray
    means: ComplexArray


def settling_time(nodes: Nodes, step: Step) -> float:
    """Return the number of steps after which modes that oscillate have decayed to e^-40."""
    # eigenvalues mu of A and the products mu_1^2, mu_1 mu_2, mu_2^2 drive U and M
    p = 1 + step.c_w * nodes.kappa
    trace = p + step.m
    determinant = p * step.m - step.q * step.c_v * nodes.kappa
    root = np.sqrt(trace.astype(complex) ** 2 / 4 - determinant)
    first = trace / 2 + root
    second = trace / 2 - root
    rates = [first**2, second**2, determinant.astype(complex)]
    if nodes.means.any():
        rates += [first, second]
    slowest = 0.0
    for mu in rates:
        oscillating = (mu.imag != 0) | (mu.real < 0)
        if oscillating.any():
            slowest = max(slowest, float(np.abs(mu[oscillating]).max()))
    if slowest >= 1:
        return np.inf
    return NEGLIGIBLE / -np.log(slowest) if slowest > 0 else 1.0


def totals_at(nodes: Nodes, step: Step, counts: IntArray) -> FloatArray:
    """Return T (K,) after `counts` (K,) steps, each beyond the `settling_time`."""
    totals = np.empty(len(counts))
    for i, count in enumerate(counts):
        s, weights = contour(float(count))
        totals[i] = np.real(weights @ _transform(nodes, step, s).total)
    return totals


def nodes_at(nodes: Nodes, step: Step, count: float) -> Nodes:
    """Return the nodes after `count` steps, beyond the `settling_time`."""
    s, weights = contour(count)
    transform = _transform(nodes, step, s)
    moments = np.real(np.einsum("s,asj->aj", weights, transform.moments))
    means = np.real(np.einsum("s,asj->aj", weights, transform.means))
    return nodes.at(moments, means)


def contour(count: float) -> tuple[ComplexArray, ComplexArray]:
    """Return the contour's upper half s (N/2,) and weights of Re sum weight F(s)."""
    a = np.pi * (2 * np.arange(POINTS // 2) + 1) / POINTS
    angle = 0.6407 * a
    # s(a) = 0.5071 a cot(0.6407 a) - 0.6122 + 0.2645 i a, and ds/da
    s: ComplexArray = 0.5071 * a / np.tan(angle) - 0.6122 + 0.2645j * a
    turning = 0.5071 / np.tan(angle) - 0.5071 * angle / np.sin(angle) ** 2
    slope = turning + 0.2645j
    scaled = s * (POINTS / count)
    weights: ComplexArray = 2 / (1j * count) * slope * np.exp(POINTS * s)
    return scaled, weights


def _transform(nodes: Nodes, step: Step, s: ComplexArray) -> _Transform:
    """Return T^, M^ and U^ at the points s (S,), each solved with T^ as a given source."""
    pole = np.expm1(s)[:, None]  # z - 1
    z = 1 + pole
    forever = z / pole  # the transform of 1
    means = _means(nodes, step, pole)
    solve = _positions_alone if step.m == 0 else _phase_space
    # M^ without the coupling, and its change by a unit of common T^
    noise = step.noise
    own = noise.own * (nodes.h**2 * means[0] + nodes.shifted * forever)
    source = own + nodes.fed * noise.label * forever
    alone, response = solve(nodes, step, pole, source)
    # T^ = free + common T^ (weight . response)
    uncoupled = (alone[0] + means[0]) @ nodes.weight
    free = nodes.constant * forever[:, 0] + uncoupled
    feedback = noise.common * (response[0] @ nodes.weight)
    total = free / (1 - feedback)
    moments = alone + noise.common * response * total[:, None]
    return _Transform(total, moments, means)


def _means(nodes: Nodes, step: Step, pole: ComplexArray) -> ComplexArray:
    """Return U^ = (z - A)^-1 z U_0 (2, S, J), A = [[p, q], [r, m]]."""
    z = 1 + pole
    if not nodes.means.any():
        return np.zeros((2, z.size, nodes.h.size), dtype=complex)
    # p - 1 and r
    change = step.c_w * nodes.kappa
    r = step.c_v * nodes.kappa
    from_p = pole - change  # z - p
    from_m = z - step.m
    determinant = from_p * from_m - step.q * r
    u = z * nodes.means[0]
    v = z * nodes.means[1]
    positions = from_m * u + step.q * v
    velocities = r * u + from_p * v
    return np.asarray(np.array([positions, velocities]) / determinant)


def _positions_alone(
    nodes: Nodes, step: Step, pole: ComplexArray, source: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return M^ and its response without momentum, where E theta^2 obeys a closed recursion."""
    c = step.c_w
    change = step.c_w * nodes.kappa
    # gap = z - p^2 - own (c h)^2, p = 1 + change
    own = step.noise.own * (c * nodes.h) ** 2
    gap = pole - change * (2 + change) - own
    moments = np.zeros((3, *gap.shape), dtype=complex)
    response = np.zeros_like(moments)
    driven = (1 + pole) * nodes.moments[0] + c**2 * source
    moments[0] = driven / gap
    response[0] = c**2 * nodes.fed / gap
    return moments, response


def _phase_space(
    nodes: Nodes, step: Step, pole: ComplexArray, source: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return M^ and its response: the inverse of B = z - A x A - own h^2 (c x c) e_0'."""
    c_w, c_v, q, m, noise = step
    z = 1 + pole
    change = c_w * nodes.kappa
    r = c_v * nodes.kappa
    p = 1 + change
    cc = np.array([c_w**2, c_w * c_v, c_v**2])
    own = noise.own * nodes.h**2
    B = np.empty((3, 3, z.size, nodes.h.size), dtype=complex)
    B[0, 0] = pole - change * (2 + change) - own * cc[0]  # z - p^2 - ...
    B[0, 1] = -2 * p * q
    B[0, 2] = -(q**2)
    B[1, 0] = -p * r - own * cc[1]
    B[1, 2] = -q * m
    B[1, 1] = z - (p * m + q * r)
    B[2, 0] = -(r**2) - own * cc[2]
    B[2, 1] = -2 * r * m
    B[2, 2] = z - m**2
    inverse = _inverses(B)
    begun = z * nodes.moments[:, None, :]
    driven = begun + np.multiply.outer(cc, source)
    moments = np.einsum("absj,bsj->asj", inverse, driven)
    response = np.einsum("absj,b->asj", inverse, cc) * nodes.fed
    return moments, response


def _inverses(B: ComplexArray) -> ComplexArray:
    """Return the inverses of 3 x 3 matrices (3, 3, ...) by their cofactors."""
    a, b, c = B[0]
    d, e, f = B[1]
    g, h, i = B[2]
    cofactors = np.array(
        [
            [e * i - f * h, c * h - b * i, b * f - c * e],
            [f * g - d * i, a * i - c * g, c * d - a * f],
            [d * h - e * g, b * g - a * h, a * e - b * d],
        ]
    )
    first = cofactors[:, 0]
    determinant = a * first[0] + b * first[1] + c * first[2]
    inverse: ComplexArray = cofactors / determinant
    return inverse
