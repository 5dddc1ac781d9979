r"""How the rows of minibatches are drawn: independently, in reshuffled epochs, or in a fixed order.

Let g_k be the noise of successive batches at fixed weights, M batches an epoch.

- Over an epoch that visits every row once, reshuffled or not, it sums to zero. The ratio
  R = E |sum over an epoch|^2 / (M E |g|^2) is 1 for independent batches, and 0 here.
- In a fixed order batch k of one epoch is batch k of the next. The correlation
  C = E g_k'g_{k+M} / E |g|^2 is 1, and otherwise 0.

A share q of further independent noise, as of augmentation, makes R = q and C = 1 - q.

Only the squared displacement |w_k - w_0|^2 from the edge of an epoch may be known. At the end of
an epoch of rows drawn once the noise has cancelled: the displacement dips. The depth is its value
there over the mean of those half an epoch before and after; for independent batches the
displacement rises without dips and the depth is about 1.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.result import Result

FEWEST_EPOCHS = 8
HALF = 0.5  # of the range between the two hypotheses, at which they are told apart
SHALLOW = 0.9  # depth of a dip above which there is none


class Scheme(StrEnum):
    """How rows are drawn."""

    INDEPENDENT = "independent"
    RESHUFFLED = "reshuffled"
    FIXED = "fixed order"
    EPOCHS = "reshuffled or fixed order"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SamplingScheme(Result):
    """The scheme, and the numbers that decide.

    Attributes
    ----------
    scheme : Scheme
        How rows are drawn.
    epoch_ratio, epoch_lower, epoch_upper : float
        Of noise: |sum over an epoch|^2 over its value for independent batches. Of displacement: the
        depth of the dips. With interval.
    repetition, repetition_lower, repetition_upper : float
        Of noise: the correlation of a batch with that of an epoch later; else nan.
    epochs : int
        Whole epochs that were used.
    confidence : float
        Of the intervals.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why not.
    """

    scheme: Scheme
    epoch_ratio: float
    epoch_lower: float
    epoch_upper: float
    repetition: float
    repetition_lower: float
    repetition_upper: float
    epochs: int
    confidence: float
    status: EstimateStatus
    reason: str = ""


def sampling_scheme(
    x: ArrayLike,
    epoch: int,
    kind: Literal["noise", "displacement"] = "noise",
    *,
    confidence: float = 0.999,
) -> SamplingScheme:
    r"""Tell independent batches from reshuffled epochs and from one order that repeats.

    Parameters
    ----------
    x : array_like (n, d) or (n,)
        "noise": gradients of n successive batches at fixed weights, the first at an epoch's start;
        (n,) is one coordinate. "displacement": |w_k - w_0|^2 after k = 1, ..., n steps, (n,), w_0
        at an epoch's edge.
    epoch : int
        Batches an epoch, at least 2; at least 4 and even for a displacement.
    kind : {"noise", "displacement"}
        What x holds.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    SamplingScheme
        The scheme, the two ratios with intervals, and whether the data are enough.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    At least eight whole epochs are needed. From a displacement reshuffled epochs and a fixed order
    are not told apart: with momentum and further noise their dips are equally deep.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(50, 3))
    >>> shuffled = np.concatenate([rng.permutation(rows) for _ in range(40)])
    >>> print(linsgd.estimate.sampling_scheme(shuffled, epoch=50).scheme)
    reshuffled
    >>> print(linsgd.estimate.sampling_scheme(rng.normal(size=(2000, 3)), epoch=50).scheme)
    independent
    """
    domains.choice("kind", kind, ("noise", "displacement"))
    confidence = domains.real("confidence", confidence, "(0, 1)")
    epoch = domains.integer("epoch", epoch, "[2, inf)")
    if kind == "displacement":
        if epoch % 2 or epoch < 4:
            domains.refuse("epoch", epoch, "even numbers of at least 4 for a displacement")
        return _from_dips(domains.array("x", x, (None,)), epoch, confidence)
    flat = np.ndim(x) == 1
    noise = domains.array("x", x, (None,) if flat else (None, None))
    return _from_noise(noise.reshape(len(noise), -1), epoch, confidence)


def _from_noise(noise: FloatArray, epoch: int, confidence: float) -> SamplingScheme:
    """Decide from gradients (n, d)."""
    epochs = len(noise) // epoch
    if epochs < FEWEST_EPOCHS or not np.ptp(noise, axis=0).any():
        return _without_value(epochs, confidence, _objection(epochs))
    g = noise[: epochs * epoch].reshape(epochs, epoch, -1)
    g = g - g.mean(axis=(0, 1))
    size = float((g**2).sum(axis=2).mean())
    # the mean that was subtracted takes 1/epochs of the variance of an independent sum
    sums = (g.sum(axis=1) ** 2).sum(axis=1) / (epoch * size * (1 - 1 / epochs))
    repeats = (g[1:] * g[:-1]).sum(axis=2).mean(axis=1) / size
    ratio = _interval(sums, confidence)
    repetition = _interval(repeats, confidence)
    return SamplingScheme(
        scheme=_scheme(ratio, repetition),
        epoch_ratio=float(sums.mean()),
        epoch_lower=ratio[0],
        epoch_upper=ratio[1],
        repetition=float(repeats.mean()),
        repetition_lower=repetition[0],
        repetition_upper=repetition[1],
        epochs=epochs,
        confidence=confidence,
        status=EstimateStatus.OK,
    )


def _scheme(ratio: tuple[float, float], repetition: tuple[float, float]) -> Scheme:
    """Name the scheme whose values the two intervals hold and whose rivals' they exclude."""
    if repetition[0] > 0 and ratio[1] < 1:
        return Scheme.FIXED
    if ratio[1] < 1 and repetition[1] < HALF:
        return Scheme.RESHUFFLED
    independent = ratio[0] > 0 and ratio[0] <= 1 <= ratio[1] and repetition[1] < HALF
    return Scheme.INDEPENDENT if independent else Scheme.UNDECIDED


