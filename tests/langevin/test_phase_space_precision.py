"""Means and covariances in phase space against 160 digits, at every edge, from any start and up to
10^8 steps.

The error is at most 1e-12 of the amplitude, plus the machine's rounding of the phase sqrt(z) t.
"""

import numpy as np
import pytest

from linsgd.theory.langevin.modes import Modes

from .oracle import langevin_mode, shared_noise

EPS = np.finfo(float).eps
AROUND_CRITICAL = [1e-12, 1e-3, 0.5, 1 - 1e-9, 1 - 2e-16, 1, 1 + 2e-16, 1 + 1e-9, 2]
STIFF = [0.01, 1.0, 4 * (1 - 1e-9)]  # the last is lr h = 2 (1 + momentum), the edge of stability


def modes_of(momentum, noise):
    u = (1 - momentum) / (1 + momentum)
    z = np.array([ratio * u**2 for ratio in AROUND_CRITICAL if ratio * u**2 <= 4] + STIFF)
    return Modes(1.0, u, z, np.ones((z.size, z.size)) if noise == "shared" else np.ones(z.size))


def start(d):
    """A mean (2, d), and a covariance (3, d, d) that correlates everything."""
    rng = np.random.default_rng(d)
    root = rng.normal(size=(2 * d, 2 * d))
    P = root @ root.T / (2 * d)
    return rng.normal(size=(2, d)), np.array([P[:d, :d], P[:d, d:], P[d:, d:]])


def solution(t, modes, mean, covariance):
    """The mean (2, d) and the covariance (3, d, d) at t, and the amplitudes of x and v (2, d)."""
    u, z, d = modes.damping, modes.w2, modes.w2.size
    R, S, V = (np.array([langevin_mode(t, u, stiffness)[i] for stiffness in z]) for i in range(3))
    E = np.array([[R, S], [-z * S, V]])
    moved = np.einsum("abi,bi->ai", E, mean)
    blocks = np.array([[covariance[0], covariance[1]], [covariance[1].T, covariance[2]]])
    carried = np.einsum("aci,cdij,bdj->abij", E, blocks, E)
    pairs = [(i, j) for i in range(d) for j in range(d) if modes.intensity.ndim == 2 or i == j]
    noise = np.zeros((3, d, d), dtype=object)
    for i, j in pairs:
        noise[:, i, j] = shared_noise(t, u, z[i], z[j])
    law = np.array([carried[0, 0], carried[0, 1], carried[1, 1]]) + noise
    kick = np.minimum(t, 1 / np.maximum(u, np.sqrt(z)))
    sizes = [
        np.sqrt(np.diagonal(part).astype(float))
        for part in (covariance[0], covariance[2], noise[0], noise[2])
    ]
    amplitude = np.array(
        [sizes[0] + kick * sizes[1] + sizes[2], sizes[1] + np.sqrt(z) * sizes[0] + sizes[3]]
    )
    return moved, law, amplitude


@pytest.mark.cases(2)
@pytest.mark.parametrize("noise", ["own", "shared"])
@pytest.mark.parametrize("momentum", [0.0, 0.9, 1 - 1e-6])
def test_the_law_is_accurate_to_a_trillionth_of_its_amplitude(momentum, noise):
    modes = modes_of(momentum, noise)
    mean, covariance = start(modes.w2.size)
    for t in (0.4, 30, 1e8):
        moved, law, amplitude = solution(t, modes, mean, covariance)
        flow = modes.propagator(np.array([t]))
        rounding = 1e-12 + EPS * np.sqrt(modes.w2) * t
        reach = (
            np.array([np.abs(mean[0]) + amplitude[0], np.abs(mean[1]) + amplitude[1]])
            + np.abs(mean).max() * amplitude
        )
        assert np.all(np.abs(modes.mean(flow, mean)[0] - moved.astype(float)) <= rounding * reach)
        found = modes.blocks(flow, covariance)[0]
        for block, (a, b) in zip(range(3), ((0, 0), (0, 1), (1, 1)), strict=True):
            allowed = (rounding[:, None] + rounding) * np.multiply.outer(amplitude[a], amplitude[b])
            assert np.all(np.abs(found[block] - law[block].astype(float)) <= allowed), (t, block)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 1 - 1e-6])
def test_noise_alone_is_accurate_to_its_own_size_also_at_small_times(momentum):
    """From a sharp start, where P - E P E' would cancel to the third order in t."""
    modes = modes_of(momentum, "own")
    d = modes.w2.size
    for t in (1e-6, 1e-3, 0.4, 1, 1e4, 1e8):
        found = modes.variance(modes.propagator(np.array([t])), np.zeros((3, d)))[0]
        want = np.array([shared_noise(t, modes.damping, z, z) for z in modes.w2], dtype=float).T
        size = np.sqrt(want[[0, 2]])
        allowed = (1e-12 + EPS * np.sqrt(modes.w2) * t) * size[[0, 0, 1]] * size[[0, 1, 1]]
        assert np.all(np.abs(found - want) <= allowed), t
