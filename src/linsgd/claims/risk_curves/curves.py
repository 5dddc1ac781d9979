r"""The exact risk at steps, for constant and scheduled hyperparameters, and on random features."""

from functools import lru_cache

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.one_pass import MILD, PER_STEP, OnePass, RiskOver, one_pass
from linsgd.claims.risk_curves.paper import PHASES, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw, random_features
from linsgd.symbolic.symbols import b, eta, h, sigma
from linsgd.theory.risk.risk_curve import risk_curve

LAW = PowerLaw(exponent=1.0, source=0.5, dimension=16, noise_std=1.0)
STEPS = (4, 12, 36)
TWENTIETH = "5 % at each step; what the theories leave out is several times that"

m_k, m_next, T_k, R_k = sympy.symbols("m_k m_{k+1} T_k R_k", positive=True)
eta_k, b_k = sympy.symbols("eta_k b_k", positive=True)


def recursion(lr: sympy.Expr, batch: sympy.Expr) -> sympy.Eq:
    """Return the recursion of the second moment of one mode, printed."""
    kept = (1 - lr * h) ** 2 + lr**2 * h**2 / batch
    return sympy.Eq(m_next, kept * m_k + lr**2 / batch * h * (T_k + sigma**2))


@risk_curves.claim(on="law")
def risk_at_constant_hyperparameters(named: NamedProblem) -> Draft:
    """Measure the risk after 4, 12 and 36 steps of batch 2."""
    sgd = SGD(lr=0.2, batch_size=2)
    exact = risk_curve(LAW, sgd, STEPS).excess_risk
    ones = np.ones(len(STEPS))
    accepted = Acceptance.interval(ones, 0.05, TWENTIETH)
    return Draft(
        statement=(
            "The excess risk of one-pass SGD on a power law follows the exact recursion of the "
            "modes' second moments, which meet in the total risk alone."
        ),
        source=Source.NEW,
        formula=recursion(eta, b),
        regime=f"16 modes, exponent 1, source 1/2, lr 0.2, batch 2; {PER_STEP}",
        components=_names(STEPS),
        prediction=ones,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "noise of the labels alone, without that of the risk": _without_feedback() / exact,
                "noise of a batch of 4": _risk(SGD(lr=0.2, batch_size=4)) / exact,
                "no noise": _without_feedback(0.0) / exact,
            },
        ),
        evidence=Simulation(
            experiment=one_pass(LAW, 0.2, 2, STEPS), observable=RiskOver(exact), premise=MILD
        ),
    )


@risk_curves.claim(on="law")
def risk_under_schedules(named: NamedProblem) -> Draft:
    """Measure the risk under warmup and cosine, a doubled batch and a falling momentum."""
    sgd, steps = SGD(lr=0.2, batch_size=2, momentum=0.7), np.arange(max(STEPS))
    lr = Schedule.warmup(6, 0.2) * Schedule.cosine(40)
    batch = Schedule.constant().then(18, Schedule.constant(2.0))
    falling = Schedule.linear(30, final=0.2)
    exact = risk_curve(LAW, sgd, STEPS, lr, batch, momentum_schedule=falling).excess_risk
    ones = np.ones(len(STEPS))
    accepted = Acceptance.interval(ones, 0.05, TWENTIETH)
    return Draft(
        statement=(
            "With a learning rate, a batch size and a momentum that change at every step the "
            "excess risk follows the same recursion with the hyperparameters of the step."
        ),
        source=Source.NEW,
        formula=recursion(eta_k, b_k),
        regime=(
            "16 modes, exponent 1, source 1/2; lr 0.2 warmed up and on a cosine, batch 2, then 4, "
            f"momentum from 0.7 to 0.14 (the printed recursion is that without); {PER_STEP}"
        ),
        components=_names(STEPS),
        prediction=ones,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "constant hyperparameters": _risk(sgd) / exact,
                "constant learning rate": risk_curve(
                    LAW, sgd, STEPS, None, batch, momentum_schedule=falling
                ).excess_risk
                / exact,
                "constant momentum": risk_curve(LAW, sgd, STEPS, lr, batch).excess_risk / exact,
            },
        ),
        evidence=Simulation(
            experiment=one_pass(
                LAW, 0.2 * lr(steps), 2 * batch(steps), STEPS, 0.7 * falling(steps)
            ),
            observable=RiskOver(exact),
            premise=MILD,
        ),
    )


@risk_curves.claim(on="law")
def misfit_of_random_features_is_label_noise(named: NamedProblem) -> Draft:
    """Measure the risk on 8 random features of 24 Gaussian coordinates."""
    law, sgd = PowerLaw(exponent=1.0, source=0.2, dimension=24), SGD(lr=0.25, batch_size=2)
    problem = random_features(law, 8, np.random.default_rng(11))
    exact = risk_curve(problem, sgd, STEPS).excess_risk
    silent = type(problem).gaussian(problem.covariance(), noise_std=1e-9, optimum=problem.optimum)
    ones = np.ones(len(STEPS))
    accepted = Acceptance.interval(ones, 0.05, TWENTIETH)
    return Draft(
        statement=(
            "On random features of a Gaussian power law the part of the target that they cannot "
            "express acts as independent label noise, so that the risk is that of Gaussian "
            "features exactly."
        ),
        source=Source.RECONSTRUCTED,
        citation=f"The model of {PHASES}",
        formula=sympy.Eq(
            sympy.Symbol("sigma^2"), sympy.Symbol("b'D b") - sympy.Symbol("w_*'H w_*")
        ),
        regime=f"8 random features of 24, exponent 1, source 0.2, lr 0.25, batch 2; {PER_STEP}",
        components=_names(STEPS),
        prediction=ones,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "no misfit": risk_curve(silent, sgd, STEPS).excess_risk / exact,
                "half the risk": ones / 2,
            },
        ),
        evidence=Simulation(
            experiment=_on_random_features(law), observable=RiskOver(exact), premise=MILD
        ),
    )


def _on_random_features(law: PowerLaw) -> OnePass:
    """Return SGD on W'D^(1/2) z with the label b'D^(1/2) z."""
    every = np.ones(max(STEPS))
    W = np.random.default_rng(11).normal(size=(24, 8)) / np.sqrt(8)
    root = np.sqrt(law.eigenvalues())
    return OnePass(
        root=root[:, None] * W,
        target=root * law.optimum(),
        noise_std=0.0,
        lr=0.25 * every,
        momentum=0 * every,
        batch=np.full(len(every), 2),
        steps=STEPS,
    )


def _names(steps: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"excess risk over the prediction, step {at}" for at in steps)


@lru_cache(maxsize=8)
def _risk(sgd: SGD) -> FloatArray:
    return risk_curve(LAW, sgd, STEPS).excess_risk


def _without_feedback(share: float = 1.0) -> FloatArray:
    """Return the risk if noise had a share of the label noise's variance and no other part."""
    lr, batch, spectrum = 0.2, 2, LAW.eigenvalues()
    noise = share * lr**2 / batch * spectrum * LAW.noise_std**2
    moments, found = LAW.optimum() ** 2, []
    for at in range(max(STEPS) + 1):
        if at in STEPS:
            found.append(float(spectrum @ moments) / 2)
        moments = (1 - lr * spectrum) ** 2 * moments + noise
    return np.array(found)
