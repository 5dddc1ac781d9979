"""Strategies for problems, optimizers, data sets and covariance matrices."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.accept import PROBLEMS
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import (
    FeatureLaw,
    FiniteData,
    GaussianFeatures,
    RademacherFeatures,
    StudentFeatures,
    UniformFeatures,
)
from linsgd.problems.labels import (
    GaussianNoise,
    LabelNoise,
    LaplaceNoise,
    RademacherNoise,
    StudentNoise,
)
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.stability.thresholds import stability

LARGEST_DIMENSION = 4
SAFE_LR = 0.08  # times (1 - momentum)/(1 - dampening): stable in mean square on every problem of `problems`


def _fractions(lower: float, upper: float) -> st.SearchStrategy[float]:
    """Numbers in [lower, upper] that shrink to the upper end."""
    return st.floats(0, 1).map(lambda t: upper - t * (upper - lower))


@st.composite
def spd_matrices(draw: st.DrawFn, max_dimension: int = LARGEST_DIMENSION) -> FloatArray:
    """Draw symmetric positive definite matrices (d, d) with eigenvalues in [0.05, 1].

    Parameters
    ----------
    draw : DrawFn
        Given by Hypothesis.
    max_dimension : int
        Largest d.

    Returns
    -------
    ndarray (d, d)
        Shrinks to the identity.
    """
    d = draw(st.integers(1, max_dimension))
    spectrum = np.array(draw(st.lists(_fractions(0.05, 1.0), min_size=d, max_size=d)))
    Q = np.eye(d)
    for i in range(d - 1):
        angle = draw(st.floats(0, np.pi / 2))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        Q[:, i : i + 2] = Q[:, i : i + 2] @ turn
    matrix: FloatArray = (Q * spectrum) @ Q.T
    return (matrix + matrix.T) / 2


@st.composite
def data_sets(
    draw: st.DrawFn, max_rows: int = 6, max_dimension: int = LARGEST_DIMENSION
) -> tuple[FloatArray, FloatArray]:
    """Draw small data sets (X, y) with entries in [-1, 1]; rank deficiency and N < d occur.

    Parameters
    ----------
    draw : DrawFn
        Given by Hypothesis.
    max_rows, max_dimension : int
        Largest N and d.

    Returns
    -------
    X : ndarray (N, d)
        Its first entry is 1, so that it is never all zeros.
    y : ndarray (N,)
        Labels.
    """
    n, d = draw(st.integers(2, max_rows)), draw(st.integers(1, max_dimension))
    sixteenths = st.integers(-16, 16).map(lambda k: k / 16)
    X = np.array(draw(st.lists(sixteenths, min_size=n * d, max_size=n * d))).reshape(n, d)
    X[0, 0] = 1.0
    return X, np.array(draw(st.lists(sixteenths, min_size=n, max_size=n)))


def _laws() -> st.SearchStrategy[FeatureLaw]:
    covariances = spd_matrices() | st.lists(
        _fractions(0.0, 1.0), min_size=1, max_size=LARGEST_DIMENSION
    ).map(lambda spectrum: np.array([1.0, *spectrum[1:]]))
    students = st.builds(lambda H, dof: StudentFeatures(H, dof=dof), covariances, st.floats(5, 20))
    plain = [
        st.builds(law, covariances)
        for law in (GaussianFeatures, UniformFeatures, RademacherFeatures)
    ]
    return st.one_of(*plain, students)


def _noises() -> st.SearchStrategy[LabelNoise]:
    laws: list[LabelNoise] = [GaussianNoise(), RademacherNoise(), LaplaceNoise()]
    return st.sampled_from(laws) | st.floats(2.5, 10).map(StudentNoise)


@st.composite
def problems(draw: st.DrawFn, finite: bool | None = None) -> LinearRegression:
    """Draw problems of at most four dimensions, with eigenvalues of H and features of order one.

    Parameters
    ----------
    draw : DrawFn
        Given by Hypothesis.
    finite : bool, optional
        True for finite data sets only, False for feature laws only.

    Returns
    -------
    LinearRegression
        Shrinks to one Gaussian feature of unit variance and w* = 0.
    """
    kinds = {None: ["isotropic", "law", "data"], False: ["isotropic", "law"], True: ["data"]}[
        finite
    ]
    kind = draw(st.sampled_from(kinds))
    if kind == "isotropic":
        return LinearRegression.gaussian(np.ones(draw(st.integers(1, LARGEST_DIMENSION))))
    if kind == "data":
        return LinearRegression.from_data(*draw(data_sets()))
    law = draw(_laws())
    optimum = draw(st.lists(st.floats(-2, 2), min_size=law.dimension, max_size=law.dimension))
    noise_std = draw(_fractions(0.0, 1.0))
    return LinearRegression.from_features(
        law, noise_std=noise_std, optimum=optimum, noise=draw(_noises())
    )


@st.composite
def sgds(
    draw: st.DrawFn,
    problem: LinearRegression | None = None,
    stable: bool = True,
    max_batch_size: int = 8,
) -> SGD:
    """Draw optimizers with independent batches.

    Parameters
    ----------
    draw : DrawFn
        Given by Hypothesis.
    problem : LinearRegression, optional
        The problem they are for: lr then comes close to its edge, and finite data may be drawn
        without replacement.
    stable : bool
        Whether the second moment converges, on `problem` or, without one, on every problem of
        `problems`.
    max_batch_size : int
        Largest batch.

    Returns
    -------
    SGD
        Shrinks to batch 1, momentum 0 and no decay.
    """
    if problem is not None:
        domains.exact_type("problem", problem, PROBLEMS)
    momentum = draw(st.just(0.0) | st.floats(0.01, 0.95))
    kinds: list[dict[str, Any]] = [{}, {"nesterov": True}, {"dampening": draw(st.floats(0, 0.9))}]
    settings = {
        "momentum": momentum,
        "batch_size": draw(st.integers(1, max_batch_size)),
        "weight_decay": draw(st.just(0.0) | st.floats(0.01, 1)),
        **(draw(st.sampled_from(kinds)) if momentum > 0 else {}),
    }
    data = problem.features if problem is not None else None
    if isinstance(data, FiniteData) and draw(st.booleans()):
        settings |= {
            "replacement": False,
            "batch_size": draw(st.integers(1, min(max_batch_size, len(data.y)))),
        }
    sgd = SGD(lr=1.0, **settings)
    limit = SAFE_LR * (1 - momentum) / sgd.gradient_weight
    if problem is not None:
        limit = stability(problem, sgd).lr_mean_square
    return SGD(
        lr=limit * draw(_fractions(0.01, 0.95) if stable else st.floats(0.01, 3)), **settings
    )
