"""A paper's approximation on given data: it holds within its tolerance, or it fails as predicted.

The exact theory of the data decides which, before any chain is drawn. Where the approximation is
farther from it than two thirds of its tolerance, the claim states the failure: the exact value is
predicted, and that the approximation holds is a mutant. So a claim is refuted only if the exact
theory failed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from linsgd.domains import FloatArray
from linsgd.judge.acceptance import CLEARANCE, Acceptance

CLOSE = 2 / 3  # of the tolerance: a third of it is left for the measurement


def approximation(
    *,
    exact: FloatArray,
    approximate: FloatArray,
    width: ArrayLike,
    reason: str,
    statement: str,
    formula: sympy.Basic,
    mutants: Mapping[str, FloatArray],
) -> dict[str, Any]:
    """Return the statement, formula, prediction, acceptance set and mutants of a draft.

    Parameters
    ----------
    exact, approximate : ndarray (m,)
        What the exact theory and the approximation predict.
    width : float or ndarray (m,)
        The tolerance within which the approximation is said to hold.
    reason : str
        Why this tolerance.
    statement, formula : str, sympy object
        That the approximation holds.
    mutants : mapping of str to ndarray (m,)
        Wrong predictions, if it holds.

    Returns
    -------
    dict
        Keyword arguments of `Draft`.

    Examples
    --------
    >>> fields = approximation(
    ...     exact=np.array([1.5]), approximate=np.array([1.0]), width=0.1, reason="a tenth",
    ...     statement="The variance is 1.", formula=sympy.Symbol("V"), mutants={},
    ... )
    >>> fields["statement"]
    'Fails on these data, by 5 times its tolerance as the exact theory predicts: The variance is 1.'
    """
    tolerance = np.broadcast_to(np.asarray(width, dtype=np.float64), exact.shape)
    error = np.abs(exact - approximate)
    fails = error > CLOSE * tolerance
    if not fails.any():
        return {
            "statement": statement,
            "formula": formula,
            "prediction": approximate,
            "acceptance": Acceptance.interval(approximate, tolerance, reason),
            "mutants": mutants,
        }
    # where it fails, narrow enough to exclude it clearly
    unit = np.where(fails, np.minimum(tolerance, error / (CLEARANCE + 0.5)), tolerance)
    times = float(np.max(error / tolerance))
    return {
        "statement": (
            f"Fails on these data, by {times:.2g} times its tolerance as the exact theory "
            f"predicts: {statement}"
        ),
        "formula": sympy.Ne(*formula.args) if isinstance(formula, sympy.Eq) else formula,
        "prediction": exact,
        "acceptance": Acceptance.interval(
            exact, unit, "the tolerance, and at most two ninths of the approximation's error"
        ),
        "mutants": {
            "the approximation holds": approximate,
            "its error has the opposite sign": 2 * exact - approximate,
        },
    }
