"""Reports with every kind of verdict, made by hand from the judge's own types."""

import math

import pytest
import sympy

from linsgd.judge.statement import Holds, Statement
from linsgd.judge.verdict import Component, Kind, Mutant, Outcome, Verdict
from linsgd.report.record import Report

ETA, BETA, H, SIGMA, BATCH = sympy.symbols("eta beta h_i sigma b", positive=True)
FORMULA = sympy.Eq(
    sympy.Symbol("Var[w_i]"),
    ETA * SIGMA**2 / (BATCH * (1 - BETA) * (2 - ETA * H / (1 + BETA))),
    evaluate=False,
)
PRINTED = sympy.latex(FORMULA), sympy.mathml(FORMULA, printer="presentation")


def component(name="E w²", prediction=2.0, half=0.04, estimate=2.01, width=0.01, **changes):
    values = {
        "name": name,
        "prediction": prediction,
        "acceptance_lower": prediction - half,
        "acceptance_upper": prediction + half,
        "estimate": estimate,
        "lower": estimate - width,
        "upper": estimate + width,
    }
    return Component(**{**values, **changes})


def verdict(**changes):
    formula, mathml = PRINTED
    values = {
        "id": "kunin_2024/stationary_position_variance",
        "paper": "kunin_2024",
        "kind": Kind.SIMULATION,
        "problem": "gaussian",
        "statement": (
            "The stationary variance of the position along an eigenvector "
            "follows the discrete-time law."
        ),
        "citation": "Kunin et al., The limiting dynamics of SGD, Neural Computation, 2024",
        "source": "the paper's statement as read",
        "formula": formula,
        "formula_mathml": mathml,
        "regime": (
            "d = 4, lr = 0.1, momentum = 0.9, batch 4, 400 steps; block means, "
            "whose third moment is finite"
        ),
        "reason": (
            "2 %: a tenth of what separates the discrete law from its diffusion "
            "limit at this learning rate."
        ),
        "alpha": 1e-5,
        "chains": 32768,
        "looks": 2,
        "outcome": Outcome.CONFIRMED,
        "components": (component(),),
        "mutants": (
            Mutant(name="a factor 2 lost", prediction=(1.0,), killed=True),
            Mutant(name="the diffusion limit", prediction=(2.11,), killed=True),
        ),
        "margin": 0.5,
        "command": (
            "linsgd validate --claim kunin_2024/stationary_position_variance "
            "--problem gaussian --seed 0"
        ),
    }
    return Verdict(**{**values, **changes})


def statement(**changes):
    values = {
        "paper": "kunin_2024",
        "text": "Positions and velocities have the variances of a Langevin equation.",
        "source": "reconstructed",
        "holds": Holds.FIRST_ORDER,
        "extent": "within a tenth at a fiftieth of the threshold",
        "claims": (
            "kunin_2024/stationary_position_variance",
            "kunin_2024/velocity_variance",
            "kunin_2024/not_judged",
        ),
    }
    return Statement(**{**values, **changes})


def report(*claims, left_out=None, statements=()):
    return Report(
        claims=claims,
        papers="all",
        effort="quick",
        seed=0,
        data=None,
        left_out=left_out or {},
        statements=statements,
    )


@pytest.fixture
def make_component():
    """Make a component inside its acceptance set, with changes."""
    return component


@pytest.fixture
def make_verdict():
    """Make a confirmed verdict, with changes."""
    return verdict


@pytest.fixture
def make_statement():
    """Make a statement that holds to first order, with changes."""
    return statement


@pytest.fixture
def make_report():
    """Make the report of some verdicts."""
    return report


@pytest.fixture
def every_kind():
    """One claim of each kind and outcome, scalar, vector, half-line and numerical."""
    modes = tuple(
        component(
            f"mode {i}", 10.0**-i, 0.02 * 10.0**-i, (1 + 0.001 * i) * 10.0**-i, 0.004 * 10.0**-i
        )
        for i in range(30)
    )
    beyond = {"acceptance_lower": 1.0, "acceptance_upper": math.inf}
    return report(
        verdict(),
        verdict(
            id="kunin_2024/velocity_variance",
            problem="diabetes",
            components=modes,
            mutants=tuple(
                Mutant(
                    name=name, prediction=tuple(factor * 10.0**-i for i in range(30)), killed=True
                )
                for name, factor in (("a factor 2 lost", 0.5), ("the diffusion limit", 1.055))
            ),
            statement=(
                "The stationary variance of the velocity holds along every "
                "eigenvector of the Hessian at once."
            ),
        ),
        verdict(
            id="kunin_2024/isotropic_velocity",
            outcome=Outcome.REFUTED,
            components=(component(estimate=2.2),),
            margin=-4.25,
            mutants=(Mutant(name="a factor 2 lost", prediction=(4.0,), killed=True),),
        ),
        verdict(
            id="linsgd/growth_beyond_threshold",
            paper="linsgd",
            statement=(
                "Above the mean-square threshold the second moment grows in the first ten steps."
            ),
            outcome=Outcome.UNDECIDED,
            components=(component("E|w_k|² / E|w_0|²", 1.4, estimate=1.05, width=0.08, **beyond),),
            margin=-0.2,
            mutants=(Mutant(name="the mean's threshold", prediction=(0.5,), killed=False),),
        ),
        verdict(
            id="linsgd/order_of_the_langevin_limit",
            paper="linsgd",
            kind=Kind.NUMERICAL,
            source="new here",
            statement="The Langevin limit is of first order in the learning rate.",
            alpha=0.0,
            chains=0,
            looks=0,
            components=(component("order", 1.0, 0.05, 1.0, 1e-4),),
            margin=0.998,
        ),
        statements=(
            statement(),
            statement(holds=Holds.EXACTLY, claims=("kunin_2024/isotropic_velocity",)),
            statement(
                paper="linsgd", holds=Holds.FAILS, claims=("linsgd/growth_beyond_threshold",)
            ),
        ),
    )
