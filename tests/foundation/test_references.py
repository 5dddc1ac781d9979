"""How results, reports and papers are cited."""

import re

import pytest

import linsgd
from linsgd.references import KESTEN_1973, KUNIN_2024, bibliography


def keys(entries):
    return re.findall(r"^@misc\{(\w+),$", entries, re.MULTILINE)


def test_an_entry_has_what_the_publication_has():
    entry = KUNIN_2024.bibtex()
    assert entry.startswith("@misc{kunin2024limiting,\n  author = {Daniel Kunin and Javier")
    assert "  eprint = {2107.09133},\n  archiveprefix = {arXiv},\n}" in entry
    assert "eprint" not in KESTEN_1973.bibtex()
    assert entry.count("{") == entry.count("}")


def test_a_result_is_cited_with_the_papers_behind_it():
    problem, sgd = linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=0.1)
    moments = linsgd.stationary_moments(problem, sgd)
    assert keys(linsgd.citation(moments)) == [
        "linsgd",
        "ziyin2022strength",
        "kunin2024limiting",
    ]
    assert keys(linsgd.citation(linsgd.compare(problem, sgd, chains=64))) == ["linsgd"]


def test_what_is_no_result_is_refused():
    with pytest.raises(ValueError, match="result = 3 of type int is outside its domain"):
        linsgd.citation(3)


def test_a_bibliography_begins_with_the_software():
    assert keys(bibliography([])) == ["linsgd"]