def _from_dips(squares: FloatArray, epoch: int, confidence: float) -> SamplingScheme:
    """Decide from |w_k - w_0|^2 (n,), k = 1, ..., n."""
    half = epoch // 2
    epochs = (len(squares) + half) // epoch - 1  # dips that have a neighbour on both sides
    if epochs < FEWEST_EPOCHS or not squares.all():
        reason = _objection(epochs) if squares.all() else "a displacement is 0"
        return _without_value(max(epochs, 0), confidence, reason)
    ends = epoch * np.arange(1, epochs + 1) - 1
    depths = 2 * squares[ends] / (squares[ends - half] + squares[ends + half])
    lower, upper = _interval(depths, confidence)
    scheme = Scheme.EPOCHS if upper < SHALLOW else Scheme.UNDECIDED
    return SamplingScheme(
        scheme=Scheme.INDEPENDENT if lower > HALF and upper >= SHALLOW else scheme,
        epoch_ratio=float(depths.mean()),
        epoch_lower=lower,
        epoch_upper=upper,
        repetition=math.nan,
        repetition_lower=math.nan,
        repetition_upper=math.nan,
        epochs=epochs,
        confidence=confidence,
        status=EstimateStatus.OK,
    )


def _interval(values: FloatArray, confidence: float) -> tuple[float, float]:
    """Return Student's interval of the mean of values (n,)."""
    error = values.std(ddof=1) / math.sqrt(values.size)
    half = float(student.ppf((1 + confidence) / 2, values.size - 1) * error)
    return float(values.mean()) - half, float(values.mean()) + half


def _objection(epochs: int) -> str:
    if epochs < FEWEST_EPOCHS:
        return f"{epochs} whole epochs, at least {FEWEST_EPOCHS} are needed"
    return "the gradients do not vary"


def _without_value(epochs: int, confidence: float, reason: str) -> SamplingScheme:
    """Return a result that says why there is no number."""
    return SamplingScheme(
        scheme=Scheme.UNDECIDED,
        epoch_ratio=math.nan,
        epoch_lower=math.nan,
        epoch_upper=math.nan,
        repetition=math.nan,
        repetition_lower=math.nan,
        repetition_upper=math.nan,
        epochs=epochs,
        confidence=confidence,
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=reason,
    )
