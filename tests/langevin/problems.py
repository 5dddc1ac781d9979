"""Problems at the edges: momentum 0 and near 1, modes on both sides of critical damping, correlated
noise.
"""

import numpy as np
from hypothesis import strategies as st

import linsgd

momenta = st.sampled_from([0.0, 0.3, 0.9, 0.99, 1 - 1e-6]) | st.floats(0, 0.99)
spectra = st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=4)


@st.composite
def sgds(draw):
    return linsgd.SGD(
        lr=draw(st.floats(1e-3, 1.0)),
        batch_size=draw(st.integers(1, 8)),
        momentum=draw(momenta),
        dampening=draw(st.sampled_from([0.0, 0.5])),
        weight_decay=draw(st.sampled_from([0.0, 0.01, 0.5])),
    )


@st.composite
def gaussian_problems(draw):
    spectrum = draw(spectra)
    optimum = draw(st.lists(st.floats(-3, 3), min_size=len(spectrum), max_size=len(spectrum)))
    return linsgd.LinearRegression.gaussian(
        spectrum, noise_std=draw(st.floats(0.1, 2.0)), optimum=optimum
    )


@st.composite
def correlated_noises(draw, d):
    entries = draw(st.lists(st.floats(-1, 1), min_size=d * d, max_size=d * d))
    root = np.array(entries).reshape(d, d)
    return root @ root.T + 0.1 * np.eye(d)


def drift_and_noise(process):
    """The matrices A and Q of dz = -A z dk + Q^{1/2} dW, z = (w - mu, v), along the eigenvectors,
    per step.
    """
    d, lr, m, a = process.curvature.size, process.lr, process.momentum, process.gradient_weight
    N = np.diag(process.noise) if process.noise.ndim == 1 else process.noise
    A = np.zeros((2 * d, 2 * d))
    A[:d, d:] = -lr * np.eye(d)
    A[d:, :d] = np.diag(2 * a * process.curvature / (1 + m))
    A[d:, d:] = 2 * (1 - m) / (1 + m) * np.eye(d)
    Q = np.zeros_like(A)
    Q[d:, d:] = 4 * a**2 / (1 + m) ** 2 * N
    return A, Q
