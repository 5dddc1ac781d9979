"""`import linsgd` is light, and its public names need no extra."""

import subprocess
import sys

import pytest

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
    names = output_of(
        f"{WITHOUT_EXTRAS}\nimport linsgd\nprint(*[name for name in linsgd.__all__ if getattr(linsgd, name)])"
    )
    assert {"LinearRegression", "SGD", "simulate", "stationary_moments", "validate"} <= set(
        names.split()
    )


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_the_check_of_extras_sees_one(extra):
    with pytest.raises(subprocess.CalledProcessError):
        output_of(f"{WITHOUT_EXTRAS}\nimport {extra}")
