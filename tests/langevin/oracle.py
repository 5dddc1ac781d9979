"""The same mode solved in 160 digits, by formulas that share nothing with the package: eigenvalues,
then mpmath.
"""

import mpmath as mp


def langevin_mode(t, u, z):
    """Return R, S, V, T = int S, X = int S^2, Y = int V^2 of x'' + 2 u x' + z x = 0 as mpf."""
    with mp.workdps(160):
        t, u, z = mp.mpf(t), mp.mpf(u), mp.mpf(z)
        d = (
            mp.sqrt(u**2 - z) if u**2 != z else mp.mpf(10) ** -50
        )  # confluent roots, apart by far less than is tested
        slow, fast = -u + d, -u - d
        both = [(slow, 1 / (2 * d)), (fast, -1 / (2 * d))]
        S = sum(c * mp.exp(r * t) for r, c in both)
        V = sum(c * r * mp.exp(r * t) for r, c in both)
        T = sum(c * _integral(r, t) for r, c in both)
        X = sum(c * k * _integral(r + s, t) for r, c in both for s, k in both)
        Y = sum(c * r * k * s * _integral(r + s, t) for r, c in both for s, k in both)
        return [mp.re(value) for value in (V + 2 * u * S, S, V, T, X, Y)]


def _integral(rate, t):
    return mp.expm1(rate * t) / rate if abs(rate) > mp.mpf(10) ** -140 else t


def heavy_ball_mode(k, momentum, z):
    """Return P, U, Q of the k-th power of one step, and T = U_1 + ... + U_k, as mpf, by repeated
    squaring.
    """
    with mp.workdps(160):
        momentum, z = mp.mpf(momentum), mp.mpf(z)
        step = mp.matrix([[1 - z, momentum, 0], [-z, momentum, 0], [0, 0, 1]])
        sums = mp.matrix(
            [[1 + momentum - z, -momentum, 0], [1, 0, 0], [1, 0, 1]]
        )  # (U_{k+1}, U_k, T_k)
        power, summed = step**k, sums**k * mp.matrix([1, 0, 0])
        return [power[0, 0], summed[1], power[1, 1], summed[2]]


def shared_noise(t, u, z, other):
    """Return int S S', int S V', int V V' of two modes of stiffness z and `other`, as mpf."""
    with mp.workdps(160):
        t, u = mp.mpf(t), mp.mpf(u)
        S, V = _exponentials(u, z), [(c * r, r) for c, r in _exponentials(u, z)]
        S_other, V_other = _exponentials(u, other), [(c * r, r) for c, r in _exponentials(u, other)]
        pairs = ((S, S_other), (S, V_other), (V, V_other))
        return [
            mp.re(sum(c * k * _integral(r + s, t) for c, r in f for k, s in g)) for f, g in pairs
        ]


def _exponentials(u, z):
    """S as weights and rates."""
    d = mp.sqrt(u**2 - mp.mpf(z)) if u**2 != z else mp.mpf(10) ** -50
    return [(1 / (2 * d), d - u), (-1 / (2 * d), -d - u)]
