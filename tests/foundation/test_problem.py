"""Linear regression problems: the algebra of their second moment; that they stay as made."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import linsgd
from linsgd import LinearRegression
from linsgd.problems.features import GaussianFeatures

entries = st.floats(-3, 3).map(lambda x: round(x, 3))
data_sets = st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        npst.arrays(np.float64, shape, elements=entries).filter(np.any),
        npst.arrays(np.float64, shape[:1], elements=entries),
    )
)


@given(data_sets, st.sampled_from([0.0, 0.3]))
@example((np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([1.0, 0.0])), 0.0)
@example((np.array([[1.0, 2.0, 3.0]]), np.array([2.0])), 0.0)
def test_the_solution_minimises_the_regularised_loss(data, decay):
    X, y = data
    problem = LinearRegression.from_data(X, y)
    w = problem.solution(decay)
    rows = np.vstack([X / np.sqrt(len(X)), np.sqrt(decay) * np.eye(X.shape[1])])
    expected = np.linalg.lstsq(
        rows, np.append(y / np.sqrt(len(X)), np.zeros(X.shape[1])), rcond=1e-7
    )[0]
    if np.linalg.cond(rows[:, : X.shape[1]]) < 1e5 or np.linalg.matrix_rank(X) < X.shape[1]:
        np.testing.assert_allclose(w, expected, atol=1e-7)
    np.testing.assert_allclose(X.T @ (X @ w - y) / len(X) + decay * w, 0, atol=1e-6)


@given(data_sets)
def test_the_eigenbasis_is_one(data):
    problem = LinearRegression.from_data(*data)
    H = data[0].T @ data[0] / len(data[0])
    np.testing.assert_allclose(problem.covariance(), H, atol=1e-10)
    assert (problem.eigenvalues >= 0).all()
    assert (np.diff(problem.eigenvalues) >= 0).all()
    w = np.arange(1.0, 1.0 + problem.dimension)
    np.testing.assert_allclose(problem.from_eigenbasis(problem.to_eigenbasis(w)), w, rtol=1e-12)
    residual = data[1] - data[0] @ problem.optimum
    assert np.isclose(problem.noise_variance, np.mean(residual**2))


def test_null_directions_are_exactly_zero():
    X = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])
    problem = LinearRegression.from_data(X, [1.0, 2.0])
    assert (problem.eigenvalues[:2] == 0).all()
    np.testing.assert_allclose(problem.optimum, np.array([1.0, 2.0, 3.0]) / 14)
    assert (LinearRegression.gaussian([[1.0, 1.0], [1.0, 1.0]]).eigenvalues == [0.0, 2.0]).all()


def test_a_spectrum_keeps_its_order():
    problem = LinearRegression.gaussian([1.0, 3.0, 2.0])
    assert problem.eigenvectors is None
    np.testing.assert_array_equal(problem.eigenvalues, [1.0, 3.0, 2.0])


def test_a_law_of_ones_own():
    class Shifted:
        dimension = 2

        def second_moment(self):
            return np.array([[2.0, 1.0], [1.0, 2.0]])

        def fourth_moment(self, M):
            return M

        def sample(self, n, rng):
            return rng.normal(size=(n, 2))

    problem = LinearRegression.from_features(Shifted(), noise=linsgd.StudentNoise(dof=1.5))
    np.testing.assert_allclose(problem.eigenvalues, [1.0, 3.0])
    assert problem.noise_variance == np.inf


PROBLEMS = [
    LinearRegression.gaussian([1.0, 0.5], noise_std=0.2, optimum=[1.0, 2.0]),
    LinearRegression.gaussian([[2.0, 1.0], [1.0, 2.0]], noise="laplace"),
    LinearRegression.from_features(
        linsgd.StudentFeatures([1.0, 0.5], dof=5.0), noise=linsgd.StudentNoise(dof=3.0)
    ),
    LinearRegression.from_data([[1.0, 2.0], [0.5, 1.0], [3.0, 1.0]], [1.0, 2.0, 0.0]),
]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_problems_pickle(problem):
    again = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(again.eigenvalues, problem.eigenvalues)
    np.testing.assert_array_equal(again.optimum, problem.optimum)
    assert (again.noise_std, again.noise) == (problem.noise_std, problem.noise)
    assert type(again.features) is type(problem.features)
    M = np.array([[1.0, 0.3], [0.3, 2.0]])
    np.testing.assert_array_equal(
        again.features.fourth_moment(M), problem.features.fourth_moment(M)
    )


@pytest.mark.parametrize("problem", PROBLEMS)
def test_problems_cannot_be_changed(problem):
    with pytest.raises(AttributeError):
        problem.noise_std = 2.0
    for array in (problem.eigenvalues, problem.optimum):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5.0


def test_the_callers_array_is_copied():
    spectrum = np.array([1.0, 0.5])
    problem = LinearRegression.gaussian(spectrum)
    spectrum[0] = 7.0
    assert problem.eigenvalues[0] == 1.0
    assert GaussianFeatures(spectrum).covariance[0] == 7.0


def test_matrices_beyond_20000_say_what_they_would_cost():
    problem = LinearRegression.gaussian(np.ones(20_001))
    with pytest.raises(ValueError, match="3 GB; use the per-mode arrays"):
        problem.covariance()


CONSTRUCTORS = ("LinearRegression", "StudentFeatures", "StudentNoise")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_short_problem_prints_as_it_is_made(problem):
    names = {name: getattr(linsgd, name) for name in CONSTRUCTORS}
    assert eval(repr(problem), names) == problem


def test_a_long_problem_is_described():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3)) * [1.0, 1e6, 1.0]
    X[:, 2] = X[:, 0]
    data = LinearRegression.from_data(X, rng.normal(size=100))
    text = (
        f"<linear regression on 100 rows, 3 features, rank 2, condition number {data.condition:.3g}"
    )
    assert repr(data).startswith(text)
    assert data.condition < 10
    wide = LinearRegression.gaussian(np.ones(30), noise="laplace", noise_std=2.0)
    assert repr(wide) == (
        "<linear regression, 30 features (gaussian), rank 30, laplace label noise of scale 2>"
    )


def test_problems_are_equal_by_value():
    X, y = [[1.0, 2.0], [0.5, 1.5]], [1.0, 2.0]
    makers = [
        lambda: LinearRegression.from_data(X, y),
        lambda: LinearRegression.from_data(X, [1.0, 2.5]),
        lambda: LinearRegression.gaussian([1.0, 2.0]),
        lambda: LinearRegression.gaussian([1.0, 2.0], noise_std=2.0),
        lambda: LinearRegression.gaussian([1.0, 2.0], noise="laplace"),
        lambda: LinearRegression.from_features(linsgd.UniformFeatures([1.0, 2.0])),
        lambda: LinearRegression.from_features(linsgd.StudentFeatures([1.0, 2.0], dof=5.0)),
        lambda: LinearRegression.from_features(linsgd.StudentFeatures([1.0, 2.0], dof=6.0)),
    ]
    problems = [make() for make in makers]
    for i, make in enumerate(makers):
        again = make()
        assert [again == other for other in problems] == [i == j for j in range(len(makers))]
        assert hash(again) == hash(problems[i])
    assert problems[0] != "a problem"


def test_names_of_features_are_kept():
    class Frame:
        columns = ("age", "size")

        def __array__(self, dtype=None, copy=None):
            return np.array([[1.0, 2.0], [3.0, 5.0]])

    named = LinearRegression.from_data(Frame(), [1.0, 2.0])
    assert named.feature_names == ("age", "size")
    assert pickle.loads(pickle.dumps(named)).feature_names == ("age", "size")
    given = LinearRegression.from_data([[1.0], [2.0]], [1.0, 2.0], feature_names=["age"])
    assert given.feature_names == ("age",)
    assert LinearRegression.from_data([[1.0], [2.0]], [1.0, 2.0]).feature_names is None
    assert LinearRegression.gaussian([1.0]).feature_names is None
    with pytest.raises(ValueError, match=r"feature_names = .* 1 strings"):
        LinearRegression.from_data([[1.0], [2.0]], [1.0, 2.0], feature_names=["a", "b"])


def test_a_masked_entry_is_refused_and_none_is_needed():
    masked = np.ma.masked_greater([[1.0], [2.0], [1e6]], 1e3)
    with pytest.raises(ValueError, match=r"X = 'masked array' .* drop their rows"):
        LinearRegression.from_data(masked, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="y = 'masked array'"):
        LinearRegression.from_data([[1.0], [2.0]], np.ma.masked_greater([1.0, 9.0], 5.0))
    whole = np.ma.masked_greater([[1.0], [2.0]], 1e3)
    assert LinearRegression.from_data(whole, [1.0, 2.0]).optimum == 1.0


def test_numbers_in_an_array_of_objects_are_numbers():
    mixed = np.array([[True, 1.5], [False, np.float32(2.0)]], dtype=object)
    np.testing.assert_array_equal(
        LinearRegression.from_data(mixed, [1.0, 2.0]).features.X, [[1.0, 1.5], [0.0, 2.0]]
    )
    with pytest.raises(ValueError, match=r"X\[1, 0\] = None is outside its domain: numbers"):
        LinearRegression.from_data(np.array([[1.0], [None]], dtype=object), [1.0, 2.0])
