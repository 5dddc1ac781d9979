r"""Which of two wells is occupied: the wider one under stable noise, the deeper one under normal.

With stable noise SGD jumps from the minimum m_i over the saddle s at the rate
(c/alpha)(lr s)^alpha |s - m_i|^-alpha a step (`linsgd.levy.wells`), so that the wells are occupied
in proportion to |m_i - s|^alpha, whatever their depths. Normal noise of temperature T would weigh
them by exp(-U(m_i)/T).
"""

from dataclasses import dataclass

import numpy as np
import sympy

from linsgd.claims.problems import NamedProblem
from linsgd.claims.simsekli_2019.paper import simsekli
from linsgd.claims.simsekli_2019.stable_noise import TwoWells
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event
from linsgd.judge.observables import Exceeds
from linsgd.optimizers.sgd import SGD
from linsgd.stable import Stable
from linsgd.theory.levy.exits import wells

ALPHA = 1.5
LR = 0.3
SCALE = 0.08  # lr times that of the noise
MINIMA = (-1.0, 2.0)
STEPS = 560
TOLERANCE = 0.03

alpha = sympy.Symbol("alpha", positive=True)
left, right, saddle = sympy.symbols("m_1 m_2 s", real=True)


@simsekli.claim(on="law")
def wells_are_occupied_by_width_under_stable_noise(named: NamedProblem) -> Draft:
    """Count the chains in the right well, from both, after many relaxation times."""
    experiment = TwoWells(alpha=ALPHA, scale=SCALE, lr=LR, minima=MINIMA, steps=STEPS)
    exact = experiment.right_share()
    chain = wells(MINIMA, [0.0], SGD(lr=LR), Stable(ALPHA, SCALE / LR))
    limit = chain.transition(STEPS)[:, 1]
    return Draft(
        statement=(
            "With stable noise two wells are occupied in proportion to their widths to the power "
            "alpha, from whichever of them SGD starts and however deep they are."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(
            sympy.Symbol("pi_2"),
            sympy.Abs(right - saddle) ** alpha
            / (sympy.Abs(left - saddle) ** alpha + sympy.Abs(right - saddle) ** alpha),
        ),
        regime=(
            f"wells of curvature 1 at {MINIMA[0]:g} and {MINIMA[1]:g}, parted at 0, alpha {ALPHA}, "
            f"lr {LR}, {STEPS} steps; an event of each chain"
        ),
        components=("P(right), from the left minimum", "P(right), from the right minimum"),
        prediction=exact,
        acceptance=Acceptance.interval(exact, TOLERANCE, "0.03: what the limit of small lr misses"),
        mutants={
            "by depth, as under normal noise": np.ones(2),
            "both alike": np.full(2, 0.5),
            "the well of the start": np.array([0.0, 1.0]),
        },
        evidence=Simulation(
            experiment=experiment, observable=Exceeds(_Place(), np.zeros(2)), premise=Event()
        ),
        approximation_error=float(np.abs(limit - exact).max()) / TOLERANCE,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """The positions (n, 2) at the last step."""

    def __call__(self, states: FloatArray) -> FloatArray:
        """Return the observables of each chain (n, m)."""
        places: FloatArray = states[-1]
        return places
