r"""Entropy production of the stationary Langevin law: 0 if noise and Hessian commute.

With P the stationary covariance of the state s = (w, v), D the diffusion, p the density, and v odd
under time reversal, the irreversible part of the current is (-G v + D_vv (P^{-1} s)_v) p. The
entropy production is G (G tr(D_vv^{-1} P_vv) - d) with G = 2 (1 - beta)/(1 + beta) a step. Noise
sigma^2 H gives 0, a reversible rotation. The noise of a data set does not commute with its Hessian.
"""

from functools import partial

import numpy as np
import sympy
from scipy.linalg import solve_continuous_lyapunov

from linsgd.claims.approximation import resolved
from linsgd.claims.ensembles import small_lr
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.linsgd.paper import new
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.symbolic.symbols import d
from linsgd.theory.langevin.process import UnderdampedLangevin, langevin
from linsgd.theory.langevin.propagator import damping_rate

G, D_inverse, P_vv = sympy.symbols("G D_vv^{-1} P_vv")
trace = sympy.Function("tr")


@kunin.claim(on="data")
def measured_noise_dissipates(named: NamedProblem) -> Draft:
    """Entropy production: its closed form, and its definition by a solved matrix equation."""
    case = small_lr(named)
    process = langevin(named.problem, case.sgd)
    produced = process.entropy_production()
    if produced.status != "ok" or not 0 < produced.value < np.inf:
        raise Inapplicable(f"the noise of {named.name} is singular or commutes with its Hessian")
    value = np.array([produced.value])
    _, evidence = resolved(partial(_dissipation, process), 0.01 * value, "the entropy production")
    return Draft(
        statement=(
            "With the gradient noise of these data the stationary Langevin law produces entropy at "
            "the rate of a closed form; with noise proportional to the Hessian it would produce "
            "none."
        ),
        citation=new.citation,
        source=Source.NEW,
        formula=sympy.Eq(sympy.Symbol("Sigma"), G * (G * trace(D_inverse * P_vv) - d)),
        regime=case.regime.partition(";")[0] + "; stationary; no simulation",
        components=("entropy production, nats a step",),
        prediction=value,
        acceptance=Acceptance.interval(value, 0.01 * value, "1 %: far above rounding"),
        mutants={"no entropy production": 0 * value, "damping counted once": value / 2},
        evidence=evidence,
    )


def _dissipation(process: UnderdampedLangevin) -> tuple[FloatArray, FloatArray]:
    """Enclose tr(D^{-1} J P J'), J the irreversible part of the drift.

    The error is that of rounding D, and of the residual of P.
    """
    n, lr, m = process.curvature.size, process.lr, process.momentum
    damping, noise = 2 * damping_rate(m), np.array(process.noise)
    # ds = -A s dk + sqrt(Q) dB, one unit of time a step
    A = np.block(
        [
            [np.zeros((n, n)), -lr * np.eye(n)],
            [np.diag(2 * process.curvature / (1 + m)), damping * np.eye(n)],
        ]
    )
    Q = np.zeros_like(A)
    Q[n:, n:] = 4 * noise / (1 + m) ** 2
    # in units in which every position and velocity has about unit variance, which changes no trace
    units = np.exp2(np.rint(np.log2(np.sqrt(process.modes.stationary_variance()[[0, 2]].ravel()))))
    A, Q = A * units / units[:, None], Q / np.multiply.outer(units, units)
    # A P + P A' = Q; J s is the irreversible drift of v, and D its diffusion
    P, D = solve_continuous_lyapunov(A, Q), Q[n:, n:] / 2
    J = D @ np.linalg.inv(P)[n:] - damping * np.eye(2 * n)[n:]
    value = float(np.trace(np.linalg.solve(D, J @ P @ J.T)))
    # relative error of P: its residual over the slowest rate, times |P^-1|
    slowest = float(np.linalg.eigvals(A).real.min())
    residual = float(np.linalg.norm(A @ P + P @ A.T - Q)) / (2 * slowest)
    defect = residual * float(np.linalg.norm(np.linalg.inv(P)))
    error = damping * n * (1e3 * np.finfo(float).eps * float(np.linalg.cond(D)) + 10 * defect)
    return np.array([value - error]), np.array([value + error])
