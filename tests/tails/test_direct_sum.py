"""Products that fall into blocks: against the blocks, closed forms and even moments."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.optimize import brentq

import linsgd
from linsgd.theory.tails.direct_sum import invariant_blocks, orthogonal_groups
from linsgd.theory.tails.setting import Setting

from .oracles import data_curvatures, log_even_moment

SGD, from_data = linsgd.SGD, linsgd.LinearRegression.from_data
TURN = np.linalg.qr(np.random.default_rng(3).standard_normal((3, 3)))[0]
ONE_HOT = np.eye(3)[[0, 0, 1, 1, 2, 2]]
PAIRS = np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 1, 0], [0, 1.8, 0], [0, 0, 1], [0, 0, 1.7]])
PLANES = np.array([[1.0, 0.4, 0], [0.2, -1.1, 0], [0.9, 1.0, 0], [0, 0, 1.3], [0, 0, 0.6]])
LABELS = np.array([1.0, 3.0, 3.0, 4.0, 5.0, 7.0])
SIGNS = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0, 1.0]))
AXES = pytest.mark.parametrize("turn", [np.eye(3), TURN], ids=["axes", "turned"])


def sign_growth(lr, b):
    """E log|A| of either block of two equal signs: the share of equal signs is binomial."""
    law = [(abs(1 - 2 * lr * k / b), math.comb(b, k) / 2**b) for k in range(b + 1)]
    return sum(p * math.log(a) for a, p in law)


@AXES
def test_groups_are_found_in_any_coordinates(turn):
    assert sorted(map(sorted, orthogonal_groups(PLANES @ turn))) == [[0, 1, 2], [3, 4]]
    chain = np.array(
        [[1.0, 0, 0], [1, 1e-6, 0], [0, 1, 1e-6], [0, 0, 1], [0, 0, 0]]
    )  # each meets the next alone
    assert sorted(map(sorted, orthogonal_groups(chain @ turn))) == [[0, 1, 2, 3]]


@AXES
def test_rows_that_nearly_are_orthogonal_do_not_decompose(turn):
    tilted = PLANES + np.array([[0, 0, 1e-9]] + [[0, 0, 0]] * 4)
    assert len(invariant_blocks(Setting.of(from_data(PLANES @ turn, LABELS[:5]), SGD(lr=0.1)))) == 2
    assert len(invariant_blocks(Setting.of(from_data(tilted @ turn, LABELS[:5]), SGD(lr=0.1)))) == 1
    assert (
        len(invariant_blocks(Setting.of(linsgd.LinearRegression.gaussian(np.ones(3)), SGD(lr=0.1))))
        == 1
    )
    uneven = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0, 0.9]))
    assert invariant_blocks(Setting.of(uneven, SGD(lr=0.1)))[0].dimension == 2


@AXES
@pytest.mark.parametrize("b", [1, 2])
def test_one_hot_data_are_one_feature_that_comes_now_and_then(turn, b):
    problem, sgd, one = from_data(ONE_HOT @ turn, LABELS), SGD(lr=2.5, batch_size=b), ONE_HOT[:, :1]
    law = [(abs(1 - 2.5 * k / b), math.comb(b, k) * 2 ** (b - k) / 3**b) for k in range(b + 1)]
    assert linsgd.lyapunov_exponent(problem, sgd).value == pytest.approx(
        sum(p * math.log(a) for a, p in law), rel=1e-12
    )
    assert linsgd.spectral_function(problem, sgd, 1.0).value == pytest.approx(
        sum(p * a for a, p in law), rel=1e-12
    )
    found, alone = (linsgd.tail_exponent(p, sgd) for p in (problem, from_data(one, LABELS)))
    assert (found.status, found.method) == (alone.status, "scalar")
    assert found.value == pytest.approx(alone.value, rel=1e-12, nan_ok=True)
    threshold = linsgd.stability(problem, sgd).lr_almost_sure
    root = brentq(
        lambda lr: sum(p * math.log(abs(1 - lr * k / b)) for k, (_, p) in enumerate(law)),
        b + 0.9,
        2 * b + 0.1,
    )
    assert threshold.lower * (1 - 1e-11) < root < threshold.upper < threshold.lower * (1 + 1e-7)
    assert threshold.confidence is None


@AXES
def test_equal_blocks_are_solved_once(turn):
    labels, sgd = [1.0, 3.0, 3.0, 4.0, 5.0, 7.0], SGD(lr=0.5, momentum=0.9)
    assert len(invariant_blocks(Setting.of(from_data(ONE_HOT @ turn, labels), sgd))) == 1
    assert (
        len(
            invariant_blocks(
                Setting.of(from_data(ONE_HOT @ turn, [1.0, 3.0, 2.0, 2.0, 5.0, 7.0]), sgd)
            )
        )
        == 2
    )  # one is a point
    assert len(invariant_blocks(Setting.of(from_data(PAIRS @ turn, labels), sgd))) == 3
    assert (
        len(
            invariant_blocks(
                Setting.of(from_data(np.vstack([ONE_HOT, ONE_HOT[:1]]) @ turn, [*labels, 2.0]), sgd)
            )
        )
        == 2
    )


@AXES
def test_momentum_keeps_the_blocks(turn):
    sgd, one = SGD(lr=0.5, momentum=0.9), from_data([[1.0], [0], [0]], [1.0, 2, 3])
    problem = from_data(np.eye(3) @ turn, [1.0, 2.0, 4.0])
    found, rho = linsgd.tail_exponent(problem, sgd), linsgd.lyapunov_exponent(one, sgd)
    assert found.status == "degenerate"  # rows of different blocks are fitted exactly
    assert found.lyapunov == pytest.approx(rho.value, abs=rho.upper - rho.lower)
    second = linsgd.spectral_function(problem, sgd, 2.0, method="projective_line")
    exact = log_even_moment(sgd, *data_curvatures(np.eye(3), 1, True), 2)
    assert second.lower <= math.exp(exact) <= second.upper < second.lower * (1 + 1e-8)


@AXES
def test_the_heaviest_block_decides(turn):
    problem, sgd = from_data(PAIRS @ turn, LABELS), SGD(lr=0.6)
    alpha = brentq(
        lambda s: 0.4**s + 1.4**s - 2, 0.5, 5
    )  # of the first block: two other samples in three leave it
    found = linsgd.tail_exponent(problem, sgd)
    assert (found.status, found.method, found.guarantee) == ("power_law", "scalar", "numerical")
    assert found.value == pytest.approx(alpha, rel=1e-11)
    assert found.lower <= alpha <= found.upper
    growth = [
        sum(math.log(abs(1 - 0.6 * x * x)) for x in pair) / 6
        for pair in ((1, 2), (1, 1.8), (1, 1.7))
    ]
    assert linsgd.lyapunov_exponent(problem, sgd).value == pytest.approx(max(growth), rel=1e-12)
    fitted = np.array(
        [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]
    )  # the first block leaves no residual: W is a point there
    other = linsgd.tail_exponent(from_data(PAIRS @ turn, fitted), sgd)
    assert (other.status, other.value) == ("light", math.inf)
    lost = linsgd.tail_exponent(from_data(PAIRS @ turn, LABELS), dataclasses.replace(sgd, lr=1.3))
    assert lost.status == "no_stationary_law"
    assert lost.lyapunov == pytest.approx((math.log(0.3) + math.log(4.2)) / 6, rel=1e-12)


@AXES
def test_blocks_of_several_dimensions_are_solved_as_such(turn):
    problem, sgd = from_data(PLANES @ turn, LABELS[:5]), SGD(lr=1.3, batch_size=2)
    exact = math.exp(log_even_moment(sgd, *data_curvatures(PLANES, 2, True), 2))
    found = linsgd.spectral_function(problem, sgd, 2.0)
    assert found.value == pytest.approx(exact, abs=1e-9)
    assert found.lower <= exact <= found.upper
    assert linsgd.tail_exponent(problem, sgd).method in ("projective_line", "scalar")


@pytest.mark.parametrize("b", [1, 2, 5])
def test_two_equal_signs_are_one_feature(b):
    for lr in (0.3, 1.3, 1.9):
        assert linsgd.lyapunov_exponent(SIGNS, SGD(lr=lr, batch_size=b)).value == pytest.approx(
            sign_growth(lr, b), rel=1e-10, abs=1e-13
        )


def test_the_threshold_of_two_equal_signs():
    root = brentq(lambda lr: sign_growth(lr, 2), 1.5, 1.8)
    found = linsgd.stability(SIGNS, SGD(lr=1.0, batch_size=2)).lr_almost_sure
    assert found.lower < root < found.upper < found.lower * (1 + 1e-7)
    below = linsgd.tail_exponent(SIGNS, SGD(lr=1.656, batch_size=2))
    assert (str(below.status), below.lyapunov) == (
        "power_law",
        pytest.approx(sign_growth(1.656, 2), rel=1e-9),
    )


def test_two_equal_signs_with_momentum():
    x = np.array([[1.0, 1.0], [1.0, -1.0]])
    for sgd in (SGD(lr=0.1, momentum=0.9), SGD(lr=0.1, momentum=0.9, nesterov=True, batch_size=3)):
        found = linsgd.spectral_function(SIGNS, sgd, 2.0)
        exact = math.exp(log_even_moment(sgd, *data_curvatures(x, sgd.batch_size, True), 2))
        assert found.lower <= exact <= found.upper < found.lower * (1 + 1e-8)


@pytest.mark.parametrize(
    ("problem", "lr"),
    [(SIGNS, 1.0), (from_data(np.eye(3), [1.0, 2.0, 1.0]), 2.0)],
    ids=["signs", "one-hot"],
)
def test_reflections_neither_shrink_nor_grow(problem, lr):
    rho = linsgd.lyapunov_exponent(problem, SGD(lr=lr))
    assert rho.lower < 0 < rho.upper < 1e-12
    found = linsgd.tail_exponent(problem, SGD(lr=lr))
    assert (str(found.status), found.lower) == ("unresolved", 0.0)


def test_reflections_that_no_axes_split_neither_shrink_nor_grow():
    problem = linsgd.LinearRegression.from_features(linsgd.RademacherFeatures([1.0, 0.5, 0.5]))
    rho = linsgd.lyapunov_exponent(problem, SGD(lr=1.0))  # by particles: lr |x|^2 = 2
    assert rho.method == "particles"
    assert rho.lower < 0 < rho.upper < 1e-13


@AXES
@pytest.mark.parametrize(
    ("tilt", "status"), [(1e-3, "ok"), (1e-9, "unresolved"), (1e-11, "unresolved")]
)
def test_what_mixes_too_slowly_is_not_sampled(turn, tilt, status):
    # particles that hardly mix are biased upwards, as by 0.003 at 1e-11
    tilted = ONE_HOT + tilt * np.random.default_rng(5).standard_normal((6, 3))
    rho = linsgd.lyapunov_exponent(from_data(tilted @ turn, LABELS), SGD(lr=0.5))
    second = linsgd.spectral_function(from_data(tilted @ turn, LABELS), SGD(lr=0.5), 2.0).value
    assert rho.status == status
    assert rho.upper <= math.log(second) / 2 + 1e-9
