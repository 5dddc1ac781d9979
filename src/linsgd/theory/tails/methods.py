"""Who can compute a number of the tail theory, who is asked, and what the answer is worth."""

from collections.abc import Callable
from types import ModuleType

from linsgd import domains
from linsgd.result import Guarantee
from linsgd.theory.tails import constant
from linsgd.theory.tails.isotropic import certified, multiprecision, quadrature
from linsgd.theory.tails.moments import bracket, even_moments
from linsgd.theory.tails.momentum import transfer_operator as phase_space
from linsgd.theory.tails.one_feature import scalar
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.plane import projective_line, sampled_line
from linsgd.theory.tails.result import Interval, width
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere import transfer_operator as sphere

METHODS: dict[str, ModuleType] = {  # in the order in which "auto" takes them
    "constant": constant,
    "quadrature": quadrature,
    "mpmath": multiprecision,
    "certified": certified,
    "transfer_operator": phase_space,
    "sphere_operator": sphere,
    "scalar": scalar,
    "projective_line": projective_line,
    "sampled_line": sampled_line,
    "even_moments": bracket,
    "particles": population,
}
FURTHER = (
    "even_moments",
    "particles",
)  # that "auto" asks where the first method does not resolve a number


SAMPLING = ("sampled_line", "particles")
_WIDE = 1e-7  # bounds of "transfer_operator" that "projective_line" may narrow, relatively


def choose(setting: Setting, method: str) -> str:
    """Return the name of the method that serves: the first that covers the setting, or the one asked for if it does."""
    domains.choice("method", method, ["auto", *METHODS])
    return first_able(
        {name: solver.covers(setting) for name, solver in METHODS.items()}, method, "this setting"
    )


def first_able(missing: dict[str, str], method: str, case: str) -> str:
    """Return the method asked for, or with "auto" the first, that misses nothing, or name those that can serve."""
    able = [name for name, needs in missing.items() if not needs]
    if method == "auto" and able:
        return able[0]
    if method not in able:
        needs = "; ".join(f"{name!r} needs {what}" for name, what in missing.items() if what)
        domains.refuse(
            "method", method, f"{', '.join(map(repr, able)) or 'none'} for {case} ({needs})"
        )
    return method


def sought(
    setting: Setting, method: str, number: Callable[[ModuleType], Interval]
) -> tuple[Interval, str]:
    """Return a number and who found it; where nobody resolves it, the bounds of largest lower end.

    One feature with momentum has two operators: the second, which is slower, is asked where the
    first has wide bounds.
    """
    first = choose(setting, method)
    answers = [(number(METHODS[first]), first)]
    narrows = (
        method == "auto" and first == "transfer_operator" and not projective_line.covers(setting)
    )
    if narrows and width(answers[0][0]) > _WIDE * max(abs(answers[0][0].value), 1.0):
        answers.append((number(projective_line), "projective_line"))
        answers.sort(key=lambda answer: -width(answer[0]))
    for name in FURTHER if method == "auto" else ():
        last, _ = answers[-1]
        if last.value == last.value or last.lower >= population.LARGEST_ORDER:
            break
        if name != first and not METHODS[name].covers(setting):
            answers.append((number(METHODS[name]), name))
    resolved = answers[-1][0].value == answers[-1][0].value
    return answers[-1] if resolved else max(answers, key=lambda answer: answer[0].lower)


def guarantee(setting: Setting, name: str) -> Guarantee:
    """Return what the bounds of a method are worth."""
    if name in SAMPLING:
        return Guarantee.STATISTICAL
    enclosed = name in ("bound", "certified") or (
        name == "even_moments" and not even_moments.covers(setting)
    )
    return Guarantee.RIGOROUS if enclosed else Guarantee.NUMERICAL
