"""Whatever is given, a constructor makes a sound object or refuses it by a ValueError that names
what is wrong.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import linsgd
from linsgd import SGD, LinearRegression

numbers = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from(
        [
            0,
            1,
            2,
            0.5,
            1e-300,
            1e75,
            1e76,
            1e300,
            10**400,
            -1,
            True,
            np.float32(0.5),
            np.int8(3),
            1j,
        ]
    ),
)
arrays = npst.arrays(
    st.sampled_from(
        [
            np.float64,
            np.float32,
            np.int64,
            np.uint8,
            np.bool_,
            np.complex128,
            np.object_,
            "U3",
            "M8[s]",
        ]
    ),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
matrices = npst.arrays(
    np.float64,
    st.sampled_from([(2, 2), (3, 3), (3, 2), (2,), (3,)]),
    elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0, 1e80]),
)
anything = st.one_of(
    numbers,
    arrays,
    matrices,
    st.text(max_size=5),
    st.binary(max_size=3),
    st.none(),
    st.lists(st.one_of(numbers, st.lists(numbers, max_size=3)), max_size=3),
    st.dictionaries(st.text(max_size=1), st.integers(), max_size=1),
    st.sampled_from(
        [Decimal("0.5"), Fraction(1, 2), object(), slice(3), int, linsgd.GaussianNoise]
    ),
)


def made(make, **arguments):
    """Return what `make` makes, or None where it refuses by naming one of its arguments."""
    try:
        return make(**arguments)
    except ValueError as error:
        refusal = str(error)
    assert any(refusal.startswith(name) for name in arguments)
    assert "is outside its domain" in refusal
    return None


def is_sound(problem):
    assert np.isfinite(problem.eigenvalues).all()
    assert (problem.eigenvalues >= 0).all()
    assert problem.eigenvalues.any()
    assert problem.optimum.shape == problem.eigenvalues.shape
    assert np.isfinite(problem.optimum).all()
    assert np.isfinite(problem.noise_std)
    assert not np.isnan(problem.noise_variance)
    assert problem.covariance().shape == (problem.dimension, problem.dimension)


@given(
    spectrum=anything,
    noise_std=st.one_of(st.just(1.0), anything),
    optimum=st.one_of(st.none(), anything),
)
@example(spectrum=[[1.0, 2.0], [2.0, 1.0]], noise_std=1.0, optimum=None)
@example(spectrum=[[1.0, 0.5], [0.4, 1.0]], noise_std=1.0, optimum=None)
@example(spectrum=[1.0, [2.0]], noise_std=1.0, optimum=None)
@example(spectrum=[0.0, 0.0], noise_std=1.0, optimum=None)
@example(spectrum=[1.0], noise_std=1e200, optimum=None)
@example(spectrum=[1.0], noise_std=1.0, optimum=[np.nan])
def test_gaussian(spectrum, noise_std, optimum):
    problem = made(
        LinearRegression.gaussian, spectrum=spectrum, noise_std=noise_std, optimum=optimum
    )
    if problem is not None:
        is_sound(problem)


@given(noise=anything)
@example(noise="student")
@example(noise=np.array(["student", "x"]))
def test_noise(noise):
    made(LinearRegression.gaussian, spectrum=[1.0], noise=noise)


@given(X=anything, y=anything)
@example(X=[[1e-200]], y=[1.0])
@example(X=[[1e60, 1.0]], y=[1e60])
@example(X=[[1.0, 2.0]], y=[1.0, 2.0])
@example(X=[[1.0], [np.inf]], y=[1.0, 2.0])
def test_data(X, y):
    problem = made(LinearRegression.from_data, X=X, y=y)
    if problem is not None:
        is_sound(problem)


@given(law=anything)
@example(law=linsgd.GaussianFeatures)
@example(law=linsgd.FiniteData([[1.0]], [1.0]))
def test_law(law):
    assert made(LinearRegression.from_features, law=law) is None


@given(covariance=anything, dof=anything)
def test_feature_laws(covariance, dof):
    for law in (linsgd.GaussianFeatures, linsgd.RademacherFeatures, linsgd.UniformFeatures):
        made(law, covariance=covariance)
    made(linsgd.StudentFeatures, covariance=covariance, dof=dof)


@given(dof=anything)
def test_student_noise(dof):
    law = made(linsgd.StudentNoise, dof=dof)
    assert law is None or law.variance >= 1
    assert law is None or law.kurtosis >= 3 - 1e-12


OPTIONS = [
    "lr",
    "batch_size",
    "momentum",
    "dampening",
    "nesterov",
    "weight_decay",
    "replacement",
    "sampling",
]


@given(
    st.dictionaries(
        st.sampled_from(OPTIONS), st.one_of(anything, st.booleans(), st.floats(0, 1)), max_size=3
    )
)
@example({"momentum": 1.0})
@example({"momentum": -0.1})
@example({"lr": 0.0})
@example({"batch_size": 0})
@example({"batch_size": 2.0})
@example({"nesterov": True})
@example({"nesterov": True, "momentum": 0.9, "dampening": 0.1})
@example({"sampling": "epoch", "replacement": True})
@example({"weight_decay": np.nan})
def test_sgd(options):
    sgd = made(SGD, **{"lr": 0.1, **options})
    if sgd is None:
        return
    assert 0 < sgd.lr < np.inf
    assert isinstance(sgd.batch_size, int)
    assert sgd.batch_size >= 1
    assert 0 <= sgd.momentum < 1
    assert 0 <= sgd.dampening < 1
    assert 0 <= sgd.weight_decay < np.inf
    assert isinstance(sgd.nesterov, bool)
    assert isinstance(sgd.replacement, bool)
    assert not (sgd.nesterov and (sgd.momentum == 0 or sgd.dampening != 0))


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (SGD, {"lr": 0.1, "momentun": 0.9}),
        (LinearRegression.gaussian, {"spectrum": [1.0], "noise_sd": 1.0}),
        (LinearRegression.from_data, {"X": [[1.0]], "y": [1.0], "intercept": True}),
        (linsgd.StudentNoise, {"dof": 3.0, "scale": 1.0}),
    ],
)
def test_a_misspelt_keyword_is_a_type_error(make, arguments):
    with pytest.raises(TypeError, match="unexpected keyword"):
        make(**arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(lr=-0.1), r"lr = -0.1 is outside its domain: (0, 1e+75]"),
        (lambda: SGD(lr=0.1, momentum=1.0), r"momentum = 1.0 is outside its domain: [0, 1)"),
        (
            lambda: SGD(lr=0.1, batch_size=1.5),
            r"batch_size = 1.5 is outside its domain: an integer in [1, 1000000000]",
        ),
        (
            lambda: LinearRegression.gaussian([1.0, np.nan]),
            r"spectrum[1] = nan is outside its domain: [-1e+75, 1e+75]",
        ),
        (
            lambda: LinearRegression.gaussian([1.0, -2.0]),
            r"spectrum[1] = -2.0 is outside its domain: [0, inf)",
        ),
        (
            lambda: LinearRegression.gaussian([[1.0, 2.0], [2.0, 1.0]]),
            (
                r"spectrum = 'matrix with eigenvalue -1' is outside its domain: "
                r"positive semidefinite matrices"
            ),
        ),
        (
            lambda: LinearRegression.from_data([[1.0], [2.0]], [1.0]),
            (
                r"y = 'array of shape (1,)' is outside its domain: an array of "
                r"finite numbers of shape (2,)"
            ),
        ),
        (
            lambda: SGD(lr=0.1, batch_size=3, replacement=False).check(
                LinearRegression.from_data([[1], [2]], [1, 2])
            ),
            r"batch_size = 3 is outside its domain: [1, 2] without replacement",
        ),
        (
            lambda: SGD(lr=0.1, replacement=False).check(LinearRegression.gaussian([1.0])),
            (
                r"replacement = False is outside its domain: True, unless the "
                r"problem is a finite data set"
            ),
        ),
    ],
)
def test_what_a_refusal_says(make, message):
    with pytest.raises(ValueError) as refusal:
        make()
    assert str(refusal.value) == message
