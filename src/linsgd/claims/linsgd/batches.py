r"""The stationary loss against the batch size, and at the end of reshuffled epochs.

At fixed lr a smaller batch has more gradient noise, which spreads the weights, and the noise grows
with their distance from the minimum: L(b = 1) / L(b = 8) exceeds 8. In a reshuffled epoch the
noise of the batches sums to 0 at fixed weights, so that most of it has cancelled at its end.
"""

from dataclasses import replace

import numpy as np
import sympy

from linsgd.claims.ensembles import NO_EPOCH_THEORY, batch_one, epochs, settled
from linsgd.claims.linsgd.paper import new
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance, Inapplicable
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
    if not exact > 1.15:
        raise Inapplicable(
            f"by the exact law the loss of batch 1 is {exact:.4g} times {LARGER} times that of "
            f"batch {LARGER}, too near 1 to be told from it"
        )
    width = min(0.05, (exact - 1) / 4)
    return Draft(
        statement=(
            f"At a quarter of its mean-square threshold batch 1 has more than {LARGER} times the "
            f"stationary excess loss of batch {LARGER} at the same lr, as the exact law predicts, "
            "because the noise grows with the distance from the minimum."
        ),
        source=Source.NEW,
        formula=sympy.Gt(loss(1), LARGER * loss(LARGER)),
        regime=case.regime,
        components=(f"L(1) / ({LARGER} L({LARGER}))",),
        prediction=np.array([exact]),
        acceptance=Acceptance.interval(
            [exact], width, "0.05, but at most a quarter of the distance of the ratio from 1"
        ),
        mutants={
            "inverse in the batch": np.ones(1),
            "inverse in the square root of the batch": np.array([LARGER**-0.5]),
            "twice the ratio (a factor 2)": np.array([2 * exact]),
        },
        evidence=case.simulation(case.excess_loss(LARGER * large)),
    )


@new.claim(on="data")
def epochs_end_below_independent_batches(named: NamedProblem) -> Draft:
    """Excess loss at the end of an epoch over the exact one with independent batches."""
    if named.own:
        raise Inapplicable(NO_EPOCH_THEORY)
    case = epochs(named)
    independent = float(case.law.excess_loss[-1])
    return Draft(
        statement=(
            "At the end of a reshuffled epoch of four batches the excess loss is less than a tenth "
            "of its value with independent batches, drawn without replacement, at the same lr, "
            "momentum and step."
        ),
        source=Source.NEW,
        formula=sympy.Lt(L_epoch, L_independent / 10),
        regime=case.regime,
        components=("loss over the exact one with independent batches",),
        prediction=np.array([0.0]),
        acceptance=Acceptance.below(
            0.1, 0.1, "less than a tenth: more than the factor of a finite population explains"
        ),
        mutants={
            "the loss of independent batches": np.ones(1),
            "a quarter of the loss of independent batches": np.full(1, 0.25),
        },
        evidence=case.simulation(case.excess_loss(independent)),
    )
