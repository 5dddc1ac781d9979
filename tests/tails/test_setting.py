"""What a setting keeps: the range of H along its eigenvectors, and whether anything moves W."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.theory.tails.setting import Setting

SGD, from_data, from_features = (
    linsgd.SGD,
    linsgd.LinearRegression.from_data,
    linsgd.LinearRegression.from_features,
)
X = np.random.default_rng(0).standard_normal((20, 2))
Y = np.random.default_rng(1).standard_normal(20)
WHOLE = {"batch_size": 20, "replacement": False}


class Cross:
    """Features on two of three axes, turned: a law of the user's own with a null direction."""

    dimension = 3
    tail_exponent = np.inf
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    rows = np.array([[1.0, 0.5, 0], [0.3, -1.2, 0]]) @ turn

    def second_moment(self):
        return self.rows.T @ self.rows / 2

    def fourth_moment(self, M):
        return (
            np.einsum(
                "ni,nj,n->ij",
                self.rows,
                self.rows,
                np.einsum("ni,ij,nj->n", self.rows, M, self.rows),
            )
            / 2
        )

    def sample(self, n, rng):
        return self.rows[rng.integers(2, size=n)]


def test_null_directions_are_left_out_of_data():
    flat, column = from_data(np.outer(X[:, 0], [0.6, 0.8]), Y), from_data(X[:, :1], Y)
    for sgd in (SGD(lr=0.8), SGD(lr=0.1, momentum=0.9)):
        found, alone = (linsgd.tail_exponent(problem, sgd) for problem in (flat, column))
        assert found.method == alone.method != "particles"
        assert found.value == pytest.approx(alone.value, rel=1e-9)
        assert found.lyapunov == pytest.approx(alone.lyapunov, rel=1e-9)
    setting = Setting.of(flat, SGD(lr=1.0))
    assert setting.features.second_moment() == pytest.approx(setting.spectrum[:, None], rel=1e-14)


@pytest.mark.parametrize(
    "law",
    [
        linsgd.UniformFeatures,
        linsgd.RademacherFeatures,
        linsgd.GaussianFeatures,
        lambda spectrum: linsgd.StudentFeatures(spectrum, dof=5.0),
    ],
)
def test_null_directions_are_left_out_of_laws(law):
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    line = law([1.0])
    for covariance in ([1.0, 0.0], [0.0, 1.0], turn @ np.diag([1.0, 0.0]) @ turn.T):
        found, alone = (
            linsgd.lyapunov_exponent(from_features(each), SGD(lr=0.3))
            for each in (law(covariance), line)
        )
        assert (found.method, found.value) == (alone.method, pytest.approx(alone.value, rel=1e-12))


def test_laws_of_the_users_own_are_turned():
    setting = Setting.of(from_features(Cross()), SGD(lr=0.5))
    assert (setting.dimension, setting.features.dimension) == (2, 2)
    drawn = setting.features.sample(20_000, np.random.default_rng(0))
    # 20,000 rows of two kinds: the shares are within 5e-2 of 1/2, 14 standard errors
    assert drawn.T @ drawn / 20_000 == pytest.approx(np.diag(setting.spectrum), abs=0.15)
    data = from_data(Cross.rows, [1.0, 2.0])
    found, exact = (
        linsgd.spectral_function(p, SGD(lr=0.5), 2.0) for p in (from_features(Cross()), data)
    )
    assert found.value == pytest.approx(exact.value, rel=1e-9)


def test_the_whole_data_set_is_the_same_step_every_time():
    problem, H = from_data(X, Y), X.T @ X / 20
    radius = np.abs(np.linalg.eigvalsh(np.eye(2) - 1.2 * H)).max()
    assert linsgd.lyapunov_exponent(problem, SGD(lr=1.2, **WHOLE)).value == pytest.approx(
        math.log(radius), rel=1e-13
    )
    assert linsgd.spectral_function(problem, SGD(lr=1.2, **WHOLE), 3.0).value == pytest.approx(
        radius**3, rel=1e-13
    )
    assert linsgd.tail_exponent(problem, SGD(lr=2.5, **WHOLE)).status == "no_stationary_law"
    for sgd in (
        SGD(lr=0.2, **WHOLE),
        SGD(lr=0.2, momentum=0.9, **WHOLE),
        SGD(lr=0.2, weight_decay=0.1, **WHOLE),
    ):
        assert linsgd.tail_exponent(problem, sgd).status == "degenerate"
    assert (
        linsgd.tail_exponent(problem, SGD(lr=0.2, batch_size=19, replacement=False)).status
        == "light"
    )
    second = linsgd.spectral_function(problem, SGD(lr=1.2, **WHOLE), 2.0, method="even_moments")
    assert second.value == pytest.approx(radius**2, rel=1e-9)


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("lr", [0.001, 0.2, 1.2])
def test_the_whole_data_set_with_momentum(lr, nesterov):
    sgd, h = SGD(lr=lr, momentum=0.9, nesterov=nesterov, **WHOLE), np.linalg.eigvalsh(X.T @ X / 20)
    radii = []
    for each in h:  # w' = w + v', v' = m v - lr h w, or a gradient ahead of w
        ahead = 1.9 if nesterov else 1.0
        step = np.array([[1 - ahead * lr * each, 0.81 if nesterov else 0.9], [-lr * each, 0.9]])
        radii.append(np.abs(np.linalg.eigvals(step)).max())
    found = linsgd.lyapunov_exponent(from_data(X, Y), sgd)
    assert found.method == "constant"
    assert found.value == pytest.approx(math.log(max(radii)), abs=1e-12)
    assert found.lower <= math.log(max(radii)) <= found.upper


