"""Independent ways to the same numbers: the step as one affine map of (w, v, 1), averaged over its
batches.

`Enumeration` averages over every batch of a tiny data set; `Kronecker` builds the second moment of
the random map from a law's fourth moment. Neither knows of modes, thresholds or responses."""

import itertools

import numpy as np

from linsgd.problems.features import FiniteData


def affine(H, r, sgd, first=False):
    """The map of (w, v, 1) for a batch with second moment H and mean of x y equal to r."""
    d = len(r)
    identity, zero = np.eye(d), np.zeros((d, d))
    gradient = np.hstack([H + sgd.weight_decay * identity, zero, -r[:, None]])
    fresh = 1.0 if first or sgd.momentum == 0 else 1 - sgd.dampening
    v = np.hstack([zero, sgd.momentum * identity, np.zeros((d, 1))]) - fresh * gradient
    w = np.eye(d, 2 * d + 1) + sgd.lr * ((sgd.momentum * v - gradient) if sgd.nesterov else v)
    return np.vstack([w, v, np.eye(2 * d + 1)[-1:]])


def every_batch(data, sgd):
    rows = range(len(data.y))
    draws = (
        itertools.product(rows, repeat=sgd.batch_size)
        if sgd.replacement
        else itertools.combinations(rows, sgd.batch_size)
    )
    for draw in map(list, draws):
        yield (
            data.X[draw].T @ data.X[draw] / sgd.batch_size,
            data.X[draw].T @ data.y[draw] / sgd.batch_size,
        )


def enumerated_operator(problem, sgd, first=False):
    """E[A (x) A] over all batches, A the affine map."""
    maps = [affine(H, r, sgd, first) for H, r in every_batch(problem.features, sgd)]
    return sum(np.kron(A, A) for A in maps) / len(maps)


def kronecker_operator(problem, sgd, first=False):
    """E[A (x) A] from E[x x'M x x'] alone, for labels x'w* + e; N(M) below is E[(xx' - H) M (xx' -
    H)].
    """
    law, b, d = problem.features, sgd.batch_size, problem.dimension
    H = problem.covariance()
    mean = affine(H, H @ problem.optimum, sgd, first)
    operator = np.kron(mean, mean)
    basis = np.eye(2 * d + 1)
    channel = affine(np.zeros((d, d)), -np.eye(d)[0], sgd, first)  # what a gradient of e_0 adds
    into = np.array([channel[0, -1], channel[d, -1]])
    spread = np.kron(into[:, None], np.eye(d))
    distance = np.hstack(
        [np.eye(d), np.zeros((d, d)), -problem.optimum[:, None]]
    )  # (w, v, 1) -> w - w*
    for j in range((2 * d + 1) ** 2):
        Z = np.outer(basis[j // (2 * d + 1)], basis[j % (2 * d + 1)])
        D = distance @ (Z + Z.T) @ distance.T / 2
        noise = (law.fourth_moment(D) - H @ D @ H + problem.noise_variance * H * Z[-1, -1]) / b
        added = np.zeros_like(Z)
        added[:-1, :-1] = spread @ noise @ spread.T
        operator[:, j] += added.ravel()
    return operator


def operator_of(problem, sgd, first=False):
    make = enumerated_operator if isinstance(problem.features, FiniteData) else kronecker_operator
    return make(problem, sgd, first)


def split(U, d):
    """Mean and covariance of (w, v) from the second moment of (w, v, 1)."""
    U = U.reshape(2 * d + 1, 2 * d + 1)
    mean = U[-1, :-1]
    return mean, U[:-1, :-1] - np.outer(mean, mean)


def walk(problem, sgd, steps, w, v, fresh):
    """Mean and covariance at each step from the point (w, v)."""
    z = np.concatenate([w, v, [1.0]])
    U, T, done, path = np.kron(z, z), operator_of(problem, sgd), 0, []
    for step in steps:
        while done < step:
            U = (operator_of(problem, sgd, first=True) if fresh and done == 0 else T) @ U
            done += 1
        path.append(split(U, problem.dimension))
    return path


def stationary(problem, sgd):
    """Mean and covariance of the stationary law as the fixed point of E[A (x) A], and their
    rounding error.
    """
    d = problem.dimension
    T = operator_of(problem, sgd)
    n = (2 * d + 1) ** 2
    system, target = np.eye(n) - T, np.zeros(n)
    system[-1], target[-1] = np.eye(n)[-1], 1.0
    mean, covariance = split(np.linalg.solve(system, target), d)
    rounding = np.finfo(float).eps * np.linalg.cond(system) * max(1.0, np.abs(mean).max() ** 2)
    return mean, covariance, rounding


def phase_space_covariance(law, index=...):
    """The (2d, 2d) covariance of (w, v) of a result."""
    ww, wv, vv = (
        law.position_covariance()[index],
        law.cross_covariance()[index],
        law.velocity_covariance()[index],
    )
    return np.block([[ww, wv], [wv.T, vv]])
