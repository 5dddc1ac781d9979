"""The main job as a call: what it refuses before any work, and that verdicts do not depend on
company or threads.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import linsgd

CLAIM = "linsgd/first_step_is_undampened"
OTHER = "kunin_2024/mean_path"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"papers": 3}, "papers = 3"),
        ({"papers": None}, "papers = None"),
        ({"papers": []}, r"papers = \[\]"),
        ({"papers": ["kunin_2024", "x"]}, "papers = 'x'"),
        ({"papers": "kunin_2024,linsgd"}, "papers = 'kunin_2024,linsgd'"),
        ({"effort": "huge"}, "effort = 'huge'"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 0.5}, "seed = 0.5"),
        ({"problem": 3}, "problem = 3"),
        ({"data": "table.csv"}, "data = 'table.csv'"),
        ({"data": np.eye(2)}, "data = array"),
        ({"data": linsgd.LinearRegression.gaussian([1.0])}, "data = "),
    ],
)
def test_bad_input_is_refused_by_name(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        linsgd.validate(**{"papers": CLAIM, "folder": tmp_path, **arguments})
    assert not list(tmp_path.glob("*.*"))


def test_a_misspelt_keyword_is_a_type_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'paper'"):
        linsgd.validate(paper="all")


def test_a_verdict_is_the_same_alone_in_company_and_on_one_thread():
    settings = {"problem": "gaussian", "seed": 3}
    with ThreadPoolExecutor(1) as executor:
        (alone,) = linsgd.validate(CLAIM, executor=executor, **settings).to_dict()["claims"]
    both = linsgd.validate([OTHER, CLAIM], **settings).to_dict()["claims"]
    assert [claim["id"] for claim in both] == [OTHER, CLAIM]
    assert both[1] == alone


def test_progress_is_told():
    told = []
    linsgd.validate(
        CLAIM, problem="gaussian", progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (1, 1)


def test_another_seed_measures_other_numbers():
    one, other = (
        linsgd.validate(CLAIM, problem="gaussian", seed=seed).claims[0] for seed in (1, 2)
    )
    assert one.components[0].prediction == other.components[0].prediction
    assert one.components[0].estimate != other.components[0].estimate
