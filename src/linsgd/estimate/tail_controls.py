r"""The controls that tell a tail of gradient noise from what the published recipe reads as one.

The recipe concatenates the noise of all coordinates, batch after batch, and cuts it into blocks
(`block_index`). Its 1/alpha exceeds the 1/2 of normal noise by four parts, which the controls take
away one after the other:

- zeros: coordinates that never vary, whose logarithm is that of a rounding constant;
- correlation: neighbouring coordinates of one batch, undone by a permutation of all values;
- anisotropy: unequal spreads of the coordinates, undone by dividing each by its interquartile
  range (by its standard deviation where that is 0);
- what is left: a law of single coordinates that is not normal.

The last is a tail or an excess kurtosis. If the variance is finite 1/alpha falls with the block
length m as 1/2 + c/log m; for a stable law it stays. Blocks of 7 and of up to 49 batches of each
coordinate decide between the two, or the data do not.

The surrogate is what normal noise of equal covariance would give in the raw order without zeros:
where it agrees with the recipe, the recipe has measured the covariance and no tail.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.estimate.block_index import Blocks, Inverse, inverse, surrogate
from linsgd.estimate.stable_index import FEWEST_BLOCKS, StableIndex, stable_index
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.references import SIMSEKLI_2019
from linsgd.result import Result

FEWEST_BATCHES = 40
SHORT = 7  # batches of a block per coordinate, the length of least variance
LONGEST = 7  # such blocks in a long one
CLEAR = 4.0  # standard errors from which a difference counts,
RELEVANT = 0.02  # and its size in 1/alpha
POOLED = 100_000  # values that are pooled at most


class Cause(StrEnum):
    """Why the recipe's index differs from 2."""

    ZEROS = "zeros"
    CORRELATION = "correlation"
    ANISOTROPY = "anisotropy"
    KURTOSIS = "kurtosis"
    TAIL = "tail"
    UNDECIDED = "tail or kurtosis"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Control(Result):
    """The index that one way of treating the samples gives.

    Attributes
    ----------
    name : str
        The treatment.
    value, lower, upper : float
        The index and its interval; nan without enough data.
    samples : int
        Values that were used.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why not.
    """

    name: str
    value: float
    lower: float
    upper: float
    samples: int
    status: EstimateStatus = EstimateStatus.OK
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TailControls(Result):
    """The controls, and what they say of the recipe's index.

    Attributes
    ----------
    controls : tuple of Control
        "raw", "zeros masked", "permuted", "standardised", "per coordinate", "pooled", "surrogate".
    zeros, correlation, anisotropy, coordinates : float
        The parts of 1/alpha(raw) - 1/2, which they sum to; the last is that of single coordinates.
    excess_kurtosis : float
        Median over coordinates.
    zero_fraction : float
        Share of the values that are exactly their coordinate's mean.
    stable_pvalue : float
        Of one stable law for one standardised coordinate of each batch.
    causes : tuple of Cause
        The parts that are clear and relevant.
    sentence : str
        The same in words.
    batches, coordinates_used, block : int
        Rows and live columns of the samples, and values of a block of the recipe.
    confidence : float
        Of the intervals.
    status : EstimateStatus
        Whether the data are enough.
    """

    references = (SIMSEKLI_2019,)
    controls: tuple[Control, ...]
    zeros: float
    correlation: float
    anisotropy: float
    coordinates: float
    excess_kurtosis: float
    zero_fraction: float
    stable_pvalue: float
    causes: tuple[Cause, ...]
    sentence: str
    batches: int
    coordinates_used: int
    block: int
    confidence: float
    status: EstimateStatus

    def __getitem__(self, name: str) -> Control:
        """Return the control of a name."""
        known = {control.name: control for control in self.controls}
        return known[domains.choice("name", name, tuple(known))]

    def rows(self) -> list[tuple[str, str]]:
        """Return a line a control, and the sentence."""
        lines = [(control.name, _line(control)) for control in self.controls]
        return [*lines, ("", self.sentence)]