def test_the_threshold_of_the_whole_data_set_is_that_of_the_mean():
    for momentum in (0.0, 0.9):
        problem, sgd = from_data(X, Y), SGD(lr=1.0, momentum=momentum, **WHOLE)
        found = linsgd.stability(problem, sgd)
        assert found.lr_almost_sure.lower * (1 - 1e-9) < found.lr_mean < found.lr_almost_sure.upper
        assert found.lr_almost_sure.upper < found.lr_mean * (1 + 1e-6)


def test_one_row_is_a_point_and_one_row_with_two_labels_is_not():
    assert (
        linsgd.tail_exponent(from_data([[1.0, 2.0]], [1.0]), SGD(lr=0.2, weight_decay=0.1)).status
        == "degenerate"
    )
    opposite = from_data([[1.0], [-1.0]], [1.0, -1.0])  # one row up to sign, with its label
    assert linsgd.tail_exponent(opposite, SGD(lr=0.2, momentum=0.5)).status == "degenerate"
    for momentum in (0.0, 0.5):
        found = linsgd.tail_exponent(
            from_data([[1.0], [-1.0]], [1.0, 2.0]), SGD(lr=0.2, momentum=momentum)
        )
        assert (found.status, found.value) == ("light", math.inf)


def test_signs_alone():
    signs = from_features(linsgd.RademacherFeatures([1.0]))
    nothing = linsgd.spectral_function(signs, SGD(lr=1.0), 2.0)
    assert (nothing.value, nothing.lower, nothing.upper) == (0.0, 0.0, 0.0)
    found = linsgd.tail_exponent(signs, SGD(lr=0.2, momentum=0.9))
    assert (found.status, found.method, found.lyapunov) == (
        "light",
        "constant",
        pytest.approx(math.log(0.9) / 2),
    )
    quiet = from_features(linsgd.RademacherFeatures([1.0]), noise_std=0.0, optimum=[1.0])
    assert linsgd.tail_exponent(quiet, SGD(lr=0.2, weight_decay=0.5)).status == "degenerate"


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("spread", [1.0, 1e-4])
def test_residuals_of_rounding_are_none(scale, spread):
    rows = X[:6] * [1.0, spread]
    for lr in (0.2, 0.6):
        fitted = from_data(rows, scale * (rows @ [1.0, 2.0]))
        assert linsgd.tail_exponent(fitted, SGD(lr=lr)).status == "degenerate"
        off = from_data(rows, scale * (rows @ [1.0, 2.0] + 1e-9 * Y[:6]))
        assert linsgd.tail_exponent(off, SGD(lr=lr)).status in ("power_law", "light")


def test_weight_decay_pulls_from_a_perfect_fit():
    fitted = from_data(X[:6], X[:6] @ [1.0, 2.0])
    assert not Setting.of(fitted, SGD(lr=0.1, weight_decay=0.1)).has_fixed_point
    assert Setting.of(from_data(X[:6], np.zeros(6)), SGD(lr=0.1, weight_decay=0.1)).has_fixed_point
    decayed = from_data(
        [[1.0], [2.0]], [1.5 * 1.0, (2 + 0.5 / 2) * 1.0]
    )  # x (y - x w) = w / 2 at w = 1 for both
    assert Setting.of(decayed, SGD(lr=0.1, weight_decay=0.5)).has_fixed_point
    assert not Setting.of(decayed, SGD(lr=0.1, weight_decay=0.4)).has_fixed_point


class Heavy:
    """Student-t features with 5 degrees of freedom, behind the interface of one's own law."""

    def __init__(self):
        self._law = linsgd.StudentFeatures([1.0, 0.5], dof=5.0)
        self.dimension = 2
        self.second_moment = self._law.second_moment
        self.fourth_moment = self._law.fourth_moment
        self.sample = self._law.sample


def test_a_law_of_ones_own_declares_its_tail():
    law, sgd = Heavy(), SGD(lr=0.05)
    problem = linsgd.LinearRegression.from_features(law)
    for tail in (linsgd.tail_exponent, lambda p, s: linsgd.spectral_function(p, s, 3.0)):
        with pytest.raises(ValueError, match=r"law.tail_exponent = 'not declared'.*math.inf"):
            tail(problem, sgd)
    assert linsgd.stability(problem, sgd).lr_mean_square > 0
    law.tail_exponent = 5.0
    assert linsgd.spectral_function(problem, sgd, 3.0).value == np.inf
    law.tail_exponent = -1.0
    with pytest.raises(ValueError, match=r"law\.tail_exponent"):
        linsgd.spectral_function(problem, sgd, 3.0)
