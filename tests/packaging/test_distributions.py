"""The wheel holds the whole package, the source distribution also what its tests read."""

import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILED = {".pyc", ".nbi", ".nbc"}


@pytest.fixture
def build(monkeypatch):
    build = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    return build


@pytest.fixture
def wheel(build, tmp_path):
    return set(zipfile.ZipFile(tmp_path / build.build_wheel(str(tmp_path))).namelist())


def files(folder: str) -> set[str]:
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.suffix not in COMPILED and "__pycache__" not in path.parts
    }


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    expected = {name.removeprefix("src/") for name in files("src/linsgd")}
    assert {name for name in wheel if name.startswith("linsgd/")} == expected


def test_the_types_and_the_public_names_are_in_the_wheel(wheel):
    assert {"linsgd/py.typed", "linsgd/__init__.pyi"} <= wheel


def test_the_source_distribution_holds_the_package_its_tests_and_what_they_read(build, tmp_path):
    with tarfile.open(tmp_path / build.build_sdist(str(tmp_path))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    read_by_tests = {"validation/calibration.py", "validation/calibration.json"}
    read_by_tests |= {"validation/tail_index.py", "validation/tail_index.json"}
    read_by_tests |= {"README.md", "CITATION.cff", "pyproject.toml", "docs/verdicts.md"}
    assert files("src/linsgd") | files("tests") | read_by_tests <= names
