r"""A logistic regression and a ReLU network on scikit-learn's digits, in NumPy, and their noise.

Both are trained by full-batch gradient descent for a number of steps that is fixed here, so that
their weights are the same in every run. The gradients of all rows at those weights are a matrix
(N, M), and the gradient of a minibatch is the mean of b of its rows: the covariance of the noise,
and what the published recipe would return on normal noise of that covariance, are exact.
Coordinates are in the order of PyTorch's weights, the inputs of one unit after those of another.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from linsgd.domains import FloatArray
from linsgd.judge.experiment import canonical
from linsgd.judge.intervals import BLOCK

HIDDEN = 16
STEPS = 100
SOFTMAX_LR, NETWORK_LR = 0.5, 0.2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RowBatches:
    """Chains of minibatch noise: means of rows drawn with replacement from centred gradients.

    Attributes
    ----------
    gradients : ndarray (N, M)
        Gradients of the rows less their mean.
    batch_sizes : tuple of int
        One draw a chain for each.
    """

    gradients: FloatArray
    batch_sizes: tuple[int, ...]

    @property
    def cost(self) -> int:
        """Drawn rows times coordinates of a chain."""
        return sum(self.batch_sizes) * int(self.gradients.shape[1])

    def fingerprint(self) -> str:
        """Return a hash of what is drawn."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return noise (len(batch_sizes), len(chains), M)."""
        rows, columns = self.gradients.shape
        gradients, first = self.gradients.astype(np.float32), rows * np.arange(BLOCK)[:, None]
        noise = np.empty((len(self.batch_sizes), len(chains), columns))
        for i in range(len(chains) // BLOCK):
            rng = np.random.default_rng([seed, chains.start // BLOCK + i])
            block = slice(i * BLOCK, (i + 1) * BLOCK)
            for place, size in enumerate(self.batch_sizes):
                drawn = first + rng.integers(rows, size=(BLOCK, size))
                counts = np.bincount(drawn.ravel(), minlength=BLOCK * rows)
                weights = counts.reshape(BLOCK, rows).astype(np.float32) / size
                noise[place, block] = weights @ gradients
        return noise


@lru_cache(maxsize=1)
def softmax_gradients() -> FloatArray:
    """Return the rows' gradients (N, 640) of a softmax regression, less their mean."""
    x, labels = _digits()
    W = np.zeros((x.shape[1], 10))
    for _ in range(STEPS):
        W -= SOFTMAX_LR * x.T @ (_softmax(x @ W) - labels) / len(x)
    residual = _softmax(x @ W) - labels
    return _centred(residual[:, :, None] * x[:, None, :])


@lru_cache(maxsize=1)
def network_gradients() -> FloatArray:
    """Return the rows' gradients (N, 16 x 64 + 160) of a ReLU network without biases."""
    x, labels = _digits()
    rng = np.random.default_rng(0)
    W = rng.normal(size=(x.shape[1], HIDDEN)) * math.sqrt(2 / x.shape[1])
    V = rng.normal(size=(HIDDEN, 10)) * math.sqrt(2 / HIDDEN)
    for _ in range(STEPS):
        hidden, residual, back = _passes(x, labels, W, V)
        V -= NETWORK_LR * hidden.T @ residual / len(x)
        W -= NETWORK_LR * x.T @ back / len(x)
    hidden, residual, back = _passes(x, labels, W, V)
    first = _centred(back[:, :, None] * x[:, None, :])
    return np.hstack([first, _centred(residual[:, :, None] * hidden[:, None, :])])


def _digits() -> tuple[FloatArray, FloatArray]:
    """Return pixels (N, 64) in [0, 1] and labels (N, 10), one-hot."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x / 16, np.eye(10)[y]


def _softmax(z: FloatArray) -> FloatArray:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    found: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return found


def _passes(
    x: FloatArray, labels: FloatArray, W: FloatArray, V: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return hidden units (N, 16), and the loss's derivatives by outputs and hidden inputs."""
    hidden = np.maximum(x @ W, 0.0)
    residual = _softmax(hidden @ V) - labels
    return hidden, residual, (residual @ V.T) * (hidden > 0)


def _centred(gradients: FloatArray) -> FloatArray:
    """Return the rows' gradients (N, M) of an array (N, a, b), less their mean."""
    flat = gradients.reshape(len(gradients), -1)
    found: FloatArray = flat - flat.mean(axis=0)
    return found
