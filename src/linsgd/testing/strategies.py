"""Strategies for problems, optimizers, data sets and covariance matrices."""

from typing import Any, TypeAlias

import numpy as np

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:
    missing = "linsgd.testing needs Hypothesis: pip install 'linsgd[testing]'"
    raise ModuleNotFoundError(missing) from error

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
# Of lr without a problem, times (1 - momentum) / (1 - dampening). The least threshold without
# momentum is 2/18 = 0.11: that of four equal Student-t features of 5 degrees of freedom at batch 1,
# where E |x|^2 xx' = 3 (4 + 2) H.
SAFE_LR = 0.08
GRID = 1000  # intervals of the range of lr

Floats: TypeAlias = float | st.SearchStrategy[float]
Integers: TypeAlias = int | st.SearchStrategy[int]
Booleans: TypeAlias = bool | st.SearchStrategy[bool]


def _rising(lower: float, upper: float) -> st.SearchStrategy[float]:
    """Numbers in [lower, upper] that shrink to the least that will do."""
    # floats would shrink to the roundest instead
    return st.integers(0, GRID).map(lambda k: lower + k / GRID * (upper - lower))


def _falling(lower: float, upper: float) -> st.SearchStrategy[float]:
    """Numbers in [lower, upper] that shrink to the upper end."""
    return st.floats(0, 1).map(lambda t: upper - t * (upper - lower))


