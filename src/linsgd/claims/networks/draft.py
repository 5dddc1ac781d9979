"""The parts that all claims on networks share: few runs, Student's interval, and its words."""

from collections.abc import Callable, Mapping

import numpy as np
from sympy import Basic

from linsgd.claims.networks.runs import Arrays
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Replicates, Runs, Source


def on_runs(
    runs: Runs,
    statement: str,
    *,
    source: Source,
    formula: Basic,
    regime: str,
    component: str,
    prediction: float,
    acceptance: Acceptance,
    mutants: Mapping[str, float],
    observable: Callable[[Arrays], FloatArray],
) -> Draft:
    """Make a claim on one number of a run.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is missing.
    """
    import linsgd.deep.pytorch  # noqa: F401 - a missing PyTorch is said before any work

    premise = f"{runs.seeds} seeds; Student's interval, for values that are normal over seeds"
    return Draft(
        statement=statement,
        source=source,
        formula=formula,
        regime=f"{regime}; {premise}",
        components=(component,),
        prediction=np.array([prediction]),
        acceptance=acceptance,
        mutants={name: np.array([value]) for name, value in mutants.items()},
        evidence=Replicates(runs=runs, observable=observable),
    )
