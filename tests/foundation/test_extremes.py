"""Within the domains, however extreme, predictions carry a status: no warning leaks and no nan is called ok."""

import numpy as np
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
