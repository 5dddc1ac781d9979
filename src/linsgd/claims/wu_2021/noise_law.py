r"""The moments of the minibatch gradient at fixed weights: how fast it becomes normal.

Along a direction u with correlation rho between u'x and the residual, Gaussian features and labels
give the standardised noise of batch b

    skewness (6 rho + 2 rho^3)/((1 + rho^2)^(3/2) b^(1/2)),
    excess kurtosis 6 (1 + 6 rho^2 + rho^4)/((1 + rho^2)^2 b);

for the rows of a data set they are the rows' own over b^(1/2) and b. All moments are finite at
every b.
"""

import math

import numpy as np
import sympy

from linsgd.claims.gradient_draws import FrozenGradients, Powers
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import KnownVariance
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.gradient_noise.law import gradient_noise

rho, b, N = sympy.symbols("rho b N", positive=True)
skewness = sympy.Function("gamma_1")
kurtosis = sympy.Function("gamma_2")


@wu.claim(on="law")
def excess_kurtosis_falls_as_the_batch(named: NamedProblem) -> Draft:
    """Measure the fourth moment of the standardised noise along the gradient, at batch 3."""
    problem, batches = named.problem, (3,)
    w, direction = np.zeros(problem.dimension), _along_gradient(problem)
    exact = np.array([_standard_moments(problem, w, direction, size)[4] for size in batches])
    one = _standard_moments(problem, w, direction, 1)[4]
    shape = 6 * (1 + 6 * rho**2 + rho**4) / (1 + rho**2) ** 2
    return Draft(
        statement=(
            "Along the full gradient the excess kurtosis of the minibatch gradient is that of one "
            "row over the batch size: all moments are finite and the noise becomes normal."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(kurtosis(b), shape / b),
        regime="w = 0, independent batches of 3; the eighth moment is known exactly",
        components=tuple(f"fourth standardised moment, batch {size}" for size in batches),
        prediction=exact,
        acceptance=Acceptance.interval(
            exact, 0.249 * (exact - 3), "a quarter of the excess over 3 that normal noise has"
        ),
        mutants={
            "normal noise": np.full(1, 3.0),
            "no dependence on the batch": np.full(1, one),
        },
        evidence=_powers(problem, w, direction, batches, 4),
    )


@wu.claim
def skewness_falls_as_the_root_of_the_batch(named: NamedProblem) -> Draft:
    """Measure the third moment of the standardised noise along the gradient, batch 4 and 16."""
    problem, batches = named.problem, (4, 16)
    w, direction = np.zeros(problem.dimension), _along_gradient(problem)
    exact = np.array([_standard_moments(problem, w, direction, size)[3] for size in batches])
    one = _standard_moments(problem, w, direction, 1)[3]
    if named.finite:
        formula = sympy.Eq(skewness(b), skewness(1) / sympy.sqrt(b))
    else:
        shape = (6 * rho + 2 * rho**3) / (1 + rho**2) ** sympy.Rational(3, 2)
        formula = sympy.Eq(skewness(b), shape / sympy.sqrt(b))
    return Draft(
        statement=(
            "Away from the optimum the minibatch gradient is skewed along the full gradient, by "
            "the skewness of one row over the root of the batch: normality comes as b^(-1/2) "
            "there, not as 1/b."
        ),
        source=Source.CONDITION,
        formula=formula,
        regime="w = 0, independent batches of 4 and 16; the sixth moment is known exactly",
        components=tuple(f"skewness, batch {size}" for size in batches),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.24 * np.abs(exact), "a quarter of the skewness"),
        mutants={"normal noise": np.zeros(2), "no dependence on the batch": np.full(2, one)},
        evidence=_powers(problem, w, direction, batches, 3),
    )


