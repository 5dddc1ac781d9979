"""Schedules: torch's own schedulers at every step, and the stretches of equal factors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linsgd import Schedule

torch = pytest.importorskip("torch")
STEPS = 40


def lrs(make):
    """Return the learning rates that torch uses at each step for lr = 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer, torch.optim.lr_scheduler)
    used = []
    for _ in range(STEPS):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return np.array(used)


PAIRS = {
    "constant": (Schedule.constant(), lambda o, s: s.LambdaLR(o, lambda k: 1.0)),
    "warmup": (Schedule.warmup(10, 0.2), lambda o, s: s.LinearLR(o, 0.2, 1.0, 10)),
    "linear": (Schedule.linear(30, 0.1), lambda o, s: s.LinearLR(o, 1.0, 0.1, 30)),
    "cosine": (Schedule.cosine(40, 0.05), lambda o, s: s.CosineAnnealingLR(o, 40, 0.05)),
    "step": (Schedule.step(7, 0.3), lambda o, s: s.StepLR(o, 7, 0.3)),
    "power": (Schedule.power(0.5, 3.0), lambda o, s: s.LambdaLR(o, lambda k: (1 + k / 3) ** -0.5)),
    "then": (
        Schedule.warmup(8, 0.1).then(8, Schedule.cosine(32)),
        lambda o, s: s.SequentialLR(
            o, [s.LinearLR(o, 0.1, 1.0, 8), s.CosineAnnealingLR(o, 32)], [8]
        ),
    ),
    "product": (
        Schedule.step(9, 0.5) * Schedule.linear(20, 0.5),
        lambda o, s: s.LambdaLR(o, lambda k: 0.5 ** (k // 9) * (1 - min(k / 20, 1) / 2)),
    ),
    "wsd": (
        Schedule.wsd(4, 20, 10, 0.2),
        lambda o, s: s.LambdaLR(
            o, lambda k: min(k / 4, 1.0) if k < 24 else 1 - 0.8 * min((k - 24) / 10, 1)
        ),
    ),
    "factors": (
        Schedule.from_factors(np.linspace(1, 2, STEPS)),
        lambda o, s: s.LambdaLR(o, lambda k: 1 + k / (STEPS - 1)),
    ),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize(("schedule", "make"), PAIRS.values(), ids=PAIRS)
def test_factors_are_those_of_torch(schedule, make):
    assert schedule(range(STEPS)) == pytest.approx(lrs(make), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("schedule", [pair[0] for pair in PAIRS.values()], ids=PAIRS)
@pytest.mark.parametrize("stop", [1, 7, STEPS])
def test_stretches_tile_the_steps_and_hold_their_factor(schedule, stop):
    following = 0
    for start, end, factor in schedule.stretches(stop):
        assert start == following < end
        following = end
        if factor is not None:
            assert schedule(range(start, end)) == pytest.approx(np.full(end - start, factor))
    assert following == stop


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_sequences_nest(lengths):
    schedule = Schedule.constant(0.0)
    for i, length in enumerate(lengths):
        schedule = Schedule.constant(float(i + 1)).then(length, schedule)
    expected = np.repeat(np.arange(len(lengths), 0.0, -1), lengths[::-1])
    assert schedule(range(sum(lengths))).tolist() == expected.tolist()


@pytest.mark.parametrize("schedule", [pair[0] for pair in PAIRS.values()], ids=PAIRS)
def test_short_schedules_print_as_code(schedule):
    text = repr(schedule)
    if text.startswith("<"):
        assert "40 factors" in text
    else:
        assert eval(text, {"Schedule": Schedule}) == schedule


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Schedule.cosine(0), "steps = 0"),
        (lambda: Schedule.step(3, 0.0), "gamma = 0.0"),
        (lambda: Schedule.from_factors([1.0, -0.5]), r"factors\[1\] = -0.5"),
        (lambda: Schedule.from_factors([1.0, math.nan]), r"factors\[1\] = nan"),
        (lambda: Schedule.constant().then(3, 0.5), "following = 0.5"),
        (lambda: Schedule.from_factors([1.0])([1]), "steps = 2"),
    ],
)
def test_bad_values_are_refused(make, named):
    with pytest.raises(ValueError, match=named):
        make()
