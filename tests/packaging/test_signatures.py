"""Public signatures are short, and their choices are the names that the tables hold."""

import inspect
import typing

import pytest

import linsgd
from linsgd.judge import judge as judge_module
from linsgd.montecarlo.walks import engine
from linsgd.optimizers.sgd import Sampling
from linsgd.problems import labels
from linsgd.theory.tails import methods

LONGEST = 600  # characters
FUNCTIONS = [name for name in linsgd.__all__ if inspect.isfunction(getattr(linsgd, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_signature_can_be_read(name):
    assert len(str(inspect.signature(getattr(linsgd, name)))) < LONGEST
    typing.get_type_hints(getattr(linsgd, name))


def test_an_evaluated_annotation_is_longer():
    plain = inspect.signature(linsgd.moments)
    evaluated = inspect.signature(linsgd.moments, eval_str=True)
    assert len(str(evaluated)) > 1.5 * len(str(plain))


def test_choices_are_those_of_the_tables():
    choices = {
        engine.Engine: tuple(engine.ENGINES),
        engine.Precision: tuple(engine.DTYPES),
        methods.MethodName: ("auto", *methods.NAMES),
        labels.NoiseName: tuple(labels.NAMED),
    }
    for alias, names in choices.items():
        assert typing.get_args(alias) == names
    assert typing.get_args(judge_module.__globals__["Effort"]) == ("quick", "full")


@pytest.mark.parametrize("sampling", typing.get_args(Sampling))
def test_the_samplings_are_accepted(sampling):
    assert linsgd.SGD(lr=0.1, sampling=sampling).sampling == sampling


@pytest.mark.parametrize(
    ("function", "argument", "name"),
    [
        ("simulate", "engine", "full"),
        ("simulate", "dtype", "float32"),
        ("tail_exponent", "method", "particles"),
        ("validate", "effort", "quick"),
        ("SGD", "sampling", "epoch"),
    ],
)
def test_a_type_checker_knows_the_choices(function, argument, name):
    called = getattr(linsgd, function)
    hint = typing.get_type_hints(called)[argument]
    literals = [hint, *typing.get_args(hint)]
    assert any(name in typing.get_args(each) for each in literals)
