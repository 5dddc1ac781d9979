r"""Tests of normality, and what they can see.

One coordinate: Shapiro and Wilk, Anderson and Darling (with estimated mean and variance, Stephens
1986), D'Agostino and Pearson. Several: the same after a projection on random directions, and
Mardia's statistics (1970),

    b1 = mean_ij (y_i'y_j)^3,  n b1/6 ~ chi2 of d(d+1)(d+2)/6,
    b2 = mean_i |y_i|^4,       (b2 - d(d+2))/sqrt(8 d(d+2)/n) ~ N(0, 1),

with y the values whitened by their own covariance.

A test that does not reject has seen no difference larger than it could see. The sample kurtosis of
n normal values has standard error sqrt(24/n); so an excess kurtosis is found with probability 1/2
or more only if it exceeds about z sqrt(24/n). Minibatch noise has an excess kurtosis in proportion
to 1/b: it "looks normal" from a batch on that grows with the square root of n. A projection on
random directions averages coordinates, which is another central limit.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.estimate.tail_index import EstimateStatus
from linsgd.result import Result

FEWEST = 20
MOST_SHAPIRO = 5000  # values for which the p-value of Shapiro and Wilk is calibrated
PROJECTIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NormalityTest(Result):
    """One test.

    Attributes
    ----------
    name : str
        The test.
    statistic, pvalue : float
        Its statistic and the probability of one as large under normality.
    samples : int
        Values that were used.
    """

    name: str
    statistic: float
    pvalue: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Normality(Result):
    """The tests of one sample.

    Attributes
    ----------
    tests : tuple of NormalityTest
        In the order of the docstring of `normality`.
    rejected : bool
        Whether the smallest p-value is below `level` over the number of tests.
    level : float
        Chance that normal values are rejected, at most.
    excess_kurtosis : float
        Of the values; of several coordinates b2/(d (d + 2)) - 1.
    detectable_kurtosis : float
        Excess kurtosis of one coordinate that a kurtosis test at `level` finds with probability
        1/2; smaller ones are not seen.
    samples : int
        Values.
    status : EstimateStatus
        Whether the data are enough.
    reason : str
        Why not.
    """

    tests: tuple[NormalityTest, ...]
    rejected: bool
    level: float
    excess_kurtosis: float
    detectable_kurtosis: float
    samples: int
    status: EstimateStatus
    reason: str = ""

    def __getitem__(self, name: str) -> NormalityTest:
        """Return the test of a name."""
        known = {test.name: test for test in self.tests}
        return known[domains.choice("name", name, tuple(known))]

    def rows(self) -> list[tuple[str, str]]:
        """Return a line a test, and what could be seen."""
        lines = [(t.name, f"statistic {t.statistic:.4g}, p = {t.pvalue:.3g}") for t in self.tests]
        seen = f"{self.detectable_kurtosis:.3g} at level {self.level:g}, half of the time"
        decided = f"{'yes' if self.rejected else 'no'}{self.reason and f'; {self.reason}'}"
        return [*lines, ("rejected", decided), ("kurtosis seen from", seen)]


def normality(x: ArrayLike, *, level: float = 0.05, seed: int = 0) -> Normality:
    r"""Test whether values are normal, and say which excess kurtosis would have been seen.

    Parameters
    ----------
    x : array_like (n,) or (n, d)
        Independent values, or independent vectors.
    level : float
        Chance that normal values are rejected, in (0, 1); shared by the tests (Bonferroni).
    seed : int
        Of the random directions, at least 0.

    Returns
    -------
    Normality
        For (n,): "shapiro_wilk", "anderson_darling", "dagostino". For (n, d): "mardia_skewness",
        "mardia_kurtosis", "projections" (the smallest of 20 p-values of Shapiro and Wilk, times
        20).

    Raises
    ------
    ValueError
        If x is not an array of finite numbers, or an argument lies outside its domain.

    Notes
    -----
    At least 20 values, and 2 d of d coordinates, are needed. Shapiro and Wilk's p-value is that of
    the first 5,000 values. The tests take mean and variance from the values, as their p-values do.

    See Also
    --------
    linsgd.estimate.law_fit : A fitted law of another family, by a parametric bootstrap.
    linsgd.estimate.tail_controls : What makes gradient noise look heavy-tailed.

    References
    ----------
    M. A. Stephens, in: Goodness-of-fit Techniques, Dekker 1986. K. V. Mardia, Biometrika 57 (1970)
    519.

    Examples
    --------
    >>> import linsgd, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> linsgd.estimate.normality(rng.laplace(size=500)).rejected
    True
    >>> found = linsgd.estimate.normality(rng.normal(size=500))
    >>> found.rejected, round(found.detectable_kurtosis, 2)
    (False, 0.43)
    """
    flat = np.ndim(x) == 1
    values = domains.array("x", x, (None,) if flat else (None, None))
    level = domains.real("level", level, "(0, 1)")
    rng = np.random.default_rng(domains.integer("seed", seed, "[0, inf)"))
    table = values.reshape(len(values), -1)
    objection = _objection(table)
    if objection:
        return _without_value(len(table), level, objection)
    tests = _of_one(table[:, 0]) if table.shape[1] == 1 else _of_several(table, rng)
    return Normality(
        tests=tests,
        rejected=bool(min(test.pvalue for test in tests) < level / len(tests)),
        level=level,
        excess_kurtosis=_excess_kurtosis(table),
        detectable_kurtosis=float(stats.norm.isf(level / 2)) * math.sqrt(24 / len(table)),
        samples=len(table),
        status=EstimateStatus.OK,
    )


def _objection(table: FloatArray) -> str:
    """Return why the values cannot be tested, or ''."""
    n, d = table.shape
    needed = FEWEST if d == 1 else max(FEWEST, 2 * d)
    if n < needed:
        return f"{n} values, at least {needed} are needed"
    constant = np.flatnonzero(np.ptp(table, axis=0) == 0)
    if constant.size:
        return f"coordinate {constant[0]} is constant" if d > 1 else "all values are equal"
    if d > 1 and np.linalg.matrix_rank(table - table.mean(axis=0)) < d:
        return "the coordinates are linearly dependent"
    return ""


def _of_one(x: FloatArray) -> tuple[NormalityTest, ...]:
    """Return the tests of one coordinate (n,)."""
    standard = (x - x.mean()) / x.std(ddof=1)
    shapiro = stats.shapiro(standard[:MOST_SHAPIRO])
    anderson = anderson_darling(standard)
    omnibus = stats.normaltest(standard)
    used = min(x.size, MOST_SHAPIRO)
    return (
        _test("shapiro_wilk", shapiro.statistic, shapiro.pvalue, used),
        _test("anderson_darling", *anderson, x.size),
        _test("dagostino", omnibus.statistic, omnibus.pvalue, x.size),
    )


def _test(name: str, statistic: float, pvalue: float, samples: int) -> NormalityTest:
    return NormalityTest(
        name=name, statistic=float(statistic), pvalue=float(pvalue), samples=samples
    )


def anderson_darling(standard: FloatArray) -> tuple[float, float]:
    """Return A^2 and its p-value for values (n,) standardised by their own mean and variance.

    The p-value is Stephens' fit, exact to two digits, of A^2 (1 + 0.75/n + 2.25/n^2).
    """
    n = standard.size
    z = np.sort(standard)
    i = np.arange(1, n + 1)
    logs = stats.norm.logcdf(z) + stats.norm.logsf(z[::-1])
    square = -n - float(np.mean((2 * i - 1) * logs))
    a = square * (1 + 0.75 / n + 2.25 / n**2)
    return square, _anderson_pvalue(min(a, 150.0))


def _anderson_pvalue(a: float) -> float:
    """Return Stephens' p-value (1986, table 4.9), a <= 150."""
    if a < 0.2:
        return 1 - math.exp(-13.436 + 101.14 * a - 223.73 * a**2)
    if a < 0.34:
        return 1 - math.exp(-8.318 + 42.796 * a - 59.938 * a**2)
    if a < 0.6:
        return math.exp(0.9177 - 4.279 * a - 1.38 * a**2)
    return math.exp(1.2937 - 5.709 * a + 0.0186 * a**2)


