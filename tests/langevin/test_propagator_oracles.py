"""Both propagators against 160-digit arithmetic, at and around every edge of their branches."""

import mpmath as mp
import numpy as np
import pytest

from linsgd.theory.langevin.propagator import propagator
from linsgd.theory.recurrence.heavy_ball import powers

from .oracle import heavy_ball_mode, langevin_mode

STIFFNESS_OVER_CRITICAL = [
    0, 1e-20, 1e-12, 1e-6, 0.1, 0.5, 0.7499, 0.7501, 1 - 1e-6, 1 - 1e-12, 1 - 2e-16, 1,
    1 + 2e-16, 1 + 1e-12, 1 + 1e-6, 2, 10, 1e3,
]  # fmt: skip
TIMES = [0, 1e-6, 1e-3, 0.1, 0.3, 0.49, 0.51, 1, 2, 5, 30, 1e3, 1e5, 1e8]


@pytest.mark.cases(2)
@pytest.mark.parametrize("u", [1.0, 1 / 3, 1 / 19, 5e-3, 5e-7])
def test_langevin_propagator_is_accurate_to_its_amplitude(u):
    z = np.array([ratio * u**2 for ratio in STIFFNESS_OVER_CRITICAL if ratio * u**2 <= 4])
    modes = propagator(np.array(TIMES)[:, None], u, z)
    got = (
        modes.R,
        modes.S,
        modes.V,
        modes.cumulative_response(),
        modes.position_noise(),
        modes.velocity_noise(),
    )
    for i, t in enumerate(TIMES):
        for j, stiffness in enumerate(z):
            want = langevin_mode(t, u, stiffness)
            phase = 1 + np.sqrt(stiffness) * t
            kick = min(t, 1 / max(u, np.sqrt(stiffness)))
            for name, value, true in zip("RSVTXY", got, want, strict=True):
                amplitude = {"R": 1.0, "S": kick, "V": 1.0}.get(name, float(abs(true)))
                assert abs(value[i, j] - float(true)) <= 1e-14 * phase * amplitude, (
                    name,
                    t,
                    stiffness,
                )


def heavy_ball_stiffness(momentum):
    lower, upper = (1 - momentum) ** 2 / (1 + momentum**0.5) ** 2, (1 + momentum**0.5) ** 2
    near_lower = [lower * factor for factor in (0.1, 1 - 1e-12, 1, 1 + 1e-12, 1 + 1e-4)]
    near_upper = [upper * factor for factor in (1 - 1e-6, 1 - 1e-15, 1, 1 + 1e-15, 1 + 1e-9)]
    middle = [0.05, 0.5, 1, 1 + momentum - 1e-9, 1 + momentum, 1 + momentum + 1e-9, 2]
    edge = 2 * (1 + momentum) * (1 - 1e-9)
    return [
        z for z in [0, 1e-20, 1e-12, 1e-6, *near_lower, *middle, *near_upper, edge] if z <= edge
    ]


@pytest.mark.cases(2)
@pytest.mark.parametrize("momentum", [0.0, 1e-12, 0.5, 0.99, 1 - 1e-9])
def test_heavy_ball_propagator_is_accurate_to_its_amplitude_and_the_rounding_of_its_stiffness(
    momentum,
):
    z = np.array(heavy_ball_stiffness(momentum))
    steps = np.array([0, 1, 2, 3, 5, 10, 30, 1000, 1001, 10**5, 10**8 + 1])
    modes = powers(steps[:, None], momentum, z)
    got = (modes.P, modes.U, modes.Q, modes.cumulative_response())
    for i, k in enumerate(int(k) for k in steps):
        for j, stiffness in enumerate(z):
            want = heavy_ball_mode(k, momentum, stiffness)
            nearby = [
                heavy_ball_mode(k, momentum, mp.mpf(stiffness) * (1 + s * mp.mpf(2) ** -51))
                for s in (-1, 1)
            ]
            root = max(np.sqrt(stiffness), 1e-300)
            kick = min(k, 1 / root, 1 / (1 - momentum**0.5)) if stiffness < 1 else 1.0
            for n, true in enumerate(want):
                amplitude = (1.0, kick, 1.0, max(float(abs(true)), min(k, 1 / root)))[n]
                conditioning = max(float(abs(other[n] - true)) for other in nearby)
                allowed = (
                    2e-14 * (1 + k * min(root, 3.2) * (momentum > 0)) * amplitude + conditioning
                )
                assert abs(got[n][i, j] - float(true)) <= allowed, ("PUQT"[n], k, stiffness)


def test_first_step_at_zero_momentum_is_gradient_descent():
    z = np.array([0.0, 0.3, 1.0, 1.7])
    modes = powers(np.arange(6)[:, None], 0.0, z)
    np.testing.assert_allclose(modes.P, (1 - z) ** np.arange(6)[:, None], rtol=1e-14, atol=1e-300)
