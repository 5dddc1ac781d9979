"""`import linsgd` is light: it loads neither what only simulation, derivation or figures need nor any extra."""

import subprocess
import sys

HEAVY = {
    "numba",
    "scipy",
    "sympy",
    "matplotlib",
    "jinja2",
    "tqdm",
    "sklearn",
    "dask",
    "distributed",
    "torch",
    "hypothesis",
}


def loaded_after(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_loads_nothing_heavy():
    assert not loaded_after("import linsgd") & HEAVY


def test_naming_a_problem_and_an_optimizer_loads_nothing_heavy():
    assert not loaded_after("import linsgd; linsgd.LinearRegression, linsgd.SGD") & HEAVY


def test_the_check_sees_a_heavy_module():
    assert loaded_after("import scipy") & HEAVY == {"scipy"}
