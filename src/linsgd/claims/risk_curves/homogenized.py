r"""Homogenised SGD and its Volterra equation against the exact curve: errors and thresholds."""

import numpy as np
import sympy

from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.batches import ORDER
from linsgd.claims.risk_curves.orders import enclosed_order
from linsgd.claims.risk_curves.paper import HOMOGENIZATION, PHASES, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.symbolic.symbols import b, d, eta
from linsgd.theory.risk.risk_curve import risk_curve
from linsgd.theory.stability.thresholds import stability

DIMENSIONS = (4, 16, 64)
R = sympy.Function("R")
R_H, eta_c = sympy.symbols("R_H eta_c", positive=True)


@risk_curves.claim(on="law")
def homogenized_error_is_first_order_in_lr(named: NamedProblem) -> Draft:
    """Find the order in lr of the relative error of homogenised SGD."""
    return Draft(
        statement=(
            "The relative error of homogenised SGD, the stochastic differential equation behind "
            "the Volterra equation, is of first order in the learning rate."
        ),
        source=Source.NEW,
        citation=f"The equation is that of {HOMOGENIZATION}; the order is new here",
        formula=sympy.Eq(R_H / R(eta), 1 + sympy.Order(eta), evaluate=False),
        regime="200 modes, exponent 1.5, batch 4, lr from 0.04 to 0.00125; no simulation",
        components=("order in lr",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, ORDER),
        mutants={"half order": np.array([0.5]), "second order": np.array([2.0])},
        evidence=Enclosure(enclose=lambda: enclosed_order(_error_at_lr, 0.04)),
    )


@risk_curves.claim(on="law")
def volterra_error_falls_as_the_dimension(named: NamedProblem) -> Draft:
    """Find the order in 1/d of the relative error on isotropic features, at lr in proportion."""
    return Draft(
        statement=(
            "On isotropic features at a learning rate in proportion to 1/d the relative error of "
            "the Volterra equation falls as 1/d."
        ),
        source=Source.RECONSTRUCTED,
        citation=f"{PHASES}: the representation improves in accuracy with the dimension",
        formula=sympy.Eq(R_H / R(d), 1 + sympy.Order(1 / d, (d, sympy.oo)), evaluate=False),
        regime="isotropic features, lr d = 1/2, batch 1, 2 d steps, d from 50 to 1600; exact",
        components=("order in 1/d",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, ORDER),
        mutants={"no improvement": np.zeros(1), "as d^-1/2": np.array([0.5])},
        evidence=Enclosure(enclose=lambda: enclosed_order(_error_at_dimension, 1 / 50)),
    )


@risk_curves.claim(on="law")
def homogenized_threshold_is_too_large(named: NamedProblem) -> Draft:
    """Compare the threshold 2 b/tr H with the exact one on isotropic features."""
    batch = 2
    predicted = np.array([(size + batch + 1) / size for size in DIMENSIONS])
    return Draft(
        statement=(
            "Homogenised SGD is stable up to lr = 2 b/tr H; on isotropic features the exact "
            "threshold is smaller by the factor d/(d + b + 1)."
        ),
        source=Source.NEW,
        formula=sympy.Eq((2 * b / d) / eta_c, (d + b + 1) / d, evaluate=False),
        regime="isotropic Gaussian features of variance 1, batch 2; exact",
        components=tuple(f"2 b/tr H over the exact threshold, d = {size}" for size in DIMENSIONS),
        prediction=predicted,
        acceptance=Acceptance.interval(predicted, 0.005, "0.005: a tenth of the smallest excess"),
        mutants={
            "the thresholds agree": np.ones(len(DIMENSIONS)),
            "without the batch": np.array([(size + 1) / size for size in DIMENSIONS]),
        },
        evidence=Enclosure(enclose=lambda: _thresholds(batch)),
    )


def _error(problem: LinearRegression | PowerLaw, sgd: SGD, steps: int) -> float:
    exact = risk_curve(problem, sgd, [steps]).excess_risk[0]
    limit = risk_curve(problem, sgd, [steps], theory="homogenized").excess_risk[0]
    return abs(float(limit / exact) - 1)


def _error_at_lr(lr: float) -> float:
    law = PowerLaw(exponent=1.5, source=0.3, dimension=200, noise_std=0.3)
    return _error(law, SGD(lr, 4), round(4 / lr))


def _error_at_dimension(inverse: float) -> float:
    size = round(1 / inverse)
    problem = LinearRegression.gaussian(
        np.ones(size), noise_std=0.5, optimum=np.full(size, size**-0.5)
    )
    return _error(problem, SGD(0.5 / size), 2 * size)


def _thresholds(batch: int) -> tuple[FloatArray, FloatArray]:
    """Return 2 b/tr H over the threshold of the moment operator; 1e-9 for its bisection."""
    found = np.array(
        [
            2
            * batch
            / size
            / stability(LinearRegression.gaussian(np.ones(size)), SGD(0.01, batch)).lr_mean_square
            for size in DIMENSIONS
        ]
    )
    return found - 1e-9, found + 1e-9
