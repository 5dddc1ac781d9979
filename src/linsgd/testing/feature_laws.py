r"""A check that the sampler of a feature law agrees with the moments that the law declares.

Along directions u in which the features have unit variance, the averages of (u'x)^2 and of
(u'x)^2 (w'x)^2 over many samples are compared with u'Hu and u'E[x x'ww'x x']u.

The variance v of (u'x)^2 is declared too. With it Catoni's influence function
psi(y) = sign(y) log(1 + |y| + y^2 / 2) gives a bound that holds at every number n of samples and
for every law (Catoni 2012): with a = sqrt(2 log(2 / p) / (n v)),

    P(|sum psi(a (Y_i - E Y))| / (a n) > sqrt(2 v log(2 / p) / n)) <= p.

Products of fourth order have no declared variance. They are compared by Student's statistic at a
quarter of their share of the false-alarm rate; from below only if n is at least 400 times the
squared skewness of the sample, as fewer samples may lack the largest values.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.problems.features import FeatureLaw, PrincipalAxesLaw, principal_axes
from linsgd.result import Result

FALSE_ALARM = 1e-6
AXES, RANDOM = 4, 4  # directions along principal axes, and between them
NUMBERS = 2**23  # features and averaged variables by default,
FEWEST, MOST = 2**16, 2**21  # in at least and at most so many samples
CHUNK = 2**15  # samples drawn at a time
CAUTION, ENOUGH = 4.0, 400.0  # of Student's statistic, see above
ROUNDING = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class FeatureLawCheck(Result):
    """The record of a check that found no contradiction.

    Attributes
    ----------
    samples : int
        How many were drawn.
    comparisons : int
        How many averages were compared with declared moments.
    false_alarm : float
        Bound on the probability that a correct law is rejected.
    one_sided : int
        Comparisons of fourth order that could not rule out a smaller moment than declared, because
        few large values carry the average.
    """

    samples: int
    comparisons: int
    false_alarm: float = FALSE_ALARM
    one_sided: int


def check_feature_law(
    law: FeatureLaw, samples: int | None = None, seed: int = 0
) -> FeatureLawCheck:
    """Check that a feature law is complete and that its sampler has the moments it declares.

    Parameters
    ----------
    law : FeatureLaw
        A law of one's own, as `linsgd.LinearRegression.from_features` takes it.
    samples : int, optional
        How many feature vectors to draw, at least 1000; by default 2^23 over the number of features
        and comparisons, in [2^16, 2^21].
    seed : int
        Of the generator that the sampler is given.

    Returns
    -------
    FeatureLawCheck
        The number of comparisons, and how many of them were one-sided.

    Raises
    ------
    AssertionError
        If a method returns a wrong shape, the fourth moment is not the linear, symmetric map of a
        law, equal seeds give different samples, or the sampler contradicts a declared moment. A
        correct law is rejected with probability below 1e-6.
    ValueError
        If `law` is no feature law, or another argument lies outside its domain.

    Notes
    -----
    Second moments are compared by Catoni's bound, whose false-alarm rate is a theorem; fourth
    moments by Student's statistic, whose rate rests on the central limit theorem. A law of infinite
    eighth moment can have a smaller fourth moment than it declares without being rejected; the
    result counts such comparisons as one-sided.

    References
    ----------
    .. [1] O. Catoni, "Challenging the empirical mean and empirical variance: a deviation study",
       Annales de l'Institut Henri Poincare 48, 2012.

    Examples
    --------
    >>> import linsgd
    >>> from linsgd.testing import check_feature_law
    >>> check_feature_law(linsgd.UniformFeatures([1.0, 0.5]), samples=20_000).comparisons
    23
    """
    if isinstance(law, type) or not isinstance(law, FeatureLaw):
        domains.refuse_type("law", law, "an object with the methods of linsgd.FeatureLaw")
    domains.integer("seed", seed, "[0, inf)")
    d = _checked_dimension(law)
    H = _checked_second_moment(law, d)
    _check_fourth_moment(law, H)
    _check_sampler(law, d, seed)
    return _compare(law, H, samples, seed)


def _require(met: object, message: str) -> None:
    if not met:
        raise AssertionError(message)


def _checked_dimension(law: FeatureLaw) -> int:
    d = law.dimension
    whole = type(d) is int or isinstance(d, np.integer)
    _require(whole and d >= 1, f"dimension is {d!r}, not a whole number of features")
    return int(d)


def _checked_second_moment(law: FeatureLaw, d: int) -> FloatArray:
    """Return H (d, d)."""
    _require(callable(law.second_moment), "second_moment is no method: drop its @property")
    H = np.asarray(law.second_moment())
    shapes = ((d,), (d, d))
    _require(H.shape in shapes, f"second_moment() has shape {H.shape}, not (d,) or (d, d), d = {d}")
    H = domains.covariance("law.second_moment()", H)
    return np.diag(H) if H.ndim == 1 else H


def _check_fourth_moment(law: FeatureLaw, H: FloatArray) -> None:
    """Require the map M -> E[x x'M x x'] to be linear, symmetric and at least Jensen's bound."""
    d, rng = len(H), np.random.default_rng(0)
    M, N = (matrix + matrix.T for matrix in rng.standard_normal((2, d, d)))
    given = M.copy()
    F, G, both = (np.asarray(law.fourth_moment(matrix)) for matrix in (M, N, 2 * M - N))
    _require(np.array_equal(M, given), "fourth_moment changes its argument")
    _require(F.shape == (d, d), f"fourth_moment(M) has shape {F.shape}, not ({d}, {d})")
    _require(not np.isnan(F).any(), "fourth_moment(M) has an entry that is no number")
    if np.isinf(F).any():
        return
    scale = ROUNDING * max(np.abs(F).max(), np.abs(G).max(), np.abs(H).max() ** 2)
    _require(np.abs(F - F.T).max() <= scale, "fourth_moment(M) is not symmetric")
    _require(np.abs(both - 2 * F + G).max() <= 9 * scale, "fourth_moment is not linear in M")
    # E[x'Mx x'Nx] does not depend on the order of M and N
    asymmetry = abs(np.sum(N * F) - np.sum(M * G))
    bound = d * scale * (np.abs(M).max() + np.abs(N).max())
    _require(asymmetry <= d * bound, "fourth_moment is not self-adjoint: tr(N F(M)) != tr(M F(N))")
    # E (x'x)^2 >= (E x'x)^2
    square, total = float(np.trace(law.fourth_moment(np.eye(d)))), float(np.trace(H))
    least = total**2 * (1 - ROUNDING)
    _require(square >= least, f"E|x|^4 = {square:.6g} is declared, below (E|x|^2)^2 = {least:.6g}")


