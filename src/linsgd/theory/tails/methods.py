"""The methods that compute tail numbers, in one table; every choice between them is made here.

A method is a `Method`: its name, the settings that it covers, and the functions that compute the
Lyapunov exponent rho, the logarithm of the spectral function h(s) and the tail exponent alpha. One
that is not in the table can be given to a public function as `method=`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from linsgd import domains
from linsgd.result import Guarantee
from linsgd.theory.tails import constant, replicas
from linsgd.theory.tails.isotropic import certified, mpmath, quadrature
from linsgd.theory.tails.moments import certified as certified_moments
from linsgd.theory.tails.moments import even_moments, gaussian_moments
from linsgd.theory.tails.momentum import transfer_operator
from linsgd.theory.tails.one_feature import scalar
from linsgd.theory.tails.particles import population
from linsgd.theory.tails.plane import projective_line, sampled_line
from linsgd.theory.tails.result import UNKNOWN, Interval
from linsgd.theory.tails.sample_budget import UNLIMITED, BudgetSpentError, SampleBudget
from linsgd.theory.tails.setting import Setting
from linsgd.theory.tails.sphere import sphere_operator

_NARROW = 1e-7  # relative width of bounds that no slower method needs to narrow
_BEYOND = population.LARGEST_ORDER  # lower bound of a number that no fallback resolves


class Number(Protocol):
    """Computes rho or alpha of a setting; samples, if at all, within a budget."""

    def __call__(self, setting: Setting, budget: SampleBudget = UNLIMITED, /) -> Interval:
        """Return the number with its bounds."""


class Spectral(Protocol):
    """Computes log h(s) of a setting; samples, if at all, within a budget."""

    def __call__(self, setting: Setting, s: float, budget: SampleBudget = UNLIMITED, /) -> Interval:
        """Return log h(s) with its bounds."""


class MomentSolver(NamedTuple):
    """Decides whether one moment contracts.

    Attributes
    ----------
    covers : callable
        (setting, order) -> the unmet requirement, or "".
    log_moment : callable
        (setting, order) -> log h(order) with its bounds.
    side : callable
        (setting, order) -> -1 where h(order) < 1 is certain, 1 where h(order) > 1 is, else 0.
    """

    covers: Callable[[Setting, float], str]
    log_moment: Callable[[Setting, float], Interval]
    side: Callable[[Setting, float], int]


def _never(setting: Setting) -> bool:
    return False


def _always(setting: Setting) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Method:
    """A way to compute the numbers of the tail theory.

    Attributes
    ----------
    name : str
        That of the module or folder it lives in, and of `method=`.
    covers : callable
        setting -> the unmet requirement, or "" if the method applies.
    lyapunov, log_spectral, exponent : callable
        (setting, budget) -> rho, (setting, s, budget) -> log h(s), (setting, budget) -> alpha.
    confidence : float or None
        Of its intervals, for a method that samples.
    proves : callable
        setting -> whether the bounds are proved.
    exact_lyapunov : bool
        Whether Jensen's inequality rho <= log h(2) / 2 can add nothing to its bounds on rho.
    fallback : bool
        Whether "auto" tries it where an earlier method does not resolve the number.
    narrowed_by : str
        Name of a slower method that "auto" tries where the bounds of this one are wide.
    rough_lyapunov : callable, optional
        (setting, budget) -> rho without bounds, to search the almost-sure threshold with.
    almost_sure_threshold : callable, optional
        setting -> the step size at which rho = 0, where it is found without that search.
    moments : MomentSolver, optional
        For thresholds of single moments.
    """

    name: str
    covers: Callable[[Setting], str]
    lyapunov: Number
    log_spectral: Spectral
    exponent: Number
    confidence: float | None = None
    proves: Callable[[Setting], bool] = _never
    exact_lyapunov: bool = False
    fallback: bool = False
    narrowed_by: str = ""
    rough_lyapunov: Callable[[Setting, SampleBudget], float] | None = None
    almost_sure_threshold: Callable[[Setting], Interval] | None = None
    moments: MomentSolver | None = None

    def guarantee(self, setting: Setting) -> Guarantee:
        """Return the guarantee of its bounds."""
        if self.confidence is not None:
            return Guarantee.STATISTICAL
        return Guarantee.RIGOROUS if self.proves(setting) else Guarantee.NUMERICAL


def _sign(log_moment: Callable[[Setting, float], Interval]) -> Callable[[Setting, float], int]:
    """Return the side of 1 that the bounds of a logarithm show."""

    def side(setting: Setting, order: float) -> int:
        _, lower, upper = log_moment(setting, order)
        return -1 if upper < 0 else 1 if lower > 0 else 0

    return side


# In the order in which "auto" takes them; `quadrature` precedes the last two wherever they apply.
METHODS = (
    Method(
        name="constant",
        covers=constant.covers,
        lyapunov=constant.lyapunov,
        log_spectral=constant.log_spectral,
        exponent=constant.exponent,
        rough_lyapunov=constant.rough_lyapunov,
    ),
    Method(
        name="quadrature",
        covers=quadrature.covers,
        lyapunov=quadrature.lyapunov,
        log_spectral=quadrature.log_spectral,
        exponent=quadrature.exponent,
        exact_lyapunov=True,
        almost_sure_threshold=quadrature.almost_sure_threshold,
        moments=MomentSolver(
            lambda setting, order: quadrature.covers(setting),
            quadrature.log_spectral,
            _sign(quadrature.log_spectral),
        ),
    ),
    Method(
        name="transfer_operator",
        covers=transfer_operator.covers,
        lyapunov=transfer_operator.lyapunov,
        log_spectral=transfer_operator.log_spectral,
        exponent=transfer_operator.exponent,
        narrowed_by="projective_line",
        rough_lyapunov=transfer_operator.rough_lyapunov,
    ),
    Method(
        name="sphere_operator",
        covers=sphere_operator.covers,
        lyapunov=sphere_operator.lyapunov,
        log_spectral=sphere_operator.log_spectral,
        exponent=sphere_operator.exponent,
        rough_lyapunov=sphere_operator.rough_lyapunov,
    ),
    Method(
        name="scalar",
        covers=scalar.covers,
        lyapunov=scalar.lyapunov,
        log_spectral=scalar.log_spectral,
        exponent=scalar.exponent,
        rough_lyapunov=scalar.rough_lyapunov,
    ),
    Method(
        name="projective_line",
        covers=projective_line.covers,
        lyapunov=projective_line.lyapunov,
        log_spectral=projective_line.log_spectral,
        exponent=projective_line.exponent,
        rough_lyapunov=projective_line.rough_lyapunov,
    ),
    Method(
        name="sampled_line",
        covers=sampled_line.covers,
        lyapunov=sampled_line.lyapunov,
        log_spectral=sampled_line.log_spectral,
        exponent=sampled_line.exponent,
        confidence=replicas.CONFIDENCE,
    ),
    Method(
        name="even_moments",
        covers=even_moments.covers,
        lyapunov=even_moments.lyapunov,
        log_spectral=even_moments.log_spectral,
        exponent=even_moments.exponent,
        proves=lambda setting: not gaussian_moments.covers(setting),
        exact_lyapunov=True,
        fallback=True,
        moments=MomentSolver(
            even_moments.covers_order, even_moments.log_moment, _sign(even_moments.log_moment)
        ),
    ),
    Method(
        name="particles",
        covers=population.covers,
        lyapunov=population.lyapunov,
        log_spectral=population.log_spectral,
        exponent=population.exponent,
        confidence=replicas.CONFIDENCE,
        fallback=True,
        rough_lyapunov=population.rough_lyapunov,
    ),
    Method(
        name="mpmath",
        covers=mpmath.covers,
        lyapunov=mpmath.lyapunov,
        log_spectral=mpmath.log_spectral,
        exponent=mpmath.exponent,
        exact_lyapunov=True,
    ),
    Method(
        name="certified",
        covers=certified.covers,
        lyapunov=certified.lyapunov,
        log_spectral=certified.log_spectral,
        exponent=certified.exponent,
        proves=_always,
        exact_lyapunov=True,
        moments=MomentSolver(
            certified_moments.covers, even_moments.log_moment, certified_moments.side
        ),
    ),
)
NAMES = tuple(method.name for method in METHODS)
# What the argument `method` of the public functions takes besides a `Method`.
MethodName: TypeAlias = Literal[
    "auto",
    "constant",
    "quadrature",
    "transfer_operator",
    "sphere_operator",
    "scalar",
    "projective_line",
    "sampled_line",
    "even_moments",
    "particles",
    "mpmath",
    "certified",
]


class Estimate(NamedTuple):
    """A number and its method; `spent` if the budget ended in one that was tried."""

    bounds: Interval
    method: Method
    spent: bool = False


def named(method: str | Method) -> str | Method:
    """Return `method` if it is "auto", the name of a method, or a method; refuse anything else."""
    if type(method) is Method:
        if method.name in ("auto", *NAMES) and method not in METHODS:
            domains.refuse("method.name", method.name, "a name that no method has, nor 'auto'")
        return method
    return domains.choice("method", method, ("auto", *NAMES))


def first_able(missing: dict[str, str], method: str, case: str) -> str:
    """Return the name of a method that applies.

    Parameters
    ----------
    missing : dict
        From the name of each method to its unmet requirement, "" if it applies.
    method : str
        "auto" for the first that applies, or a name.
    case : str
        The case that is to be covered, for the error message.

    Raises
    ------
    ValueError
        If the method, or with "auto" any, does not apply; the error lists the requirements.
    """
    able = [name for name, needs in missing.items() if not needs]
    if method == "auto" and able:
        return able[0]
    if method not in able:
        needs = "; ".join(f"{name!r} needs {what}" for name, what in missing.items() if what)
        allowed = ", ".join(map(repr, able)) or "none"
        domains.refuse("method", method, f"{allowed} for {case} ({needs})")
    return method


def choose(setting: Setting, method: str | Method) -> Method:
    """Return the method asked for if it covers the setting, with "auto" the first that does."""
    if isinstance(method, Method):
        first_able({method.name: method.covers(setting)}, method.name, "this setting")
        return method
    missing = {each.name: each.covers(setting) for each in METHODS}
    return by_name(first_able(missing, method, "this setting"))


def by_name(name: str) -> Method:
    """Return the method of this name."""
    return METHODS[NAMES.index(name)]


def narrow(bounds: Interval) -> bool:
    """Return whether the bounds are so narrow that no slower method needs to be tried."""
    return bounds.resolved and bounds.width <= _NARROW * max(abs(bounds.value), 1.0)


def sign_known(bounds: Interval) -> bool:
    """Return whether the bounds show a sign."""
    return bounds.upper < 0 or bounds.lower > 0


def first_resolved(
    setting: Setting,
    method: str | Method,
    number: Callable[[Method], Interval],
    enough: Callable[[Interval], bool] = narrow,
) -> Estimate:
    """Return a number as the first method computes it that resolves it.

    Parameters
    ----------
    setting : Setting
        What it is a number of.
    method : str or Method
        "auto" tries further methods where the first one does not resolve the number, or not
        narrowly; any other is the only one that is tried.
    number : callable
        From a method to the number as it computes it.
    enough : callable
        Whether bounds are narrow enough to stop at; by default relatively 1e-7 apart.

    Returns
    -------
    Estimate
        The number and the method. If none resolves it, the bounds of largest lower end.
    """
    found = [_computed(choose(setting, method), number)]
    if method != "auto":
        return found[0]
    first = found[0].method
    if first.narrowed_by and not enough(found[0].bounds):
        slower = by_name(first.narrowed_by)
        if not slower.covers(setting):
            found.append(_computed(slower, number))
            found.sort(key=lambda estimate: -estimate.bounds.width)
    for further in (each for each in METHODS if each.fallback and each is not first):
        if found[-1].bounds.resolved or found[-1].bounds.lower >= _BEYOND:
            break
        if not further.covers(setting):
            found.append(_computed(further, number))
    if found[-1].bounds.resolved:
        return found[-1]
    best = max(found, key=lambda estimate: estimate.bounds.lower)
    return best._replace(spent=any(estimate.spent for estimate in found))


def _computed(method: Method, number: Callable[[Method], Interval]) -> Estimate:
    """Return the number; where the budget ends first, nothing is known of it."""
    try:
        return Estimate(number(method), method)
    except BudgetSpentError:
        return Estimate(UNKNOWN, method, spent=True)