def _given(value: Any, default: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for an argument: the default for None, else what was given."""
    if value is None:
        return default
    return value if isinstance(value, st.SearchStrategy) else st.just(value)


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

    Examples
    --------
    >>> from hypothesis import find
    >>> from linsgd.testing import spd_matrices
    >>> find(spd_matrices(), lambda matrix: len(matrix) == 2)
    array([[1., 0.],
           [0., 1.]])
    """
    d = draw(st.integers(1, max_dimension))
    spectrum = np.array(draw(st.lists(_falling(0.05, 1.0), min_size=d, max_size=d)))
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

    Examples
    --------
    >>> from hypothesis import find
    >>> from linsgd.testing import data_sets
    >>> X, y = find(data_sets(), lambda data: True)
    >>> X.tolist(), y.tolist()
    ([[1.0], [0.0]], [0.0, 0.0])
    """
    n, d = draw(st.integers(2, max_rows)), draw(st.integers(1, max_dimension))
    sixteenths = st.integers(-16, 16).map(lambda k: k / 16)
    X = np.array(draw(st.lists(sixteenths, min_size=n * d, max_size=n * d))).reshape(n, d)
    X[0, 0] = 1.0
    return X, np.array(draw(st.lists(sixteenths, min_size=n, max_size=n)))


def _laws(max_dimension: int) -> st.SearchStrategy[FeatureLaw]:
    """Feature laws that shrink to one Gaussian feature of unit variance."""
    spectra = st.lists(_falling(0.0, 1.0), min_size=1, max_size=max_dimension).map(
        lambda spectrum: np.array([1.0, *spectrum[1:]])
    )
    covariances = spd_matrices(max_dimension) | spectra
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
def problems(
    draw: st.DrawFn,
    finite: bool | None = None,
    max_dimension: int = LARGEST_DIMENSION,
    features: FeatureLaw | st.SearchStrategy[FeatureLaw] | None = None,
    noise_std: Floats | None = None,
) -> LinearRegression:
    """Draw problems of few dimensions, with eigenvalues of H and features of order one.

    Parameters
    ----------
    draw : DrawFn
        Given by Hypothesis.
    finite : bool, optional
        True for finite data sets only, False for feature laws only.
    max_dimension : int
        Largest d.
    features : FeatureLaw or strategy, optional
        The law of the features, or a strategy for it, in place of the shipped ones.
    noise_std : float or strategy, optional
        Of the label noise of feature laws, in place of [0, 1].

    Returns
    -------
    LinearRegression
        Shrinks to one Gaussian feature of unit variance, unit label noise and w* = 0.

    Examples
    --------
    >>> from hypothesis import find
    >>> from linsgd.testing import problems
    >>> find(problems(), lambda problem: problem.dimension == 2)
    LinearRegression.gaussian([1.0, 1.0])
    """
    if features is not None or noise_std is not None:
        finite = False
    plain = ["isotropic"] if features is None and noise_std is None else []
    kinds = {None: [*plain, "law", "data"], False: [*plain, "law"], True: ["data"]}[finite]
    kind = draw(st.sampled_from(kinds))
    if kind == "isotropic":
        return LinearRegression.gaussian(np.ones(draw(st.integers(1, max_dimension))))
    if kind == "data":
        return LinearRegression.from_data(*draw(data_sets(max_dimension=max_dimension)))
    law = draw(_given(features, _laws(max_dimension)))
    optimum = draw(st.lists(st.floats(-2, 2), min_size=law.dimension, max_size=law.dimension))
    std = draw(_given(noise_std, _falling(0.0, 1.0)))
    return LinearRegression.from_features(
        law, noise_std=std, optimum=optimum, noise=draw(_noises())
    )


@st.composite
def sgds(
    draw: st.DrawFn,
    problem: LinearRegression | None = None,
    stable: bool = True,
    max_batch_size: int = 8,
    *,
    batch_size: Integers | None = None,
    momentum: Floats | None = None,
    dampening: Floats | None = None,
    nesterov: Booleans | None = None,
    weight_decay: Floats | None = None,
    replacement: Booleans | None = None,
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
    batch_size : int or strategy, optional
        In place of [1, max_batch_size].
    momentum : float or strategy, optional
        In place of 0 or [0.01, 0.95].
    dampening : float or strategy, optional
        In place of 0 or, with momentum and without Nesterov's update, [0, 0.9].
    nesterov : bool or strategy, optional
        In place of either; True only with momentum and without dampening.
    weight_decay : float or strategy, optional
        In place of 0 or [0.01, 1].
    replacement : bool or strategy, optional
        In place of True or, on finite data that are given, either.

    Returns
    -------
    SGD
        Shrinks to a small learning rate, batch 1, momentum 0 and no decay.

    Raises
    ------
    ValueError
        If a given value lies outside its domain, or two of them contradict each other.

    Examples
    --------
    >>> from hypothesis import find, strategies as st
    >>> from linsgd.testing import sgds
    >>> find(sgds(momentum=st.floats(0.5, 0.9), weight_decay=0.0), lambda sgd: True).momentum
    0.5
    """
    if problem is not None:
        domains.exact_type("problem", problem, PROBLEMS)
    settings = {
        "momentum": draw(_given(momentum, st.just(0.0) | st.floats(0.01, 0.95))),
        "weight_decay": draw(_given(weight_decay, st.just(0.0) | st.floats(0.01, 1))),
    }
    settings |= draw(_updates(settings["momentum"], dampening, nesterov))
    settings |= draw(_batches(problem, max_batch_size, batch_size, replacement))
    sgd = SGD(lr=1.0, **settings)
    limit = SAFE_LR * (1 - sgd.momentum) / sgd.gradient_weight
    if problem is not None:
        limit = stability(problem, sgd).lr_mean_square
    return SGD(lr=limit * draw(_rising(0.01, 0.95 if stable else 3.0)), **settings)


@st.composite
def _updates(
    draw: st.DrawFn, momentum: float, dampening: Floats | None, nesterov: Booleans | None
) -> dict[str, Any]:
    """Draw dampening and Nesterov's update: at most one of them, and only with momentum."""
    plain = momentum == 0
    free = st.booleans() if not plain and dampening is None else st.just(False)
    ahead = draw(_given(nesterov, free))
    damped = st.just(0.0) if plain or ahead else st.just(0.0) | st.floats(0, 0.9)
    return {"nesterov": ahead, "dampening": draw(_given(dampening, damped))}


@st.composite
def _batches(
    draw: st.DrawFn,
    problem: LinearRegression | None,
    max_batch_size: int,
    batch_size: Integers | None,
    replacement: Booleans | None,
) -> dict[str, Any]:
    """Draw the batch size, at most the rows of data that are drawn without replacement."""
    data = problem.features if problem is not None else None
    finite = isinstance(data, FiniteData)
    again = draw(
        _given(replacement, st.booleans().map(lambda t: not t) if finite else st.just(True))
    )
    largest = max_batch_size
    if isinstance(data, FiniteData) and not again:
        largest = min(largest, len(data.y))
    return {"replacement": again, "batch_size": draw(_given(batch_size, st.integers(1, largest)))}
