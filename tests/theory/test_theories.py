"""One table names the theories: the public calls read it, and refuse what is not in it by name."""

import dataclasses
import typing

import numpy as np
import pytest

import linsgd
from linsgd.theory import theories as table
from linsgd.theory.autocorrelation import autocorrelation
from linsgd.theory.discrete import existence as existence_module
from linsgd.theory.oscillation import oscillation
from linsgd.theory.recurrence import recurrence as recurrence_module

PROBLEM = linsgd.LinearRegression.gaussian([1.0, 0.2], optimum=[1.0, -1.0])
SGD = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.5, weight_decay=0.1)
ROWS = linsgd.LinearRegression.from_data(np.vander(np.linspace(0, 1, 12), 3), np.arange(12.0) % 5)
CALLS = {
    "moments": lambda theory: linsgd.moments(PROBLEM, SGD, [1], theory=theory),
    "displacement": lambda theory: linsgd.displacement(PROBLEM, SGD, [1], theory=theory),
    "oscillation": lambda theory: linsgd.oscillation(PROBLEM, SGD, theory),
    "autocorrelation": lambda theory: linsgd.autocorrelation(PROBLEM, SGD, [1], theory),
}


def test_the_annotations_are_the_names_of_the_table():
    assert typing.get_args(table.TheoryName) == tuple(table.THEORIES)
    assert all(theory.name == name for name, theory in table.THEORIES.items())
    assert typing.get_args(table.Question) == tuple(CALLS)
    for call in (oscillation, autocorrelation):
        annotation = typing.get_type_hints(call)["theory"]
        assert typing.get_args(annotation) == linsgd.theories(call.__name__)


@pytest.mark.parametrize("question", CALLS)
def test_a_call_answers_for_the_theories_of_the_table_and_names_them_to_others(question):
    known = linsgd.theories(question)
    for theory in known:
        CALLS[question](theory)
    for other in {*table.THEORIES, "exakt"} - {*known}:
        with pytest.raises(ValueError, match=rf"^theory = '{other}' .* {known[-1]!r}$"):
            CALLS[question](other)


def test_an_unknown_question_is_refused():
    with pytest.raises(ValueError, match=r"^question = 'tails' is outside its domain"):
        linsgd.theories("tails")


class Other(linsgd.SGD):
    """An optimizer that no shipped theory covers."""


def test_a_theory_from_outside_answers_for_what_it_covers_and_for_nothing_else(monkeypatch):
    exact = table.THEORIES["exact"]
    mine = dataclasses.replace(exact, name="mine", oscillation=None, optimizers=(Other,))
    monkeypatch.setitem(table.THEORIES, "mine", mine)
    other = Other(lr=0.1)
    assert linsgd.stationary_moments(PROBLEM, other, theory="mine").status == "ok"
    assert linsgd.theories("oscillation") == ("exact", "langevin")
    with pytest.raises(ValueError, match=r"^theory = 'mine' is outside its domain: one of 'exact'"):
        linsgd.oscillation(PROBLEM, other, "mine")
    with pytest.raises(ValueError, match=r"^sgd = .* exactly of type .*Other$"):
        linsgd.stationary_moments(PROBLEM, SGD, theory="mine")
    with pytest.raises(ValueError, match=r"^sgd = .* exactly of type linsgd\.SGD$"):
        linsgd.stationary_moments(PROBLEM, other)


def counted(monkeypatch, module, name):
    """Replace a function by itself with a list of its calls."""
    calls, original = [], getattr(module, name)

    def wrapper(*arguments):
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(module, name, wrapper)
    return calls


NESTEROV = linsgd.SGD(lr=0.05, momentum=0.5, nesterov=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda: linsgd.stationary_moments(ROWS, SGD),
        lambda: linsgd.moments(ROWS, SGD, [1, 100]),
        lambda: linsgd.moments(ROWS, SGD, [1, 100], "stationary"),
        lambda: linsgd.displacement(ROWS, SGD, [1, 100]),
        lambda: linsgd.displacement(ROWS, NESTEROV, [1, 100]),
        lambda: linsgd.stationary_moments(ROWS, SGD, "langevin"),
        lambda: linsgd.moments(ROWS, SGD, [1, 100], theory="diffusion"),
    ],
)
def test_a_call_finds_the_spectral_radius_and_the_noise_once(monkeypatch, call):
    radii = counted(monkeypatch, existence_module, "spectral_radius")
    noises = counted(monkeypatch, recurrence_module, "gradient_noise_law")
    call()
    assert (len(radii), len(noises)) == (1, 1)


def test_an_equation_needs_the_exact_law_for_its_status_only(monkeypatch):
    radii = counted(monkeypatch, existence_module, "spectral_radius")
    process, diffusion = linsgd.langevin(ROWS, SGD), linsgd.diffusion(ROWS, SGD)
    process.mean([1, 2])
    process.covariance([1, 2], "stationary")
    process.entropy_production()
    diffusion.covariance([1, 2], "stationary")
    assert not radii
    assert process.status == process.status == "ok"
    assert len(radii) == 1
    assert diffusion.status == "ok"
    assert len(radii) == 2