@wu.claim(on="data")
def noise_of_nearly_all_rows_mirrors_that_of_one(named: NamedProblem) -> Draft:
    """Measure the skewness at batch N - 1 without replacement."""
    problem, rows = named.problem, named.rows
    if rows < 3:
        raise Inapplicable("fewer than three rows")
    w, direction = np.zeros(problem.dimension), _along_gradient(problem)
    moments = _standard_moments(problem, w, direction, 1)
    exact = np.array([-moments[3]])
    variance = _row_variance(problem, w, direction) / (rows - 1) ** 2
    observable = Powers(
        gradient_noise(problem, w, 1).mean,
        direction[:, None],
        np.array([variance**1.5]),
        3,
        (0,),
    )
    return Draft(
        statement=(
            "Without replacement the noise at batch N - 1 is the mirror image of that at batch 1, "
            "over N - 1: a large batch is not normal; what counts is b (N - b)/N."
        ),
        source=Source.NEW,
        formula=sympy.Eq(skewness(N - 1), -skewness(1)),
        regime="w = 0, all rows but one, drawn without replacement; sixth moment known exactly",
        components=("skewness, batch N - 1",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.24 * np.abs(exact), "a quarter of the skewness"),
        mutants={
            "normal, as the batch is large": np.zeros(1),
            "as with replacement": -exact / math.sqrt(rows - 1),
            "the same sign as at batch 1": -exact,
        },
        evidence=Simulation(
            experiment=FrozenGradients(
                problem=problem, w=w, batch_sizes=(rows - 1,), replacement=False
            ),
            observable=observable,
            premise=KnownVariance(np.array([moments[6] - moments[3] ** 2])),
        ),
    )


def _along_gradient(problem: LinearRegression) -> FloatArray:
    """Return the full gradient at w = 0 (d,), of unit length."""
    gradient = problem.covariance() @ problem.optimum
    size = float(np.linalg.norm(gradient))
    if size == 0:
        raise Inapplicable("the full gradient at w = 0 vanishes")
    direction: FloatArray = gradient / size
    return direction


def _standard_moments(
    problem: LinearRegression, w: FloatArray, u: FloatArray, size: int
) -> FloatArray:
    """Return the moments of order 0 to 8 of the standardised noise of a batch along u."""
    if isinstance(problem.features, FiniteData):
        cumulants = _cumulants(_row_gradients(problem, w, u))
        scaled = [kappa / float(size) ** (n - 1) for n, kappa in enumerate(cumulants, start=1)]
    else:
        noise = gradient_noise(problem, w, size)
        scaled = [noise.cumulant(u, n) for n in range(1, 9)]
    if not scaled[1] > 0:
        raise Inapplicable("the gradient does not vary along itself")
    scaled[0] = 0.0
    standard = [kappa / scaled[1] ** (n / 2) for n, kappa in enumerate(scaled, start=1)]
    return _moments(standard)


def _row_gradients(problem: LinearRegression, w: FloatArray, u: FloatArray) -> FloatArray:
    """Return u' times the gradient of each row (N,)."""
    data = problem.features
    assert isinstance(data, FiniteData)
    gradients: FloatArray = (data.X @ w - data.y) * (data.X @ u)
    return gradients


def _row_variance(problem: LinearRegression, w: FloatArray, u: FloatArray) -> float:
    return float(_row_gradients(problem, w, u).var())


def _cumulants(values: FloatArray) -> list[float]:
    """Return the cumulants of order 1 to 8 of equally likely values (N,)."""
    centred = values - values.mean()
    moments = [float(np.mean(centred**n)) for n in range(9)]
    cumulants = [0.0] * 9
    # m_n = sum_j C(n - 1, j - 1) kappa_j m_{n-j}
    for n in range(1, 9):
        lower = sum(math.comb(n - 1, j - 1) * cumulants[j] * moments[n - j] for j in range(1, n))
        cumulants[n] = moments[n] - lower
    return cumulants[1:]


def _moments(cumulants: list[float]) -> FloatArray:
    """Return the moments of order 0 to 8 from the cumulants of order 1 to 8."""
    moments = np.ones(9)
    for n in range(1, 9):
        terms = (
            math.comb(n - 1, j - 1) * cumulants[j - 1] * moments[n - j] for j in range(1, n + 1)
        )
        moments[n] = sum(terms)
    return moments


def _powers(
    problem: LinearRegression, w: FloatArray, u: FloatArray, batches: tuple[int, ...], order: int
) -> Simulation:
    """Measure a power of the standardised noise along u at some batch sizes."""
    noises = [gradient_noise(problem, w, size) for size in batches]
    deviations = np.sqrt([float(u @ noise.covariance @ u) for noise in noises])
    moments = [_standard_moments(problem, w, u, size) for size in batches]
    variance = np.array([each[2 * order] - each[order] ** 2 for each in moments])
    return Simulation(
        experiment=FrozenGradients(problem=problem, w=w, batch_sizes=batches),
        observable=Powers(
            noises[0].mean,
            np.repeat(u[:, None], len(batches), axis=1),
            deviations**order,
            order,
            tuple(range(len(batches))),
        ),
        premise=KnownVariance(variance),
    )