def _check_sampler(law: FeatureLaw, d: int, seed: int) -> None:
    """Require shape, finite numbers and reproducibility of the sampler."""
    x = np.asarray(law.sample(7, np.random.default_rng(seed)))
    _require(x.shape == (7, d), f"sample(7, rng) has shape {x.shape}, not (7, {d})")
    _require(
        np.asarray(law.sample(1, np.random.default_rng(seed))).shape == (1, d), "sample(1, rng)"
    )
    _require(x.dtype.kind == "f", f"sample gives numbers of type {x.dtype}, not floats")
    _require(np.isfinite(x).all(), "sample gives a number that is not finite")
    again = law.sample(7, np.random.default_rng(seed))
    _require(np.array_equal(x, again), "equal seeds give different samples: use rng alone")
    rng = np.random.default_rng(seed)
    first, second = law.sample(64, rng), law.sample(64, rng)
    repeated = np.array_equal(first, second) and not np.all(first == first[0])
    _require(not repeated, "two calls with one rng give equal samples: the sampler seeds itself")


def _compare(law: FeatureLaw, H: FloatArray, samples: int | None, seed: int) -> FeatureLawCheck:
    """Draw the samples and compare every average with its declared mean."""
    U, null = _directions(H, seed)
    averages = _averages(law, H, U)
    comparisons = sum(average.mean.size for average in averages)
    default = min(max(NUMBERS // (comparisons + len(H)), FEWEST), MOST)
    n = domains.integer("samples", default if samples is None else samples, "[1000, inf)")
    for average in averages:
        average.begin(n, FALSE_ALARM / comparisons)

    rng = np.random.default_rng(seed)
    for start in range(0, n, CHUNK):
        x = np.asarray(law.sample(min(CHUNK, n - start), rng), dtype=np.float64)
        _require(np.isfinite(x).all(), "sample gives a number that is not finite")
        across = float(np.abs(x @ null).max(initial=0.0))
        _require(across <= ROUNDING * np.sqrt(np.trace(H)), "sample leaves the range of H")
        along = x @ U
        for average in averages:
            average.add(average.of(along))

    one_sided = sum(average.judge() for average in averages)
    return FeatureLawCheck(samples=n, comparisons=comparisons, one_sided=one_sided)


def _directions(H: FloatArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return directions (d, K) of unit variance, first principal axes, and null directions."""
    eigenvalues, eigenvectors = principal_axes(H)
    Q = np.eye(len(H)) if eigenvectors is None else eigenvectors
    seen = eigenvalues > 0
    whitener = Q[:, seen] / np.sqrt(eigenvalues[seen])
    rank = whitener.shape[1]
    axes = np.eye(rank)[:, np.unique(np.linspace(0, rank - 1, AXES).astype(int))]
    between = np.random.default_rng([seed, 1]).standard_normal((rank, RANDOM if rank > 1 else 0))
    between /= np.linalg.norm(between, axis=0)
    return whitener @ np.concatenate([axes, between], axis=1), Q[:, ~seen]


def _averages(law: FeatureLaw, H: FloatArray, U: FloatArray) -> list["_Average"]:
    """Return what is averaged along the directions U (d, K), with the declared means."""
    size = U.shape[1]
    # each direction with itself, then each with the next
    first, second = np.array([(i, i + step) for step in (0, 1) for i in range(size - step)]).T
    variances = np.sum(U * (H @ U), axis=0)
    products = np.array(
        [_fourth(law, U[:, i], U[:, j]) for i, j in zip(first, second, strict=True)]
    )
    averages: list[_Average] = []
    if isinstance(law, PrincipalAxesLaw):
        # an odd function has mean 0, and this one at most the variance of u'x
        odd = _Catoni("symmetry about 0", "tanh(u'x)", np.tanh, np.zeros(size), variances)
        averages.append(odd)
    square = "second_moment", "(u'x)^2", np.square, variances
    if not np.isfinite(products).all():
        return [*averages, _Student(*square)]

    def product(along: FloatArray) -> FloatArray:
        return along[:, first] ** 2 * along[:, second] ** 2

    fourth = _Student("fourth_moment", "(u'x)^2 (w'x)^2", product, products)
    return [*averages, _Catoni(*square, products[:size] - variances**2), fourth]


def _fourth(law: FeatureLaw, u: FloatArray, w: FloatArray) -> float:
    """Return the declared E (u'x)^2 (w'x)^2."""
    F = np.asarray(law.fourth_moment(np.outer(w, w)))
    return math.inf if np.isinf(F).any() else float(u @ F @ u)


@dataclass(slots=True)
class _Average:
    """Averages of K functions of the samples, beside their declared means.

    Attributes
    ----------
    declared, what : str
        The method that declares the means, and the variable, in words.
    of : callable
        From the features along the directions (n, L) to the variables (n, K).
    mean : ndarray (K,)
        The declared means.
    """

    declared: str
    what: str
    of: Callable[[FloatArray], FloatArray]
    mean: FloatArray

    def begin(self, n: int, share: float) -> None:
        """Prepare for n samples, at this probability of a false alarm in each comparison."""
        raise NotImplementedError

    def add(self, values: FloatArray) -> None:
        """Take in more samples (m, K)."""
        raise NotImplementedError

    def judge(self) -> int:
        """Raise if an average contradicts its mean; return how many are judged from above only."""
        raise NotImplementedError

    def _reject(self, k: int, deviation: float, bound: float) -> None:
        found = f"the mean of {self.what} is {self.mean[k] + deviation:.6g}, not {self.mean[k]:.6g}"
        raise AssertionError(f"sample contradicts {self.declared}: {found} to within {bound:.2g}")


@dataclass(slots=True)
class _Catoni(_Average):
    """Variables of declared variance (K,)."""

    variance: FloatArray
    bound: FloatArray = field(init=False)
    sum: FloatArray = field(init=False)
    n: int = field(init=False)

    def begin(self, n: int, share: float) -> None:
        # a constant, such as the square of a sign, deviates by rounding alone
        self.variance = np.maximum(self.variance, ROUNDING**2)
        self.bound = np.sqrt(2 * self.variance * math.log(2 / share) / n)
        self.sum, self.n = np.zeros(self.mean.size), n

    def add(self, values: FloatArray) -> None:
        y = self.bound / self.variance * (values - self.mean)
        self.sum += np.sum(np.sign(y) * np.log1p(np.abs(y) + y * y / 2), axis=0)

    def judge(self) -> int:
        deviation = self.sum * self.variance / (self.bound * self.n)
        k = int(np.argmax(np.abs(deviation) / self.bound))
        if abs(deviation[k]) > self.bound[k]:
            self._reject(k, deviation[k], self.bound[k])
        return 0


@dataclass(slots=True)
class _Student(_Average):
    """Variables of unknown variance."""

    quantile: float = field(init=False)
    sums: FloatArray = field(init=False)
    n: int = field(init=False)

    def begin(self, n: int, share: float) -> None:
        self.quantile = float(norm.isf(share / CAUTION / 2))
        self.sums, self.n = np.zeros((3, self.mean.size)), n

    def add(self, values: FloatArray) -> None:
        y = values - self.mean
        squares = y * y
        self.sums += [y.sum(axis=0), squares.sum(axis=0), (y * squares).sum(axis=0)]

    def judge(self) -> int:
        """Raise where |mean - declared| exceeds its bound, from below only with enough samples."""
        first, second, third = self.sums / self.n
        variance = second - first**2
        # enough samples: n >= 400 skewness^2
        third_central = third - 3 * first * second + 2 * first**3
        enough = self.n * variance**3 >= ENOUGH * third_central**2
        rounding = ROUNDING * np.maximum(self.mean, 1.0)
        bound = self.quantile * np.sqrt(np.maximum(variance, 0.0) / self.n) + rounding
        wrong = (first > bound) | ((first < -bound) & enough)
        if wrong.any():
            k = int(np.argmax(wrong * np.abs(first) / bound))
            self._reject(k, first[k], bound[k])
        return int(np.sum(~enough))