def tail_controls(samples: ArrayLike, *, confidence: float = 0.95, seed: int = 0) -> TailControls:
    r"""Tell a heavy tail of gradient noise from correlation, unequal variances, zeros or kurtosis.

    Parameters
    ----------
    samples : array_like (P, M)
        Minibatch gradients at fixed weights: P independent batches of M coordinates, in the order
        in which the recipe concatenates them. The mean over batches is subtracted.
    confidence : float
        Of the intervals, in (0, 1).
    seed : int
        Of the permutation, at least 0.

    Returns
    -------
    TailControls
        The index of each control, the parts of the recipe's excess, and a sentence.

    Raises
    ------
    ValueError
        If the samples are not a table of finite numbers, or an argument lies outside its domain.

    Notes
    -----
    The estimator is that of blocks; the parts are differences of 1/alpha, in which it is unbiased.
    A part counts as a cause from four standard errors and 0.02 on. At least 40 batches are needed,
    140 for the index per coordinate, 280 to tell a tail from kurtosis. The interval of "pooled"
    would hold for independent values with known spreads; those of the others rest on independent
    batches alone. The sample covariance of stable noise gives about the stable index, so a
    surrogate that agrees with the recipe excludes no tail: the index per coordinate does.

    See Also
    --------
    linsgd.estimate.stable_index : The index of independent values of one law.
    linsgd.estimate.normality : Tests of normality, with their power.

    References
    ----------
    U. Simsekli, L. Sagun, M. Gurbuzbalaban, "A tail-index analysis of stochastic gradient noise in
    deep neural networks", ICML 2019, for the recipe.

    Examples
    --------
    Normal noise of unequal variances is no stable law:

    >>> import linsgd, numpy as np
    >>> scales = np.arange(1, 101) ** -1.5
    >>> noise = np.random.default_rng(0).normal(size=(400, 100)) * scales
    >>> found = linsgd.estimate.tail_controls(noise)
    >>> found["permuted"].upper < 1.5, found["standardised"].value > 1.9
    (True, True)
    >>> [str(cause) for cause in found.causes]
    ['anisotropy']
    """
    table = domains.array("samples", samples, (None, None))
    confidence = domains.real("confidence", confidence, "(0, 1)")
    rng = np.random.default_rng(domains.integer("seed", seed, "[0, inf)"))
    varying = np.ptp(table, axis=0) > 0
    live_enough = len(table) >= FEWEST_BATCHES and bool(varying.any())
    if not live_enough:
        return _without_value(table, int(varying.sum()), confidence)
    return _decided(np.where(varying, table - table.mean(axis=0), 0.0), varying, confidence, rng)


def _decided(
    table: FloatArray, varying: NDArray[np.bool_], confidence: float, rng: np.random.Generator
) -> TailControls:
    """Apply every control to centred samples (P, M)."""
    live = table[:, varying]
    scaled = live / _spread(live)
    batches, coordinates = live.shape
    raw_blocks = Blocks.of(batches, table.shape[1], FEWEST_BLOCKS)
    blocks = Blocks.of(batches, coordinates, FEWEST_BLOCKS)
    found = {
        "raw": inverse(raw_blocks.cut(table)),
        "zeros masked": inverse(blocks.cut(live)),
        "permuted": inverse(blocks.cut(_permuted(live, rng))),
        "standardised": inverse(blocks.cut(_permuted(scaled, rng))),
        "surrogate": surrogate(blocks.cut(live), live),
    }
    controls = {name: _control(name, each, confidence, live.size) for name, each in found.items()}
    controls["per coordinate"] = _per_coordinate(scaled, confidence)
    pooled = stable_index(_shortened(scaled, rng), confidence=confidence, location=0.0)
    controls["pooled"] = _of_stable("pooled", pooled)
    alone = stable_index(_one_a_batch(scaled, rng), location=0.0)
    causes = _causes(found, scaled)
    order = ("raw", "zeros masked", "permuted", "standardised", "per coordinate", "pooled")
    return TailControls(
        controls=tuple(controls[name] for name in (*order, "surrogate")),
        zeros=found["raw"].value - found["zeros masked"].value,
        correlation=found["zeros masked"].value - found["permuted"].value,
        anisotropy=found["permuted"].value - found["standardised"].value,
        coordinates=found["standardised"].value - 0.5,
        excess_kurtosis=float(np.median(_excess_kurtosis(live))),
        zero_fraction=float(np.mean(table == 0)),
        stable_pvalue=alone.fit_pvalue,
        causes=causes,
        sentence=_sentence(found, causes),
        batches=batches,
        coordinates_used=coordinates,
        block=raw_blocks.length,
        confidence=confidence,
        status=EstimateStatus.OK,
    )


