"""A function of the user is averaged over chains; what is no observable is refused by name."""

import numpy as np
import pytest

import linsgd

PROBLEM = linsgd.LinearRegression.gaussian([[1.0, 0.2], [0.2, 0.5]], optimum=[1.0, -0.5])
SGD = linsgd.SGD(lr=0.1, momentum=0.5)


def run(record, steps=(2, 7), **options):
    return linsgd.simulate(PROBLEM, SGD, steps, **{"chains": 150, **options}, record=record)


def kinetic_energy(w, v):
    return (v**2).sum(axis=1) / 2


def outer(w, v):
    return w[:, :, None] * v[:, None, :]


def test_a_function_is_averaged_under_its_name():
    ensemble = run([kinetic_energy, outer, linsgd.States()])
    w, v = np.split(ensemble.states, 2, axis=-1)
    expected = (v**2).sum(axis=2).mean(axis=1) / 2
    assert np.allclose(ensemble.value("kinetic_energy"), expected, rtol=1e-13)
    assert np.allclose(ensemble.value("outer"), np.einsum("kni,knj->kij", w, v) / 150)
    tiles = [(v[:, i : i + 64] ** 2).sum(axis=2).mean(axis=1) / 2 for i in (0, 64, 128)]
    weights = np.array([64, 64, 22])[:, None]
    error = np.sqrt((weights * (tiles - expected) ** 2).sum(axis=0) / (2 * 150))
    assert np.allclose(ensemble.standard_error("kinetic_energy"), error, rtol=1e-11)


def test_a_single_number_of_steps_gives_a_number():
    assert isinstance(run(kinetic_energy, steps=3).value("kinetic_energy"), float)
    assert run(kinetic_energy).value("kinetic_energy").shape == (2,)


def test_a_lambda_and_a_name_of_ones_own():
    both = [lambda w, v: w[:, 0], linsgd.ChainAverage(lambda w, v: v[:, 0], name="speed")]
    assert set(run(both).values) == {"lambda", "speed"}


def test_an_average_of_a_function_has_an_interval():
    """The exact law, missed with probability 1e-9; twice its value is not held."""
    square = linsgd.ChainAverage(lambda w, v: w[:, 0] ** 2, name="square")
    lower, upper = run(square, steps=20, chains=4096).interval("square", 1 - 1e-9)
    law = linsgd.moments(PROBLEM, SGD, 20)
    exact = law.position_covariance()[0, 0] + law.mean[0] ** 2
    assert lower < exact < upper
    assert not lower < 2 * exact < upper


def test_a_diverged_function_is_a_status():
    ensemble = linsgd.simulate(PROBLEM, linsgd.SGD(lr=100.0), 500, record=kinetic_energy)
    assert ensemble.status == "diverged"


def test_until_waits_for_a_function():
    ensemble = run(kinetic_energy, steps=5, until=0.02, chains=10**6)
    error = ensemble.standard_error("kinetic_energy")
    assert error <= 0.02 * ensemble.value("kinetic_energy")
    assert ensemble.chains < 10**6


@pytest.mark.parametrize(
    ("record", "options", "match"),
    [
        (linsgd.StateMoments, {}, r"^record = 'the class StateMoments' .*StateMoments\(\)$"),
        ([linsgd.States, kinetic_energy], {}, "^record = 'the class States'"),
        ([kinetic_energy, kinetic_energy], {}, "no two of one name"),
        (3, {}, r"^record = 3 .*functions f\(w, v\)"),
        ("moments", {}, "^record = 'moments'"),
        (lambda w, v: 0.0, {}, r"^record = 'lambda that returns shape \(\) for 64 chains'"),
        (lambda w, v: w.mean(axis=0), {}, r"shape \(2,\) for 64 chains"),
        (kinetic_energy, {"checkpoint": "blocks"}, r"^checkpoint = 'blocks'"),
        (linsgd.States(), {"until": 0.1}, r"^until = 0.1"),
        (kinetic_energy, {"progress": True}, r"^progress = True .*a function of two numbers"),
        (kinetic_energy, {"executor": 4}, r"^executor = 4 of type int"),
    ],
)
def test_what_cannot_be_recorded_is_refused(record, options, match):
    with pytest.raises(ValueError, match=match):
        run(record, **options)


def test_the_radial_engine_has_no_positions_to_give_a_function():
    problem = linsgd.LinearRegression.gaussian([1.0, 1.0])
    with pytest.raises(ValueError, match=r"^engine = 'radial'"):
        linsgd.simulate(problem, SGD, 3, record=kinetic_energy, engine="radial")


@pytest.mark.parametrize("arguments", [{"function": 3}, {"function": kinetic_energy, "name": 3}])
def test_a_bad_chain_average_is_refused(arguments):
    with pytest.raises(ValueError, match="is outside its domain"):
        linsgd.ChainAverage(**arguments)
