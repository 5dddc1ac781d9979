"""Claims that follow from the data: what the exact theory decides before any chain is drawn.

A paper's approximation holds within its tolerance or fails; the exact theory of the data says
which. With e its largest error over its tolerance,

    e <= 2/3        the approximation is predicted, and accepted within its tolerance;
    2/3 < e <= 4/3  it is too near its tolerance to be told: the exact value is predicted, and
                    accepted within the same tolerance;
    e > 4/3         the exact value is predicted, accepted within 2/9 of the approximation's
                    error, and that the approximation holds is a mutant.

So a measurement refutes a claim only if the exact theory failed, and where e > 1 the claim says
that the approximation fails, and by how much.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from linsgd.domains import FloatArray
from linsgd.judge.acceptance import CLEARANCE, Acceptance, Inapplicable
from linsgd.judge.claim import Enclosure

CLOSE, CLEAR = 2 / 3, 4 / 3  # of the tolerance: a third of it is left for the measurement
HOLDS = 1 / 3  # of its gap, that a statement "larger than" must have beyond its edge
RESOLVED = 1 / 3  # of the accepted width, that an enclosure may take on either side


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
    """Return the part of a draft that says where an approximation holds.

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
        Wrong predictions; those that these data cannot tell from it are left out.

    Returns
    -------
    dict
        Keyword arguments of `Draft`.

    Raises
    ------
    Inapplicable
        If the exact value is not finite, or fewer than two mutants can be told from it.

    Examples
    --------
    >>> fields = approximation(
    ...     exact=np.array([1.5]), approximate=np.array([1.0]), width=0.1, reason="a tenth",
    ...     statement="It is 1.", formula=sympy.Symbol("V"), mutants={},
    ... )
    >>> fields["statement"]
    'Fails on this problem, by 5 times its tolerance as the exact theory predicts: It is 1.'
    """
    tolerance = np.broadcast_to(np.asarray(width, dtype=np.float64), exact.shape)
    _finite(exact, "the exact theory")
    _finite(approximate, "the approximation")
    errors = np.abs(exact - approximate) / tolerance
    worst = float(errors.max())
    said = {"statement": statement, "formula": formula, "approximation_error": worst}
    if worst > 1:
        said["statement"] = (
            f"Fails on this problem, by {worst:.3g} times its tolerance as the exact theory "
            f"predicts: {statement}"
        )
        said["formula"] = sympy.Ne(*formula.args) if isinstance(formula, sympy.Eq) else formula
    if worst <= CLEAR:
        centre = approximate if worst <= CLOSE else exact
        accepted = Acceptance.interval(centre, tolerance, reason)
        return {
            **said,
            "prediction": centre,
            "acceptance": accepted,
            "mutants": told_apart(accepted, mutants),
            "off_centre": worst if worst <= CLOSE else 0.0,
        }
    # narrow enough, where it fails, to exclude the approximation clearly
    narrow = np.minimum(tolerance, errors * tolerance / (CLEARANCE + 0.5))
    return {
        **said,
        "prediction": exact,
        "acceptance": Acceptance.interval(
            exact,
            np.where(errors > CLEAR, narrow, tolerance),
            f"the tolerance ({reason}), and at most two ninths of the approximation's error",
        ),
        "mutants": {
            "the approximation holds": approximate,
            "its error has the opposite sign": 2 * exact - approximate,
        },
    }


def larger_than(
    edge: float, gap: float, reason: str, exact: float, mutants: Mapping[str, FloatArray]
) -> dict[str, Any]:
    """Return the part of a draft that says that a value lies beyond an edge.

    Parameters
    ----------
    edge, gap : float
        Accepted is what is larger than `edge`; mutants lie a gap below it.
    reason : str
        Why this edge.
    exact : float
        What the exact theory predicts on the problem.
    mutants : mapping of str to ndarray (1,)
        Wrong predictions.

    Returns
    -------
    dict
        Prediction, acceptance set and mutants of a `Draft`.

    Raises
    ------
    Inapplicable
        If the exact value is not a third of the gap beyond the edge.

    Examples
    --------
    >>> larger_than(1.1, 0.08, "a tenth", 1.02, {})
    Traceback (most recent call last):
    ...
    linsgd.judge.acceptance.Inapplicable: the exact theory predicts 1.02 here, where more than 1.1 \
is claimed
    """
    _finite(np.array([exact]), "the exact theory")
    if exact < edge + HOLDS * gap:
        raise Inapplicable(
            f"the exact theory predicts {exact:.3g} here, where more than {edge:.3g} is claimed"
        )
    accepted = Acceptance.above(edge, gap, reason)
    return {
        "prediction": np.array([exact]),
        "acceptance": accepted,
        "mutants": told_apart(accepted, mutants),
    }


def told_apart(accepted: Acceptance, mutants: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the mutants that lie clearly outside an acceptance set.

    Another theory that comes out like the exact one on some data is not wrong there.

    Raises
    ------
    Inapplicable
        If fewer than two are left.
    """
    clear = {
        name: wrong
        for name, wrong in mutants.items()
        if np.isfinite(wrong).all() and accepted.is_clear_of(wrong)
    }
    if len(clear) < 2:
        near = "; ".join(name for name in mutants if name not in clear)
        raise Inapplicable(f"these data do not tell the prediction from its rivals: {near}")
    return clear


def resolved(
    enclose: Callable[[], tuple[FloatArray, FloatArray]], width: ArrayLike, what: str
) -> tuple[FloatArray, Enclosure]:
    """Compute an enclosure beforehand, and return its centre with it.

    Parameters
    ----------
    enclose : callable
        Returns lower and upper ends (m,).
    width : float or ndarray (m,)
        Half-width of the acceptance set.
    what : str
        The quantity, for the reason that is given where it cannot be resolved.

    Returns
    -------
    centre : ndarray (m,)
        The middle of the enclosure.
    evidence : Enclosure
        The enclosure, which is not computed again.

    Raises
    ------
    Inapplicable
        If a third of the width does not hold the enclosure.
    """
    lower, upper = enclose()
    half = (upper - lower) / 2
    if not np.all(half <= RESOLVED * np.asarray(width)):
        raise Inapplicable(f"{what} is known to within {float(half.max()):.2g} only on these data")
    return (lower + upper) / 2, Enclosure(enclose=lambda: (lower, upper))


def _finite(values: FloatArray, whose: str) -> None:
    if not np.isfinite(values).all():
        raise Inapplicable(f"{whose} has no finite value on these data")
