"""The wheel holds the whole package: types, templates and campaigns too."""

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    build = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    return set(zipfile.ZipFile(tmp_path / build.build_wheel(str(tmp_path))).namelist())


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    source = ROOT / "src"
    files = {path for path in (source / "linsgd").rglob("*") if path.is_file()}
    expected = {
        path.relative_to(source).as_posix()
        for path in files
        if path.suffix not in {".pyc", ".nbi", ".nbc"}
    }
    assert {name for name in wheel if name.startswith("linsgd/")} == expected


def test_the_types_and_the_public_names_are_in_the_wheel(wheel):
    assert {"linsgd/py.typed", "linsgd/__init__.pyi"} <= wheel
