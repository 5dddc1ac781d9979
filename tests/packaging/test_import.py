"""`import linsgd` is light, its public names need no extra, and what is inside stays inside."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import linsgd

EXTRAS = {"sklearn", "dask", "distributed", "flint", "torch", "hypothesis", "xarray"}
HEAVY = EXTRAS | {"numba", "scipy", "sympy", "matplotlib", "jinja2", "tqdm"}

WITHOUT_EXTRAS = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in {EXTRAS}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
"""


def output_of(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout


def loaded_after(statement: str) -> set[str]:
    return set(
        output_of(
            f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
        ).split()
    )


def test_import_loads_nothing_heavy():
    assert not loaded_after("import linsgd") & HEAVY


def test_naming_a_problem_and_an_optimizer_loads_nothing_heavy():
    assert not loaded_after("import linsgd; linsgd.LinearRegression, linsgd.SGD") & HEAVY


def test_the_check_sees_a_heavy_module():
    assert loaded_after("import scipy") & HEAVY == {"scipy"}


def test_every_public_name_is_there_without_any_extra():
    named = "print(*[name for name in linsgd.__all__ if getattr(linsgd, name)])"
    names = output_of(f"{WITHOUT_EXTRAS}\nimport linsgd\n{named}")
    assert {"LinearRegression", "SGD", "simulate", "stationary_moments", "validate"} <= set(
        names.split()
    )


def test_networks_without_torch_say_what_to_install():
    program = f"{WITHOUT_EXTRAS}\nimport linsgd\ntry:\n    linsgd.deep.PhaseSpaceRecorder"
    told = output_of(f"{program}\nexcept ModuleNotFoundError as error:\n    print(error)")
    assert told == "linsgd.deep needs PyTorch: pip install 'linsgd[deep]'\n"


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_the_check_of_extras_sees_one(extra):
    with pytest.raises(subprocess.CalledProcessError):
        output_of(f"{WITHOUT_EXTRAS}\nimport {extra}")


def test_the_version_is_that_of_the_citation():
    citation = (Path(__file__).parents[2] / "CITATION.cff").read_text()
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == linsgd.__version__


@pytest.mark.cases(3)
@pytest.mark.parametrize(
    "name", ["campaigns", "claims", "deep", "estimate", "judge", "plot", "symbolic", "testing"]
)
def test_a_submodule_is_an_attribute_that_was_not_imported_before(name):
    assert output_of(f"import linsgd; print(linsgd.{name}.__name__)") == f"linsgd.{name}\n"


def test_helpers_are_not_offered():
    assert not {"domains", "jit", "blocks", "result"} & set(dir(linsgd))
    assert not {"np", "Any"} & set(linsgd.__all__)


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    ("function", "module"),
    [
        ("linsgd.compare", "linsgd.compare.comparison"),
        ("linsgd.judge.judge", "linsgd.judge.judge"),
    ],
)
def test_a_function_stays_in_front_of_a_module_of_its_name(function, module):
    program = f"import linsgd, {module}; print(callable({function}), callable({function}))"
    assert output_of(program) == "True True\n"
