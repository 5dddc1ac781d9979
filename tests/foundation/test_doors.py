"""Every public call refuses a problem or an optimizer that it does not cover, in one sentence.

The calls are read from the package's stub and the lists of its public modules, so that a new one is
tried as soon as it is exported.
"""

import ast
import inspect
import typing
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import find
from hypothesis.strategies import SearchStrategy

import linsgd
from linsgd import SGD, LinearRegression, domains

mpl.use("Agg")


class ClippedSGD(SGD):
    """A subclass: its step may be another one."""


class WarpedRegression(LinearRegression):
    """A subclass: its gradient may be another one."""


class ForeignOptimizer:
    lr, batch_size, momentum, dampening, nesterov, weight_decay = 0.1, 1, 0.0, 0.0, False, 0.0
    replacement, sampling, gradient_weight = True, "independent", 1.0

    def check(self, problem):
        """Agree to everything."""


class ForeignProblem:
    def __getattr__(self, name):
        return getattr(PROBLEM, name)


PROBLEM, OPTIMIZER = LinearRegression.gaussian([1.0, 1.0]), SGD(lr=0.1)
FIELDS = {name: getattr(PROBLEM, name) for name in LinearRegression.__dataclass_fields__}
KINDS = {LinearRegression: PROBLEM, SGD: OPTIMIZER}
# Whatever else a call requires, by the name of the parameter.
OTHERS = {
    "steps": [1, 2],
    "s": 1.0,
    "t": [10.0],
    "thresholds": [10.0],
    "lr": 0.1,
    "lrs": [0.1, 0.2],
    "theory": "langevin",
    "batch_size": 2,
    "w": [0.0, 0.0],
    "mode": 0,
    "regime": "small_step",
    "law": linsgd.GaussianFeatures([1.0]),
    "named": linsgd.claims.gaussian(),
    "noise": linsgd.Stable(1.5),
    "curvature": [1.0],
    "gradient": lambda w: w,
    "right": 1.0,
    "left": -1.0,
    "minima": [-1.0, 1.0],
    "saddles": [0.0],
    "potential": linsgd.potentials.DoubleWell((1.0, 1.0), (-1.0, 1.0)),
    "minimum": -1.0,
    "saddle": 0.0,
    "start": [-1.0],
    "target": [1.0],
    "record": None,
    "epoch": 2,
    "features": 4,
    "dimensions": [4, 8],
    "batch_sizes": [1, 2],
    "optimizer": linsgd.Adam(0.1),
    "gossip": [[1.0]],
    "nodes": 2,
    "local_steps": 2,
    "average": linsgd.TailAverage(),
}
# Where one name means different things in different calls.
OTHERS_OF = {
    "critical_batch_size": {"target": 0.1},
    "deep.predict": {"noise": [1.0]},
    "escape.gibbs_ratio": {"noise": 0.1},
    "escape.kramers": {"noise": 0.1},
    "escape.large_deviation": {"noise": 0.1},
    "random_features_curve": {"law": linsgd.PowerLaw(exponent=1.5, source=0.5, dimension=8)},
    "risk_frontier": {"law": linsgd.PowerLaw(exponent=1.5, source=0.5)},
}
# An instance of each class whose methods take a problem or an optimizer.
OPTIMIZERS = [
    linsgd.Adagrad(0.1),
    linsgd.Adam(0.1),
    linsgd.AdamW(0.1),
    linsgd.ClippedSGD(0.1),
    linsgd.Lion(0.1),
    linsgd.Muon(0.1, shape=(1, 2)),
    linsgd.NAdam(0.1),
    linsgd.NaturalGradient(0.1),
    linsgd.NormalizedSGD(0.1),
    linsgd.RMSprop(0.1),
    linsgd.SAM(0.1),
    linsgd.ScheduleFreeSGD(0.1),
    linsgd.SignSGD(0.1),
    linsgd.StochasticNewton(0.1, 2),
]
INSTANCES = {type(optimizer).__name__: optimizer for optimizer in OPTIMIZERS} | {
    "Atlas": linsgd.atlas(PROBLEM, 0.1),
    "SGD": OPTIMIZER,
    "symbolic.Derivation": linsgd.symbolic.stationary_covariance(),
    "symbolic.Scope": linsgd.symbolic.Scope(),
}
ANYWHERE = {
    "None": None,
    "a string": "sgd",
    "an array": np.ones(2),
    "a class": SGD,
    "a pair": (PROBLEM, OPTIMIZER),
}
WRONG = {
    LinearRegression: ANYWHERE
    | {
        "the optimizer": OPTIMIZER,
        "a foreign problem": ForeignProblem(),
        "a subclass": WarpedRegression(**FIELDS),
        "a feature law": linsgd.GaussianFeatures([1.0]),
    },
    SGD: ANYWHERE
    | {
        "the problem": PROBLEM,
        "a foreign optimizer": ForeignOptimizer(),
        "a subclass": ClippedSGD(lr=0.1),
    },
}


