"""README and documentation: examples print what they show, links lead somewhere."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "theories").glob("*.md"))
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"gallery/images/sphx_glr_(\w+)_001\.svg")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|src(?:set)?=\"([^\"]+)\"")


def examples(page: Path) -> str:
    return "\n".join(block for block in PYTHON.findall(page.read_text()) if ">>>" in block)


def failures(source: str) -> tuple[int, str]:
    report: list[str] = []
    test = doctest.DocTestParser().get_doctest(source, {}, "page", None, 0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    return doctest.DocTestRunner(optionflags=flags).run(test, out=report.append).failed, "".join(
        report
    )


@pytest.mark.parametrize(
    "page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem
)
def test_the_examples_print_what_they_show(page):
    failed, report = failures(examples(page))
    assert failed == 0, report


def test_an_example_that_prints_something_else_is_noticed():
    failed, report = failures(">>> 1 + 1\n3\n")
    assert failed == 1
    assert "Expected" in report


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_links_to_files_lead_somewhere(page):
    targets = ["".join(groups) for groups in LINK.findall(page.read_text())]
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not leads_somewhere(page.parent / target)]
    assert not missing


def leads_somewhere(path: Path) -> bool:
    written_by_the_build = ("docs/api", "docs/gallery", "docs/papers")
    whole = path.resolve().as_posix()
    return path.exists() or any(folder in whole for folder in written_by_the_build)


def test_each_picture_of_the_gallery_has_a_script_and_is_shown_on_a_page():
    shown = {
        name
        for page in PAGES
        if page.parent.name == "docs"
        for name in PICTURE.findall(page.read_text())
    }
    assert shown == {script.stem for script in (ROOT / "docs" / "figures").glob("*.py")}
