"""Results are frozen, print their numbers with errors, and come back from JSON as they were."""

import json
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from linsgd.domains import FloatArray, IntArray
from linsgd.result import Result, Status, environment, rounded, summary


class Weather(Status):
    SUN = "sun"
    RAIN = "rain"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Inner(Result):
    value: float
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Outer(Result):
    status: Weather
    matrix: FloatArray
    steps: IntArray | None
    inner: Inner
    several: tuple[Inner, ...]
    pair: tuple[int, float]
    name: str | None
    table: Mapping[str, float]
    flag: bool


any_float = st.floats(allow_nan=True)


@st.composite
def outers(draw):
    return Outer(
        status=draw(st.sampled_from(Weather)),
        matrix=draw(npst.arrays(np.float64, npst.array_shapes(max_dims=2), elements=any_float)),
        steps=draw(st.none() | st.just(np.array([1, 2**62]))),
        inner=Inner(value=draw(any_float)),
        several=tuple(Inner(value=draw(any_float)) for _ in range(draw(st.integers(0, 2)))),
        pair=(draw(st.integers()), draw(any_float)),
        name=draw(st.none() | st.text()),
        table=draw(st.dictionaries(st.text(max_size=3), any_float, max_size=2)),
        flag=draw(st.booleans()),
    )


@given(outers())
def test_a_result_comes_back_from_strict_json(result):
    text = json.dumps(result.to_dict(), allow_nan=False)
    again = Outer.from_dict(json.loads(text))
    assert json.dumps(again.to_dict(), allow_nan=False) == text
    np.testing.assert_array_equal(again.matrix, result.matrix)
    assert again.matrix.dtype == result.matrix.dtype
    assert again.status is result.status
    assert (again.steps is None) == (result.steps is None)
    assert math.isnan(again.inner.value) == math.isnan(result.inner.value)
    assert isinstance(again.pair[1], float)


def sunny(**changes):
    values = {
        "status": Weather.SUN,
        "matrix": np.eye(2),
        "steps": None,
        "inner": Inner(value=1.5),
        "several": (),
        "pair": (1, 2.0),
        "name": "x",
        "table": {},
        "flag": True,
    }
    return Outer(**{**values, **changes})


@pytest.mark.parametrize("change", [{"type": "Inner"}, {"schema": 0}, {"schema": None}])
def test_another_type_or_schema_is_refused(change):
    with pytest.raises(ValueError, match="type 'Outer', schema 2"):
        Outer.from_dict({**sunny().to_dict(), **change})


def test_results_are_frozen_slotted_and_read_only():
    matrix = np.eye(2)
    result = sunny(matrix=matrix)
    with pytest.raises(AttributeError):
        result.flag = False
    assert not hasattr(result, "__dict__")
    with pytest.raises(ValueError, match="read-only"):
        result.matrix[0, 0] = 3.0
    matrix[0, 0] = 3.0  # the caller's own array stays writable


def test_results_pickle():
    again = pickle.loads(pickle.dumps(sunny()))
    assert again.to_dict() == sunny().to_dict()


def test_provenance_names_the_versions():
    assert {"python", "machine", "system", "linsgd", "numpy", "numba"} <= environment().keys()
    assert sunny().provenance == environment()


def test_the_printed_forms_show_fields_and_escape():
    result = sunny(name="<b>", matrix=np.arange(12.0).reshape(3, 4))
    assert repr(result).startswith("Outer\n  status   sun")
    assert "matrix   3 x 4 numbers: 0 to 11" in repr(result)
    assert "inner    value 1.5" in repr(result)
    assert "steps" not in repr(result), "a field that is None is left out"
    assert "provenance" not in repr(result)
    assert "<td>&lt;b&gt;</td>" in result._repr_html_()


def test_infinite_numbers_are_counted_beside_the_range_of_the_others():
    values = np.array([np.inf] * 7 + [0.0])
    assert summary(values) == "8 numbers: 0 to 0, 7 inf"
    assert summary(np.array([np.nan, -np.inf] * 4)) == "8 numbers: 4 -inf, 4 nan"
    assert summary(np.array(["under"] * 6 + ["over"])) == "7 values: 1 over, 6 under"


def test_results_compare_by_value_and_not_by_provenance():
    assert sunny() == sunny(provenance={"machine": "another"})
    assert hash(sunny()) == hash(sunny(provenance={}))
    assert sunny(pair=(1, math.nan)) == sunny(pair=(1, math.nan))
    assert sunny() != sunny(matrix=np.eye(2) + 1e-15)
    assert Inner(value=1.5) != sunny()


def test_provenance_is_written_once_and_given_to_nested_results():
    document = sunny(provenance={"machine": "mine"}).to_dict()
    assert document["inner"] == {"type": "Inner", "value": 1.5}
    assert Outer.from_dict(document).inner.provenance == {"machine": "mine"}


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.0, 0.0996, "1.000 ± 0.100"),
        (-2.5, 0.25, "-2.50 ± 0.25"),
        (1e-9, 2.3e-11, "(1.000 ± 0.023)e-09"),
        (0.0, 1e-15, "(0.0 ± 1.0)e-15"),
        (3.47e140, 4e139, "(3.47 ± 0.40)e+140"),
        (5e-324, 5e-324, "4.94065645841e-324 ± 4.9e-324"),
        (1.5, 1e-14, "1.5 ± 1.0e-14"),
        (math.nan, 0.1, "nan"),
        (3.0, math.inf, "3 ± inf"),
        (-math.inf, 0.0, "-inf"),
    ],
)
def test_value_and_error_are_rounded_together(value, error, text):
    assert rounded(value, error) == text
