r"""Exponents of the risk in the steps on infinite power laws without label noise.

With h_j = j^-a and w*_j = j^-c what the start leaves falls as k^-(2 c + a - 1)/a, and what the
risk's own noise feeds as k^-(2 - 1/a): the slower one shows, where the noise is not too weak.
"""

import numpy as np
import sympy

from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.paper import PHASES, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.symbolic.symbols import k
from linsgd.theory.risk.risk_curve import risk_curve

FORGOTTEN = ((1.5, 0.3), (2.0, 0.5), (3.0, 0.2))  # (a, c) with 2 c < a
FED = ((1.5, 1.5), (2.0, 2.0), (3.0, 2.5))  # (a, c) with 2 c > a
HUNDREDTH = "0.01, the accuracy to which exponents are measured"

a, c = sympy.symbols("a c", positive=True)
R = sympy.Function("R")
GROWTH = sympy.Limit(sympy.log(R(k)) / sympy.log(k), k, sympy.oo)


@risk_curves.claim(on="law")
def forgetting_sets_the_exponent_of_hard_targets(named: NamedProblem) -> Draft:
    """Enclose the local exponent at far steps where 2 c < a."""
    predicted = np.array(
        [-(2 * source + exponent - 1) / exponent for exponent, source in FORGOTTEN]
    )
    return Draft(
        statement=(
            "On an infinite power law with 2 source < exponent the risk falls as "
            "k^-(2 source + exponent - 1)/exponent: what the start leaves."
        ),
        source=Source.RECONSTRUCTED,
        citation=PHASES,
        formula=sympy.Eq(GROWTH, -(2 * c + a - 1) / a),
        regime="infinitely many modes, lr 0.3, batch 4, no label noise, to 10^12 steps; exact",
        components=tuple(f"exponent at a = {x:g}, c = {y:g}" for x, y in FORGOTTEN),
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, 0.01, HUNDREDTH),
        mutants={
            "the exponent of what the noise feeds": np.array([1 / x - 2 for x, _ in FORGOTTEN]),
            "the source counted once": np.array([-(y + x - 1) / x for x, y in FORGOTTEN]),
        },
        evidence=Enclosure(enclose=lambda: exponents(FORGOTTEN)),
    )


@risk_curves.claim(on="law")
def noise_sets_the_exponent_of_easy_targets(named: NamedProblem) -> Draft:
    """Enclose the local exponent at far steps where 2 c > a."""
    predicted = np.array([1 / exponent - 2 for exponent, _ in FED])
    return Draft(
        statement=(
            "On an infinite power law with 2 source > exponent the risk falls as "
            "k^-(2 - 1/exponent), whatever the source: what the noise of the risk itself feeds."
        ),
        source=Source.RECONSTRUCTED,
        citation=PHASES,
        formula=sympy.Eq(GROWTH, 1 / a - 2),
        regime="infinitely many modes, lr 0.3, batch 4, no label noise, to 10^12 steps; exact",
        components=tuple(f"exponent at a = {x:g}, c = {y:g}" for x, y in FED),
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, 0.01, HUNDREDTH),
        mutants={
            "what the start leaves": np.array([-(2 * y + x - 1) / x for x, y in FED]),
            "k^-1": np.full(len(FED), -1.0),
        },
        evidence=Enclosure(enclose=lambda: exponents(FED)),
    )


def exponents(laws: tuple[tuple[float, float], ...]) -> tuple[FloatArray, FloatArray]:
    """Enclose local exponents by their change from 10^10 to 10^12 steps."""
    steps = [10**9, 10**10, 10**11, 10**12]
    ends = []
    for exponent, source in laws:
        law = PowerLaw(exponent=exponent, source=source)
        log = np.log(risk_curve(law, SGD(lr=0.3, batch_size=4), steps).excess_risk)
        slopes = np.diff(log) / np.log(10)
        half = 2 * abs(slopes[2] - slopes[0]) + 1e-8
        ends.append((slopes[2] - half, slopes[2] + half))
    lower, upper = np.array(ends).T
    return lower, upper