def exported():
    """Yield the names and objects that the stub exports, those of its modules included."""
    stub = ast.parse(Path(linsgd.__file__).with_suffix(".pyi").read_text())
    for line in (node for node in stub.body if isinstance(node, ast.ImportFrom)):
        for alias in line.names:
            thing = getattr(linsgd, alias.asname)
            if alias.asname == "deep" and find_spec("torch") is None:
                continue  # nothing in it can be reached
            if inspect.ismodule(thing):
                public = getattr(thing, "__all__", [n for n in vars(thing) if n[0] != "_"])
                yield from ((f"{alias.asname}.{name}", getattr(thing, name)) for name in public)
            else:
                yield alias.asname, thing


def kinds_of(function):
    """Return which parameters of a function are problems or optimizers, from their annotations."""
    found = {}
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        inside = [parameter.annotation, *typing.get_args(parameter.annotation)]
        for kind, wanted in ((LinearRegression, "problem"), (SGD, "sgd")):
            if kind in inside or (name == wanted and str not in inside):
                found[name] = kind
    return found


def doors():
    """Yield the names and the callables of all public functions and methods that take one."""
    for name, thing in exported():
        if inspect.isclass(thing):
            for method, function in inspect.getmembers(thing, inspect.isfunction):
                ours = method[0] != "_" and function.__module__.startswith("linsgd")
                if ours and kinds_of(function):
                    yield f"{name}.{method}", getattr(INSTANCES[name], method)
        elif inspect.isfunction(thing) and kinds_of(thing):
            yield name, thing


CALLS = dict(doors())
CASES = [
    pytest.param(name, argument, value, id=f"{name}({argument} = {what})")
    for name, call in CALLS.items()
    for argument, kind in kinds_of(call).items()
    for what, value in WRONG[kind].items()
    if value is not inspect.signature(call).parameters[argument].default
]


def given(call_name):
    """Return valid values for what a call requires."""
    call = CALLS[call_name]
    kinds, others = kinds_of(call), OTHERS | OTHERS_OF.get(call_name, {})
    return {
        name: KINDS[kinds[name]] if name in kinds else others[name]
        for name, parameter in inspect.signature(call).parameters.items()
        if parameter.default is parameter.empty or name in kinds
    }


def attempt(call, arguments):
    """Call, and draw from a strategy, which checks its arguments only then."""
    answer = call(**arguments)
    if isinstance(answer, SearchStrategy):
        find(answer, lambda _: True)


@pytest.fixture(autouse=True)
def _no_open_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(("name", "argument", "value"), CASES)
def test_a_call_refuses_what_it_does_not_cover(name, argument, value):
    call = CALLS[name]
    with pytest.raises(ValueError, match=f"^{argument} = .* is outside its domain: ") as refusal:
        attempt(call, given(name) | {argument: value})
    message = str(refusal.value)
    assert f"of type {domains.type_name(type(value))} is outside" in message
    assert domains.type_name(kinds_of(call)[argument]).rpartition(".")[2] in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("name", [n for n, call in CALLS.items() if len(kinds_of(call)) == 2])
def test_swapped_arguments_are_refused(name):
    arguments = given(name)
    arguments["problem"], arguments["sgd"] = arguments["sgd"], arguments["problem"]
    with pytest.raises(ValueError, match=r"^problem = SGD\(.* of type linsgd.SGD is outside"):
        CALLS[name](**arguments)


def test_the_calls_are_found():
    assert {"moments", "simulate", "tail_exponent", "plot.exponent", "SGD.check"} <= CALLS.keys()
    assert kinds_of(linsgd.equivalent) == {"sgd": SGD}


@pytest.mark.parametrize(
    "huge",
    [
        [[1.0]] * 100_000 + [None],
        np.full((1000, 1000), "x"),
        "x" * 10**6,
        10**5000,
        dict.fromkeys(range(10**5)),
    ],
    ids=["a list", "an array", "a string", "an integer", "a mapping"],
)
def test_a_refusal_does_not_repeat_a_huge_argument(huge):
    for call in (LinearRegression.gaussian, linsgd.estimate.tail_index):
        with pytest.raises(ValueError, match="is outside its domain") as refusal:
            call(huge)
        assert len(str(refusal.value)) < 400
