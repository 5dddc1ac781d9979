r"""Exponents of the risk in the steps on infinite power laws.

With h_j = j^-a and w*_j = j^-c what the start leaves falls as k^-(2 c + a - 1)/a, and what the
risk's own noise feeds as k^-(2 - 1/a): the slower one shows, where the noise is not too weak.
Label noise would keep the risk from falling at a constant learning rate. Halved every n steps, the
learning rate averages it over n steps: n^(1/a) modes are learned, each with a variance of 1/n.
"""

import numpy as np
import sympy

from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.paper import DATA, PHASES, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.symbolic.symbols import k
from linsgd.theory.risk.risk_curve import risk_curve

FORGOTTEN = ((1.5, 0.3), (2.0, 0.5), (3.0, 0.2))  # (a, c) with 2 c < a
FED = ((1.5, 1.5), (2.0, 2.0), (3.0, 2.5))  # (a, c) with 2 c > a
DECAYED = (1.5, 3.0)  # a
STAGES = (12, 16, 20)  # log2 n
HUNDREDTH = "0.01, the accuracy to which exponents are measured"

a, c = sympy.symbols("a c", positive=True)
R = sympy.Function("R")
n = sympy.Symbol("n", positive=True)
PER_STAGE = sympy.Limit(sympy.log(R(n)) / sympy.log(n), n, sympy.oo)
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


@risk_curves.claim(on="law", core=False)
def label_noise_keeps_the_exponent_under_geometric_decay(named: NamedProblem) -> Draft:
    """Enclose the exponent in the steps n of a stage, with lr halved from stage to stage."""
    predicted = np.array([-(exponent - 1) / exponent for exponent in DECAYED])
    return Draft(
        statement=(
            "With lr halved every n steps, log2 n times, the risk on an infinite power law falls "
            "as n^-(exponent - 1)/exponent at a source of 0, in spite of the label noise: its "
            "variance falls at the rate at which the start is forgotten."
        ),
        source=Source.RECONSTRUCTED,
        citation=DATA,
        formula=sympy.Eq(PER_STAGE, -(a - 1) / a),
        regime=(
            "infinitely many modes, source 0, noise_std 1, lr 0.3, batch 2, n from 2^12 to 2^20; "
            "exact"
        ),
        components=tuple(f"exponent at a = {x:g}" for x in DECAYED),
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, 0.01, HUNDREDTH),
        mutants={
            "label noise keeps the risk from falling": np.zeros(len(DECAYED)),
            "1/n, as with finitely many features": np.full(len(DECAYED), -1.0),
        },
        evidence=Enclosure(enclose=_decayed_exponents),
    )


def _decayed_exponents() -> tuple[FloatArray, FloatArray]:
    """Enclose the exponents by their change from the smaller two n to the larger two."""
    ends = []
    for exponent in DECAYED:
        law = PowerLaw(exponent=exponent, source=0.0, noise_std=1.0)
        logs = []
        for stages in STAGES:
            steps, halved = stages * 2**stages, Schedule.step(2**stages, 0.5)
            curve = risk_curve(law, SGD(lr=0.3, batch_size=2), [steps], halved)
            logs.append(np.log2(curve.excess_risk[0]))
        early, late = np.diff(logs) / np.diff(STAGES)
        half = 2 * abs(late - early)
        ends.append((late - half, late + half))
    lower, upper = np.array(ends).T
    return lower, upper


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
