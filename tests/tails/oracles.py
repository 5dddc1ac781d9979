"""Brute force for the tests of tails: a step as a matrix on phase space, and tensor powers."""

import itertools
import math

import numpy as np


def step_matrices(sgd, curvatures):
    """The matrices M (n, 2d, 2d) of (w, buffer) in torch's update, for curvatures H_b (n, d, d)."""
    n, d, _ = curvatures.shape
    eye, H = np.eye(d), curvatures + sgd.weight_decay * np.eye(d)
    ahead, memory = (1 + sgd.momentum, sgd.momentum**2) if sgd.nesterov else (1.0, sgd.momentum)
    M = np.empty((n, 2 * d, 2 * d))
    M[:, d:, :d], M[:, d:, d:] = H, sgd.momentum * eye
    M[:, :d, :d], M[:, :d, d:] = eye - sgd.lr * ahead * H, -sgd.lr * memory * eye
    return M


def gaussian_curvatures(spectrum, order):
    """H_b = x x' of one Gaussian vector, by a rule exact for products of `order` of them."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order + 1)
    x = np.array(list(itertools.product(nodes, repeat=len(spectrum)))) * np.sqrt(spectrum)
    weight = np.prod(list(itertools.product(weights / weights.sum(), repeat=len(spectrum))), axis=1)
    return np.einsum("ni,nj->nij", x, x), weight


def data_curvatures(X, b, replacement):
    """H_b of every batch of rows, and weights."""
    batches = (
        itertools.product(range(len(X)), repeat=b)
        if replacement
        else itertools.combinations(range(len(X)), b)
    )
    H = np.array([X[list(rows)].T @ X[list(rows)] / b for rows in batches])
    return H, np.full(len(H), 1 / len(H))


def log_even_moment(sgd, curvatures, weights, order):
    """log h(order): the spectral radius of E[M x ... x M]."""
    M = step_matrices(sgd, curvatures)
    power = M
    for _ in range(order - 1):
        power = np.einsum("nij,nkl->nikjl", power, M).reshape(
            len(M), power.shape[1] * M.shape[1], -1
        )
    return math.log(abs(np.linalg.eigvals(np.tensordot(weights, power, 1))).max())