def _spread(table: FloatArray) -> FloatArray:
    """Return the interquartile range of each column (M,), its standard deviation where that is 0.

    Both in units in which they agree for a normal law.
    """
    lower, upper = np.quantile(table, [0.25, 0.75], axis=0)
    range_ = (upper - lower) / 1.3489795003921634
    spread: FloatArray = np.where(range_ > 0, range_, table.std(axis=0))
    return spread


def _permuted(table: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a table (P, M) whose values are those of another in random order."""
    return rng.permutation(table.ravel()).reshape(table.shape)


def _shortened(table: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the values of a table (P, M), or `POOLED` of them at random."""
    values = table.ravel()
    chosen = values if values.size <= POOLED else rng.choice(values, POOLED, replace=False)
    nonzero: FloatArray = chosen[chosen != 0]
    return nonzero


def _one_a_batch(table: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return one value of each row, of a random column: the values are independent."""
    chosen = rng.integers(table.shape[1], size=len(table))
    values = table[np.arange(len(table)), chosen]
    nonzero: FloatArray = values[values != 0]
    return nonzero


def _control(name: str, found: Inverse, confidence: float, samples: int) -> Control:
    """Return the control of an estimated 1/alpha."""
    lower, upper = found.interval_of_alpha(confidence)
    if not found.value > 0 or math.isinf(upper):
        return _missing(name, samples, "the interval of 1/alpha holds 0: more batches are needed")
    return Control(name=name, value=1 / found.value, lower=lower, upper=upper, samples=samples)


def _of_stable(name: str, found: StableIndex) -> Control:
    return Control(
        name=name,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        samples=found.samples,
        status=found.status,
        reason=found.reason,
    )


def _missing(name: str, samples: int, reason: str) -> Control:
    return Control(
        name=name,
        value=math.nan,
        lower=math.nan,
        upper=math.nan,
        samples=samples,
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=reason,
    )


def _per_coordinate(table: FloatArray, confidence: float) -> Control:
    """Return the mean over coordinates of 1/alpha of blocks of batches."""
    groups = len(table) // SHORT
    if groups < FEWEST_BLOCKS:
        needed = SHORT * FEWEST_BLOCKS
        reason = f"{len(table)} batches, at least {needed} are needed"
        return _missing("per coordinate", table.size, reason)
    found = inverse(_over_batches(table, SHORT))
    return _control("per coordinate", found, confidence, table.size)


def _over_batches(table: FloatArray, length: int) -> FloatArray:
    """Return blocks of successive batches of each coordinate (groups, M, length)."""
    groups = len(table) // length
    cut = table[: groups * length].reshape(groups, length, table.shape[1])
    return cut.swapaxes(1, 2)


def _causes(found: dict[str, Inverse], scaled: FloatArray) -> tuple[Cause, ...]:
    """Return the parts that are clear and relevant."""
    steps = (
        (Cause.ZEROS, "raw", "zeros masked"),
        (Cause.CORRELATION, "zeros masked", "permuted"),
        (Cause.ANISOTROPY, "permuted", "standardised"),
    )
    causes = [cause for cause, one, other in steps if _clear(_part(found, one, other))]
    rest = found["standardised"]
    if _clear((rest.value - 0.5, rest.error)) and rest.value > 0.5:
        causes.append(_tail_or_kurtosis(scaled))
    return tuple(causes)


def _part(found: dict[str, Inverse], one: str, other: str) -> tuple[float, float]:
    """Return the difference of two controls in 1/alpha, and its standard error."""
    difference = found[one].value - found[other].value
    return difference, math.hypot(found[one].error, found[other].error)


def _clear(part: tuple[float, float]) -> bool:
    difference, error = part
    return abs(difference) > max(RELEVANT, CLEAR * error)


def _tail_or_kurtosis(table: FloatArray) -> Cause:
    """Compare short and long blocks of batches of each coordinate.

    A stable law gives both the same 1/alpha, a law of finite variance 1/2 + c/log m.
    """
    factor = min(len(table) // (FEWEST_BLOCKS * SHORT), LONGEST)
    if factor < 2:
        return Cause.UNDECIDED
    long = _over_batches(table, factor * SHORT)
    groups, columns, _ = long.shape
    short = inverse(long.reshape(groups, columns * factor, SHORT)).groups
    beyond = inverse(long).groups
    shrunk = (short - 0.5) * math.log(SHORT) / math.log(factor * SHORT)
    stable, finite = _score(beyond - short), _score(beyond - 0.5 - shrunk)
    if abs(stable) > CLEAR and abs(finite) < abs(stable):
        return Cause.KURTOSIS
    if abs(finite) > CLEAR and abs(stable) < abs(finite):
        return Cause.TAIL
    return Cause.UNDECIDED


def _score(values: FloatArray) -> float:
    """Return the mean of values in standard errors."""
    found = Inverse(values)
    return found.value / found.error if found.error > 0 else 0.0


def _excess_kurtosis(table: FloatArray) -> FloatArray:
    """Return the excess kurtosis of each column, unbiased for normal values."""
    n = len(table)
    second, fourth = (table**2).mean(axis=0), (table**4).mean(axis=0)
    plain = fourth / second**2 - 3
    excess: FloatArray = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * plain + 6)
    return excess


WORDS = {
    Cause.ZEROS: "coordinates that never vary",
    Cause.CORRELATION: "correlation between neighbouring coordinates",
    Cause.ANISOTROPY: "unequal variances of the coordinates",
    Cause.KURTOSIS: "single coordinates of finite variance that are not normal",
    Cause.TAIL: "a heavy tail of single coordinates, as of a stable law",
    Cause.UNDECIDED: "single coordinates that are not normal, with too few batches to say whether "
    "their variance is finite",
}


def _sentence(found: dict[str, Inverse], causes: tuple[Cause, ...]) -> str:
    """Say in words which parts account for the recipe's index."""
    raw = 1 / found["raw"].value if found["raw"].value > 0 else math.inf
    if not causes:
        return f"The recipe gives {raw:.2f}; no part of its distance from 2 is clear."
    told = [WORDS[cause] for cause in causes]
    listed = told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
    normal = not {Cause.KURTOSIS, Cause.TAIL, Cause.UNDECIDED} & set(causes)
    rest = "; single coordinates are normal within the error" if normal else ""
    agrees = normal and not _clear(_part(found, "zeros masked", "surrogate"))
    same = "; normal noise of equal covariance gives the same index" if agrees else ""
    return f"The recipe's {raw:.2f} comes from {listed}{rest}{same}."


def _line(control: Control) -> str:
    if control.status is not EstimateStatus.OK:
        return control.reason
    return f"{control.value:.3f} in [{control.lower:.3f}, {control.upper:.3f}]"


def _without_value(table: FloatArray, live: int, confidence: float) -> TailControls:
    """Return the controls of samples from which nothing can be said."""
    reason = f"{len(table)} batches, at least {FEWEST_BATCHES} are needed"
    reason = reason if live else "no coordinate varies between batches"
    return TailControls(
        controls=(_missing("raw", table.size, reason),),
        zeros=math.nan,
        correlation=math.nan,
        anisotropy=math.nan,
        coordinates=math.nan,
        excess_kurtosis=math.nan,
        zero_fraction=math.nan,
        stable_pvalue=math.nan,
        causes=(),
        sentence=f"Not enough data: {reason}.",
        batches=len(table),
        coordinates_used=live,
        block=0,
        confidence=confidence,
        status=EstimateStatus.NOT_ENOUGH_DATA,
    )
