"""Rules of the whole suite: what runs by default, how hard Hypothesis tries, and that CI skips
nothing.

Elsewhere a test whose extra is missing (`pytest.importorskip("torch")`) is skipped. Where the
environment variable CI is set everything is installed, so a skip means that something was not
tested: there it is a failure."""

import os
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# One BLAS thread a worker: pytest-xdist runs as many workers as there are cores, and threads that
# wait for one another make small factorisations 30 times slower. NumPy, which reads this, is
# imported later.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

GOLDEN_RATIO = (5**0.5 - 1) / 2
SOURCE = Path(__file__).parents[1] / "src" / "linsgd"
NEED_TORCH = (SOURCE / "deep", SOURCE / "claims" / "networks" / "training.py")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

settings.register_profile(
    "dev", deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.markexpr:
        config.option.markexpr = "not nightly and not gpu"
    if not IN_CI and find_spec("torch") is None:  # the examples in these modules' docstrings
        config.option.ignore = [*(config.option.ignore or ()), *map(str, NEED_TORCH)]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs the whole of a file, so that its problems and kernels are made once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
    _leave_most_cases_for_the_night(items)


def _leave_most_cases_for_the_night(items: list[pytest.Item]) -> None:
    """Mark all cases of a test but as many as its marker `cases(n)` says as nightly.

    Case i has the key i/golden ratio mod 1; those of the smallest keys stay. They are spread over
    the list and are in step with no factor of a product of parameters.
    """
    families = defaultdict(list)
    for item in items:
        if item.get_closest_marker("cases") is not None:
            families[item.nodeid.partition("[")[0]].append(item)
    for cases in families.values():
        kept = cases[0].get_closest_marker("cases").args[0]
        order = sorted(range(len(cases)), key=lambda i: i * GOLDEN_RATIO % 1)
        for i in order[kept:]:
            cases[i].add_marker(pytest.mark.nightly)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    return _no_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    return _no_skip((yield))


def _no_skip(report):
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI, where nothing may be: {report.longrepr[-1]}"
    return report
