r"""The functional scaling law: risk under any schedule from the intrinsic time sum lr.

With tau_k = sum_{j<k} eta_j the law without the risk's own noise is

    R(K) = 1/2 sum h w*^2 exp(-2 h tau_K) + sigma^2/(2 b) sum_k eta_k^2 N(tau_K - tau_{k+1}),
    N(t) = sum h^2 exp(-2 h t).
"""

import numpy as np
import sympy

from linsgd.claims.problems import NamedProblem
from linsgd.claims.risk_curves.batches import ORDER
from linsgd.claims.risk_curves.orders import enclosed_order
from linsgd.claims.risk_curves.paper import FUNCTIONAL, risk_curves
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.schedule import Schedule
from linsgd.optimizers.sgd import SGD
from linsgd.problems.power_law import PowerLaw
from linsgd.symbolic.symbols import b, eta, sigma
from linsgd.theory.risk.risk_curve import risk_curve

LAW = PowerLaw(exponent=1.5, source=0.5, dimension=60, noise_std=1.0)
BATCH, TIME = 4, 20.0  # intrinsic time
R, N = sympy.Function("R"), sympy.Function("N")
F, R_F, k, K, tau = sympy.symbols("F R_F k K tau", positive=True)
eta_k, tau_k = sympy.IndexedBase("eta")[k], sympy.IndexedBase("tau")


@risk_curves.claim(on="law")
def functional_scaling_law_is_first_order_in_lr(named: NamedProblem) -> Draft:
    """Find the order of the relative error of the functional law under a cosine."""
    law = F + sigma**2 / (2 * b) * sympy.Sum(eta_k**2 * N(tau_k[K] - tau_k[k + 1]), (k, 0, K - 1))
    return Draft(
        statement=(
            "Under a cosine schedule the risk is that of gradient flow in the intrinsic time plus "
            "the label noise convolved with what the rest of the intrinsic time forgets, up to a "
            "relative error of first order in the peak learning rate."
        ),
        source=Source.RECONSTRUCTED,
        citation=f"{FUNCTIONAL}; the order of its error is new here",
        formula=sympy.Eq(R(K), law * (1 + sympy.Order(eta)), evaluate=False),
        regime=(
            "60 modes, exponent 1.5, source 1/2, batch 4, label noise 1, intrinsic time 20, peak "
            "lr from 0.2 to 0.00625; no simulation"
        ),
        components=("order in the peak lr",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.05, ORDER),
        mutants={"exact to second order": np.array([2.0]), "not a limit": np.zeros(1)},
        evidence=Enclosure(enclose=lambda: enclosed_order(_error, 0.2)),
    )


@risk_curves.claim(on="law")
def steps_do_not_replace_intrinsic_time(named: NamedProblem) -> Draft:
    """Compare a cosine and a constant schedule of equal intrinsic time, without label noise."""
    return Draft(
        statement=(
            "Without noise a cosine schedule and a constant learning rate leave the same risk at "
            "equal intrinsic time, and very different risks after equally many steps."
        ),
        source=Source.RECONSTRUCTED,
        citation=FUNCTIONAL,
        formula=sympy.Eq(R(K), R_F, evaluate=False),
        regime="60 modes, exponent 1.5, source 1/2, batch 10^9, lr 0.01; exact",
        components=("risk of the cosine over that of the constant, equal intrinsic time",),
        prediction=np.ones(1),
        acceptance=Acceptance.interval([1.0], 0.02, "2 %: first order in lr"),
        mutants={
            "equal steps in place of equal time": _equal_steps(),
            "the intrinsic time counted twice": 1 / _equal_steps(),
        },
        evidence=Enclosure(enclose=_equal_times),
    )


def _error(peak: float) -> float:
    """Return the relative error of the functional law after 2 TIME/peak steps of a cosine."""
    steps = round(2 * TIME / peak)
    schedule = Schedule.cosine(steps)
    exact = risk_curve(LAW, SGD(peak, BATCH), [steps], schedule).excess_risk[0]
    return abs(functional_law(peak * schedule(range(steps))) / float(exact) - 1)


def functional_law(lr: FloatArray) -> float:
    """Return the law at the end of the learning rates (K,), by the formula."""
    spectrum, optimum = LAW.eigenvalues(), LAW.optimum()
    time = np.cumsum(lr)
    signal = float(spectrum @ (optimum**2 * np.exp(-2 * spectrum * time[-1]))) / 2
    forgotten = np.exp(-2 * np.multiply.outer(time[-1] - time, spectrum)) @ spectrum**2
    return signal + LAW.noise_std**2 / (2 * BATCH) * float(lr**2 @ forgotten)


def _noiseless(steps: int, schedule: Schedule | None) -> float:
    law = PowerLaw(exponent=1.5, source=0.5, dimension=60)
    return float(risk_curve(law, SGD(0.01, 10**9), [steps], schedule).excess_risk[0])


def _equal_steps() -> FloatArray:
    return np.array([_noiseless(4000, Schedule.cosine(4000)) / _noiseless(4000, None)])


def _equal_times() -> tuple[FloatArray, FloatArray]:
    found = np.array([_noiseless(4000, Schedule.cosine(4000)) / _noiseless(2000, None)])
    return found - 1e-9, found + 1e-9
