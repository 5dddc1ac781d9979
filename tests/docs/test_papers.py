"""The pages of the papers name every statement and every claim, with the kept verdicts."""

import importlib.util
import sys
from pathlib import Path

import pytest

from linsgd.claims.registry import NAMED, PAPERS

SOURCE = Path(__file__).parents[2] / "docs" / "papers_page.py"
ALL = {paper.name: paper for paper in (*PAPERS, *NAMED)}


@pytest.fixture(scope="module")
def papers_page():
    specification = importlib.util.spec_from_file_location("papers_page", SOURCE)
    module = importlib.util.module_from_spec(specification)
    sys.modules["papers_page"] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ALL)
def test_each_statement_and_claim_of_a_paper_is_on_its_page(papers_page, name):
    page = papers_page.page(ALL[name], papers_page.kept_verdicts())
    for each in ALL[name].statements:
        assert papers_page.plain(each.text) in page
        assert f"**{each.holds}**" in page
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"`{claim.partition('/')[2]}`" for claim in ALL[name].entries]


def test_a_refuted_claim_contradicts_its_statement(papers_page):
    paper = ALL["kunin_2024"]
    claim = paper.statements[0].claims[0]
    kept = {claim: [{"verdict": "refuted", "problem": "gaussian"}]}
    page = papers_page.page(paper, kept)
    assert page.count("(kept report: contradicted)") == sum(
        claim in each.claims for each in paper.statements
    )
    assert page.count("refuted on gaussian") == 1


def test_the_index_counts_the_statements(papers_page):
    index = papers_page.index(tuple(ALL.values()))
    for paper in ALL.values():
        (row,) = (line for line in index.splitlines() if f"({paper.name}.md)" in line)
        total, *parts, claims = (int(cell) for cell in row.split("|")[2:-1])
        assert total == sum(parts) == len(paper.statements)
        assert claims == len(paper.entries)
