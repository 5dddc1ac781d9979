r"""Averages of the iterates: what they gain over the last iterate, and what they forget."""

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.curves import LAW
from linsgd.claims.risk_curves.one_pass import MILD, PER_STEP, RiskOver, one_pass
from linsgd.claims.risk_curves.paper import EXPONENTIAL, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Simulation, Source
from linsgd.optimizers.averages import ExponentialAverage, IterateAverage, TailAverage
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.symbolic.symbols import b, d, k, sigma
from linsgd.theory.risk.risk_curve import risk_curve

SGD_ = SGD(lr=0.2, batch_size=2)
LAST, FIRST = 48, 16
R_a, R_k, n, delta = sympy.symbols("R_a R_k n delta", positive=True)


@risk_curves.claim(on="law")
def tail_averaging_gain(named: NamedProblem) -> Draft:
    """Measure the risk of the mean of the iterates 16 to 48 over that of the last iterate."""
    average = TailAverage(FIRST)
    last, mean = _last(), _averaged(average)
    independent = last / (LAST - FIRST + 1)
    exact, width = np.array([mean / last]), 0.05 * mean / last
    accepted = Acceptance.interval(exact, width, "5 % of the ratio")
    return Draft(
        statement=(
            f"The mean of the iterates from step {FIRST} to step {LAST} has {mean / last:.3f} "
            "times the risk of the last iterate, as the recursion of the average predicts: far "
            "more than if the iterates were independent."
        ),
        source=Source.NEW,
        formula=sympy.Eq(R_a / R_k, sympy.Float(mean / last, 6), evaluate=False),
        regime=f"16 modes, exponent 1, source 1/2, lr 0.2, batch 2; {PER_STEP}",
        components=("risk of the average over that of the last iterate",),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "no gain": np.ones(1),
                "iterates are independent": np.array([independent / last]),
            },
        ),
        evidence=_measured(average, last),
    )


@risk_curves.claim(on="law")
def exponential_averaging_gain(named: NamedProblem) -> Draft:
    """Measure the risk of an exponential average over that of the last iterate."""
    average = ExponentialAverage(0.9)
    last, mean = _last(), _averaged(average)
    exact, width = np.array([mean / last]), 0.05 * mean / last
    accepted = Acceptance.interval(exact, width, "5 % of the ratio")
    return Draft(
        statement=(
            f"At label noise the exponential average of decay 0.9 has {mean / last:.3f} times the "
            "risk of the last iterate, as the recursion of the average predicts."
        ),
        source=Source.RECONSTRUCTED,
        citation=EXPONENTIAL,
        formula=sympy.Eq(R_a / R_k, sympy.Float(mean / last, 6), evaluate=False),
        regime=f"16 modes, exponent 1, source 1/2, lr 0.2, batch 2; {PER_STEP}",
        components=("risk of the average over that of the last iterate",),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "no gain": np.ones(1),
                "the variance (1 - decay)/(1 + decay) of independent iterates": np.array(
                    [0.1 / 1.9]
                ),
            },
        ),
        evidence=_measured(average, last),
    )


@risk_curves.claim(on="law")
def bias_of_an_exponential_average_decays_exponentially(named: NamedProblem) -> Draft:
    """Compare the halving of one mode's bias under an exponential and under a full average."""
    prediction = np.array([2.0, -2.0])
    return Draft(
        statement=(
            "Without noise the risk of an exponential average falls exponentially in every mode, "
            "at the rate of the slower of the mode and the average, while that of the average from "
            "the beginning falls as k^-2 only."
        ),
        source=Source.PAPER,
        citation=EXPONENTIAL,
        formula=sympy.Eq(R_a, sympy.Order(delta ** (2 * k)), evaluate=False),
        regime="one mode, lr h = 0.02, decay 0.99, batch 10^9, 4000 to 8000 steps; no simulation",
        components=("log risk an exponential average loses, over k log decay", "power of k"),
        prediction=prediction,
        acceptance=Acceptance.interval(prediction, 0.02, "1 % of each exponent"),
        mutants={
            "the square root of the rate": np.array([1.0, -2.0]),
            "a power law for both": np.array([0.0, -2.0]),
            "the average from the beginning falls as 1/k": np.array([2.0, -1.0]),
        },
        evidence=Enclosure(enclose=_bias_exponents),
    )


@risk_curves.claim(on="law")
def averages_reach_the_rate_of_least_squares(named: NamedProblem) -> Draft:
    """Extrapolate n times the risk of a tail average, over sigma^2 d/(2 b)."""
    return Draft(
        statement=(
            "At small learning rates n times the risk of the average of n late iterates tends to "
            "sigma^2 d/(2 b), that of least squares on as many samples, whatever the spectrum and "
            "the learning rate."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(sympy.Limit(n * R_a, n, sympy.oo), sigma**2 * d / (2 * b)),
        regime="8 modes, exponent 1, lr 0.01, batch 4, up to 200,000 iterates; no simulation",
        components=("n R / (sigma^2 d/(2 b))",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.03, "3 %: the feedback of the risk at this lr"),
        mutants={
            "without the factor 1/2": np.full(1, 2.0),
            "the effective dimension sum h/h_1 in place of d": np.array(
                [float(np.sum(1 / np.arange(1, 9)) / 8)]
            ),
        },
        evidence=Enclosure(enclose=_least_squares_rate),
    )


def _last() -> float:
    return float(risk_curve(LAW, SGD_, [LAST]).excess_risk[0])


def _averaged(average: IterateAverage) -> float:
    return float(risk_curve(LAW, SGD_, [LAST], average=average).excess_risk[0])


def _measured(average: IterateAverage, scale: float) -> Simulation:
    """Measure the risk of an average over a scale."""
    steps = np.arange(LAST)
    kept = np.where(steps < average.first, 0.0, average.kept(np.maximum(steps, average.first)))
    return Simulation(
        experiment=one_pass(LAW, SGD_.lr, SGD_.batch_size, (LAST,), kept=kept),
        observable=RiskOver(np.array([scale])),
        premise=MILD,
    )


def _bias_exponents() -> tuple[FloatArray, FloatArray]:
    """Return both exponents from the risks after 4000 and 8000 steps; 1e-6 for rounding."""
    law = PowerLaw(exponent=1.0, source=0.0, dimension=1)
    sgd, decay = SGD(lr=0.02, batch_size=10**9), 0.99
    fall = []
    for average in (ExponentialAverage(decay), TailAverage()):
        risk = risk_curve(law, sgd, [4000, 8000], average=average).excess_risk
        fall.append(float(np.log(risk[1] / risk[0])))
    found = np.array([fall[0] / (4000 * np.log(decay)), fall[1] / np.log(8001 / 4001)])
    return found - 1e-6, found + 1e-6


def _least_squares_rate() -> tuple[FloatArray, FloatArray]:
    """Extrapolate from n and 2 n iterates: the remainder falls as 1/n."""
    size = 8
    law = PowerLaw(exponent=1.0, source=0.0, dimension=size, noise_std=1.0)
    sgd, first = SGD(lr=0.01, batch_size=4), 20_000
    found = []
    for count in (50_000, 100_000, 200_000):
        average, at = TailAverage(first), first + count - 1
        risk = float(risk_curve(law, sgd, [at], average=average).excess_risk[0])
        found.append(count * risk * 2 * sgd.batch_size / size)
    first_guess, second = (2 * found[i + 1] - found[i] for i in (0, 1))
    half = 2 * abs(second - first_guess) + 1e-6
    return np.array([second - half]), np.array([second + half])
