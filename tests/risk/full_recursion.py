"""The full recursion written plainly: E of (u, v, 1)(u, v, 1)' for every mode, u = w - w*."""

import numpy as np


def excess_risk(h, optimum, sgd, steps, noise_std=0.0, lr=None, batch=None):
    """Return the excess risk before step 0, ..., `steps`, for Gaussian features, from w = 0."""
    lr = np.full(steps + 1, sgd.lr) if lr is None else lr
    batch = np.full(steps + 1, sgd.batch_size) if batch is None else batch
    m, decay = sgd.momentum, sgd.weight_decay
    S = np.zeros((h.size, 3, 3))
    S[:, 0, 0], S[:, 0, 2], S[:, 2, 0], S[:, 2, 2] = optimum**2, -optimum, -optimum, 1
    risks = []
    for k in range(steps + 1):
        total = h @ S[:, 0, 0]
        risks.append(total / 2)
        a = 1.0 if k == 0 or m == 0 else 1 - sgd.dampening
        # v' = m v - a ((h + decay) u + decay w* + xi), then u' = u + lr v' (Nesterov looks ahead)
        velocity = np.zeros((h.size, 3))
        velocity[:, 0], velocity[:, 1], velocity[:, 2] = -a * (h + decay), m, -a * decay * optimum
        gradient = np.zeros((h.size, 3))
        gradient[:, 0], gradient[:, 2] = h + decay, decay * optimum
        position = lr[k] * (m * velocity - gradient if sgd.nesterov else velocity)
        position[:, 0] += 1
        A = np.zeros((h.size, 3, 3))
        A[:, 0], A[:, 1], A[:, 2, 2] = position, velocity, 1
        c = np.array([-lr[k] * (1 + m if sgd.nesterov else a), -a, 0.0])
        noise = (h**2 * S[:, 0, 0] + h * (total + noise_std**2)) / batch[k]
        S = A @ S @ A.swapaxes(1, 2) + np.multiply.outer(noise, np.outer(c, c))
    return np.array(risks)
