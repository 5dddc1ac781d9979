r"""Tail exponents of learning rates that vary; computed.

With h(s; lr) = E|A|^s at each learning rate the exponent is where prod_i h(s; lr_i) = 1 (in turn),
mean_i h(s; lr_i) = 1 (drawn at random), or the spectral radius of P diag h(s; lr_i) is 1 (a Markov
chain of transition matrix P). The measurement integrates h and finds these roots independently of
the prediction.
"""

import numpy as np
import sympy

from linsgd.claims.hodgkinson_mahoney_2021.chi_moments import Step, bounded_root
from linsgd.claims.hodgkinson_mahoney_2021.one_feature import ONE_FEATURE, Bounds, alpha_of
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.theory.tails.isotropic.schedules import schedule_exponent

LOW, HIGH = 0.3, 0.5
STAY = 0.9

constant, cyclic, independent, sticky = sympy.symbols(
    "alpha_constant alpha_cyclic alpha_independent alpha_sticky"
)


@hodgkinson_mahoney.claim(on="law")
def varying_steps_make_tails_heavier(named: NamedProblem) -> Draft:
    """Exponents of a constant lr and of two rates in turn, at random and from a Markov chain."""
    mean = (LOW + HIGH) / 2
    kernel = [[STAY, 1 - STAY], [1 - STAY, STAY]]
    varied = [
        schedule_exponent(
            ONE_FEATURE, SGD(lr=mean), [LOW, HIGH], order, kernel if order == "markov" else None
        ).value
        for order in ("cyclic", "independent", "markov")
    ]
    predicted = np.array([alpha_of(lr=mean), *varied])
    return Draft(
        statement=(
            f"The tail is heavier if the learning rates {LOW:g} and {HIGH:g} alternate than if "
            "their mean is used at every step, heavier still if they are drawn at random, and "
            "heaviest if they follow a Markov chain that mostly stays."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.And(
            sympy.Gt(constant, cyclic), sympy.Gt(cyclic, independent), sympy.Gt(independent, sticky)
        ),
        regime=(
            "one Gaussian feature of variance 1, batch 1; the Markov chain stays with probability "
            f"{STAY:g}; no simulation"
        ),
        components=tuple(
            f"alpha, {name}" for name in ("constant", "in turn", "at random", "sticky chain")
        ),
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, 0.01, "a seventeenth of the smallest difference"),
        mutants={
            "the exponent of the mean learning rate": np.full(4, predicted[0]),
            "the order of the rates has no effect": predicted[[0, 2, 2, 2]],
            "alternating rates have the heaviest tail": predicted[[0, 3, 2, 1]],
            "the exponent of the larger rate": np.array([predicted[0], *[alpha_of(lr=HIGH)] * 3]),
        },
        evidence=Enclosure(enclose=_exponents),
    )


def _log_moments(s: float) -> FloatArray:
    return np.array([Step(lr).log_moment(s) for lr in (LOW, HIGH)])


def _sticky_growth(s: float) -> float:
    """Return the log of the spectral radius, of a symmetric 2 x 2 chain in closed form."""
    low, high = np.exp(_log_moments(s))
    trace, determinant = STAY * (low + high), (2 * STAY - 1) * low * high
    return float(np.log((trace + np.sqrt(trace**2 - 4 * determinant)) / 2))


def _exponents() -> Bounds:
    bounds = np.array(
        [
            Step((LOW + HIGH) / 2).exponent(),
            bounded_root(lambda s: float(_log_moments(s).mean())),
            bounded_root(lambda s: float(np.log(np.exp(_log_moments(s)).mean()))),
            bounded_root(_sticky_growth),
        ]
    )
    return bounds[:, 0], bounds[:, 1]
