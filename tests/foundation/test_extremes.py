"""Within the domains, however extreme, predictions carry a status: no warning, no nan called ok."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import linsgd
from linsgd import SGD, LinearRegression

magnitudes = st.floats(-75, 75).map(lambda exponent: 10.0**exponent)
settings = st.tuples(
    st.builds(
        LinearRegression.gaussian,
        st.lists(magnitudes, min_size=1, max_size=3),
        noise_std=magnitudes,
    ),
    st.builds(
        SGD,
        lr=magnitudes,
        batch_size=st.integers(1, 10**9),
        momentum=st.floats(0, 0.999),
        weight_decay=magnitudes | st.just(0.0),
    ),
)
NUMBERS = ("mean", "position_variance", "velocity_variance", "excess_loss", "excess_risk")


@given(settings)
def test_a_stationary_law_that_is_ok_has_numbers(setting):
    law = linsgd.stationary_moments(*setting)
    if law.status == "ok":
        assert not any(np.isnan(getattr(law, name)).any() for name in NUMBERS)


@given(settings)
def test_thresholds_are_numbers(setting):
    edges = linsgd.stability(*setting)
    assert edges.lr_mean >= edges.lr_mean_square >= 0


@given(st.integers(-248, 246))
def test_thresholds_of_data_scale_with_their_units(exponent):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3)), rng.normal(size=6)
    sgd = SGD(lr=1.0, batch_size=2, momentum=0.5)
    plain = linsgd.stability(LinearRegression.from_data(X, y), sgd)
    scaled = linsgd.stability(LinearRegression.from_data(np.ldexp(X, exponent), y), sgd)
    for name in ("lr_mean", "lr_mean_square"):
        found = np.ldexp(getattr(scaled, name), 2 * exponent)
        np.testing.assert_allclose(found, getattr(plain, name), rtol=1e-12)


@pytest.mark.parametrize("sampling", ["independent", "epoch"])
def test_one_row_has_no_variance(sampling):
    problem = LinearRegression.from_data([[1.4, 1.4]], [0.7])
    sgd = SGD(lr=0.1, replacement=False, sampling=sampling)
    law = linsgd.stationary_moments(problem, sgd)
    assert law.status == "null_space"
    assert (law.position_variance == 0).all()
    assert (law.velocity_variance == 0).all()
