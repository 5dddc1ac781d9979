r"""Several passes over finite data: the risk on the population, exact for a given data set.

Rows are drawn from a power law once, for good; SGD draws from them with replacement. Its mean and
covariance given the rows are exact, so that the risk on the population is exact as well.
"""

from functools import lru_cache

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.experiment import SGDChains
from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.one_pass import MILD
from linsgd.claims.risk_curves.paper import REUSE, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.observables import Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.theory.moments import moments
from linsgd.theory.risk.risk_curve import risk_curve

LAW = PowerLaw(exponent=1.5, source=0.0, dimension=12, noise_std=0.05)
ROWS, PASSES = 40, 6
OPTIMIZER = SGD(lr=0.25)
R_1, R_p = sympy.symbols("R_1 R_6", positive=True)


@risk_curves.claim(on="law")
def data_reuse_lowers_the_risk(named: NamedProblem) -> Draft:
    """Measure the population risk after six passes over that after one."""
    data = _data()
    one, six = _population_risks(data)
    exact = np.array([six / one])
    accepted = Acceptance.interval(exact, 0.05 * exact, "5 % of the ratio")
    fresh = risk_curve(LAW, OPTIMIZER, [ROWS, PASSES * ROWS]).excess_risk
    return Draft(
        statement=(
            f"On {ROWS} rows of a power law six passes of SGD leave {six / one:.3f} times the "
            "population risk of one pass, as the exact law given the rows predicts: data reuse "
            "helps, though less than fresh samples would."
        ),
        source=Source.RECONSTRUCTED,
        citation=REUSE,
        formula=sympy.Lt(R_p, R_1),
        regime=(
            f"{ROWS} rows of 12 Gaussian features, exponent 1.5, rows drawn with replacement, lr "
            "0.25, batch 1; bounded iterates, skewness of the risk of one chain at most 4"
        ),
        components=("population risk after six passes over that after one",),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "reuse does not help": np.ones(1),
                "rows are as good as fresh samples": np.array([fresh[1] / fresh[0]]),
            },
        ),
        evidence=_risk_of_chains(data, one),
    )


def _risk_of_chains(data: LinearRegression, unit: float) -> Simulation:
    """Return the measurement of the population risk after the last pass, in a unit."""
    spectrum, optimum = LAW.eigenvalues(), LAW.optimum()
    zeros = np.zeros_like(optimum)
    directions = np.vstack([np.eye(len(optimum)), np.zeros((len(optimum), len(optimum)))])
    return Simulation(
        experiment=SGDChains(problem=data, sgd=OPTIMIZER, steps=(PASSES * ROWS,)),
        observable=Quadratic(
            np.concatenate([optimum, zeros]),
            directions,
            directions,
            spectrum[:, None] / (2 * unit),
        ),
        premise=MILD,
    )


@lru_cache(maxsize=1)
def _data() -> LinearRegression:
    rng = np.random.default_rng(20)
    X = rng.normal(size=(ROWS, 12)) * np.sqrt(LAW.eigenvalues())
    return LinearRegression.from_data(X, X @ LAW.optimum() + LAW.noise_std * rng.normal(size=ROWS))


def _population_risks(data: LinearRegression) -> FloatArray:
    """Return the exact population risk after one pass and after six."""
    law = moments(data, OPTIMIZER, [ROWS, PASSES * ROWS])
    variance = np.diagonal(law.position_covariance(), axis1=1, axis2=2)
    second = variance + (law.mean - LAW.optimum()) ** 2
    risks: FloatArray = second @ LAW.eigenvalues() / 2
    return risks