def _of_several(table: FloatArray, rng: np.random.Generator) -> tuple[NormalityTest, ...]:
    """Return the tests of vectors (n, d)."""
    n, d = table.shape
    y = _whitened(table)
    products = y @ y.T if n <= MOST_SHAPIRO else y[:MOST_SHAPIRO] @ y[:MOST_SHAPIRO].T
    used = len(products)
    skewness = float((products**3).mean())
    pvalue = stats.chi2.sf(used * skewness / 6, d * (d + 1) * (d + 2) / 6)
    kurtosis = float((np.einsum("ij,ij->i", y, y) ** 2).mean())
    score = (kurtosis - d * (d + 2)) / math.sqrt(8 * d * (d + 2) / n)
    directions = rng.standard_normal((d, PROJECTIONS))
    projected = stats.shapiro((y @ directions)[:MOST_SHAPIRO], axis=0)
    statistics = np.atleast_1d(projected.statistic)
    pvalues = np.atleast_1d(projected.pvalue)
    smallest = int(pvalues.argmin())
    return (
        _test("mardia_skewness", skewness, pvalue, used),
        _test("mardia_kurtosis", kurtosis, 2 * stats.norm.sf(abs(score)), n),
        _test(
            "projections",
            statistics[smallest],
            min(1.0, PROJECTIONS * pvalues[smallest]),
            min(n, MOST_SHAPIRO),
        ),
    )


def _whitened(table: FloatArray) -> FloatArray:
    """Return vectors (n, d) of mean 0 and covariance I."""
    centred = table - table.mean(axis=0)
    u, _, _ = np.linalg.svd(centred, full_matrices=False)
    whitened: FloatArray = u * math.sqrt(len(table))
    return whitened


def _excess_kurtosis(table: FloatArray) -> float:
    d = table.shape[1]
    y = _whitened(table)
    fourth = float((np.einsum("ij,ij->i", y, y) ** 2).mean())
    return fourth - 3 if d == 1 else fourth / (d * (d + 2)) - 1


def _without_value(samples: int, level: float, reason: str) -> Normality:
    """Return a result that says why nothing was tested."""
    return Normality(
        tests=(),
        rejected=False,
        level=level,
        excess_kurtosis=math.nan,
        detectable_kurtosis=math.nan,
        samples=samples,
        status=EstimateStatus.NOT_ENOUGH_DATA,
        reason=reason,
    )
