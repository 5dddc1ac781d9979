r"""Batches: the stationary loss is not inverse in their size, and reshuffled epochs beat independent ones.

At fixed lr a smaller batch adds noise, the noise spreads the weights, and spread weights have
noisier gradients: L(b = 1) / L(b = 8) exceeds 8. In a reshuffled epoch the gradients of the batches
sum to nearly nothing at fixed weights, and at its end most of their noise has cancelled.
"""

from dataclasses import replace

import numpy as np
import sympy

from linsgd.claims.ensembles import batch_one, epochs, settled
from linsgd.claims.linsgd.paper import new
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Source

LARGER = 8  # the batch that batch 1 is compared with
loss = sympy.Function("L")
L_epoch, L_independent = sympy.symbols("L_epoch L_independent")


@new.claim
def loss_is_not_inverse_in_the_batch(named: NamedProblem) -> Draft:
    """Compare the excess loss at batch 1 with 8 times that at batch 8."""
    case = batch_one(named)
    large = settled(named, replace(case.sgd, batch_size=LARGER)).law.excess_loss[-1]
    exact = float(case.law.excess_loss[-1] / (LARGER * large))
    return Draft(
        statement=(
            f"At a quarter of its mean-square threshold, batch 1 has a stationary excess loss of more than {LARGER} "
            f"times that of batch {LARGER} at the same lr, as the exact law says: noise feeds on itself."
        ),
        source=Source.NEW,
        formula=sympy.Gt(loss(1), LARGER * loss(LARGER)),
        regime=case.regime,
        components=(f"L(1) / ({LARGER} L({LARGER}))",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval(
            [exact], 0.05, "0.05: a fifth or less of what sets the ratio apart from 1"
        ),
        mutants={
            "inverse in the batch": np.ones(1),
            "inverse in the batch's root": np.array([LARGER**-0.5]),
            "a factor 2": np.array([2 * exact]),
        },
        evidence=case.simulation(case.excess_loss(LARGER * large)),
    )


@new.claim(on="data")
def epochs_end_below_independent_batches(named: NamedProblem) -> Draft:
    """Compare the excess loss at the end of an epoch with the exact one with independent batches."""
    case = epochs(named)
    independent = float(case.law.excess_loss[-1])
    return Draft(
        statement=(
            "At the end of a reshuffled epoch of four batches the excess loss is less than a tenth of what "
            "independent batches drawn without replacement give at the same lr, momentum and step."
        ),
        source=Source.NEW,
        formula=sympy.Lt(L_epoch, L_independent / 10),
        regime=case.regime,
        components=("loss over the exact one with independent batches",),
        prediction=np.array([0.0]),
        acceptance=Acceptance.below(
            0.1, 0.1, "less than a tenth: no correction for finite batches alone explains it"
        ),
        mutants={
            "as independent batches": np.ones(1),
            "a quarter of independent batches": np.full(1, 0.25),
        },
        evidence=case.simulation(case.excess_loss(independent)),
    )
