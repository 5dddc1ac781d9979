r"""How far from normal the minibatch gradient is at the optimum, at a given batch.

With Gaussian features and labels the noise is a normal vector on one random scale, and
E (g'C^-1 g)^2 = d (d + 2)(1 + 2/b): it is normal only where b is large against d. Along a direction
its tails are exponential, and its Kolmogorov distance from the normal law is of order 1/b.
"""

import math

import numpy as np
import sympy
from scipy.integrate import quad
from scipy.stats import chi2, norm

from linsgd.claims.gradient_draws import FrozenGradients, Sizes, SquaredNorm
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Event, KnownVariance
from linsgd.judge.observables import Exceeds
from linsgd.problems.linear_regression import LinearRegression
from linsgd.stable import Stable
from linsgd.theory.gradient_noise.product_normal import ProductNormal

b, d, z = sympy.symbols("b d z", positive=True)
TAIL = 5.0  # standard deviations at which the tail is measured


@wu.claim(on="law")
def the_joint_law_is_normal_only_beyond_the_dimension(named: NamedProblem) -> Draft:
    """Measure Mardia's kurtosis at the optimum at a batch equal to the dimension."""
    problem = named.problem
    size = dimension = problem.dimension
    normal = dimension * (dimension + 2)
    exact = np.array([1 + 2 / size])
    whitening = _whitening(problem, size)
    eighth = _mixture_moment(size, dimension, 4) / normal**2
    return Draft(
        statement=(
            "At the optimum Mardia's kurtosis of the minibatch gradient is 1 + 2/b times that of a "
            "normal vector, from one random scale that all coordinates share."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(sympy.Function("beta_2")(b), d * (d + 2) * (1 + 2 / b)),
        regime=f"Gaussian features and labels at the optimum, batch {size}, d = {dimension}",
        components=("Mardia's kurtosis over d (d + 2)",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.1, "0.1: a fifth of the excess"),
        mutants={"a normal vector": np.ones(1), "4/b": np.array([1 + 4 / size])},
        evidence=Simulation(
            experiment=FrozenGradients(problem=problem, w=problem.optimum, batch_sizes=(size,)),
            observable=SquaredNorm(whitening, 2, normal),
            premise=KnownVariance(np.array([eighth - exact[0] ** 2])),
        ),
    )


@wu.claim(on="law")
def the_norm_exceeds_that_of_a_normal_vector(named: NamedProblem) -> Draft:
    """Count norms beyond the normal law's 99th percentile, at a batch of the dimension."""
    problem = named.problem
    size = dimension = problem.dimension
    edge = float(chi2.isf(0.01, dimension))
    exact = np.array([_beyond_shell(size, dimension, edge)])
    return Draft(
        statement=(
            "At a batch equal to the dimension the whitened norm of the minibatch gradient is "
            "beyond the normal 99th percentile several times as often as one in a hundred."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            sympy.Function("P")(sympy.Symbol("T") > sympy.Symbol("t")),
            sympy.Function("E")(sympy.Function("S_d")(b * sympy.Symbol("t") / sympy.Symbol("Q"))),
            evaluate=False,
        ),
        regime=f"Gaussian features and labels at the optimum, batch {size}, d = {dimension}",
        components=("P(beyond the normal 99th percentile)",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.2 * (exact - 0.01), "a fifth of the excess"),
        mutants={
            "a normal vector": np.array([0.01]),
            "batch 1": np.array([_beyond_shell(1, dimension, edge)]),
        },
        evidence=Simulation(
            experiment=FrozenGradients(problem=problem, w=problem.optimum, batch_sizes=(size,)),
            observable=Exceeds(SquaredNorm(_whitening(problem, size)), np.array([edge])),
            premise=Event(),
        ),
    )


@wu.claim(on="law")
def tails_at_fixed_weights_are_exponential(named: NamedProblem) -> Draft:
    """Count noise of one row beyond five standard deviations."""
    problem = named.problem
    direction = problem.from_eigenbasis(np.eye(problem.dimension)[0])
    deviation = math.sqrt(problem.eigenvalues[0] * problem.noise_variance)
    exact = np.array([2 * float(ProductNormal(0.0, 1).cdf(np.array([-TAIL]))[0])])
    quartile = _product_quartile()
    stable = Stable(1.5)
    heavy = 2 * float(stable.sf(TAIL * float(stable.quantile(0.75)) / quartile))
    return Draft(
        statement=(
            "At fixed weights even the noise of a single row has exponential tails: beyond five "
            "standard deviations it lies far more often than normal noise and far less often than "
            "a stable law with the same quartiles."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(
            sympy.Function("f")(z), sympy.besselk(0, sympy.Abs(z)) / sympy.pi, evaluate=False
        ),
        regime="Gaussian features and labels at the optimum, batch 1, along one eigenvector",
        components=(f"P(|u'g| > {TAIL:g} standard deviations)",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.24 * exact, "a quarter of the probability"),
        mutants={
            "normal noise": np.array([2 * float(norm.sf(TAIL))]),
            "stable noise of index 1.5 with the same quartiles": np.array([heavy]),
        },
        evidence=Simulation(
            experiment=FrozenGradients(problem=problem, w=problem.optimum, batch_sizes=(1,)),
            observable=Exceeds(Sizes(direction[:, None], (0,)), np.array([TAIL * deviation])),
            premise=Event(),
        ),
    )


@wu.claim(on="law")
def distance_from_normal_at_the_optimum_is_of_order_one_over_b(named: NamedProblem) -> Draft:
    """Count noise inside the point at which its distribution is farthest from the normal one."""
    problem, size = named.problem, 4
    direction = problem.from_eigenbasis(np.eye(problem.dimension)[0])
    deviation = math.sqrt(problem.eigenvalues[0] * problem.noise_variance / size)
    grid = np.linspace(0.2, 2.0, 181)
    gaps = norm.sf(grid) - ProductNormal(0.0, size).cdf(-grid * math.sqrt(size))
    at = int(gaps.argmax())
    beyond, distance = 2 * float(norm.sf(grid[at])), float(gaps[at])
    exact = np.array([beyond - 2 * distance])
    bound = 0.469 * 8 / math.pi / math.sqrt(size)
    return Draft(
        statement=(
            "Along an eigenvector at the optimum the Kolmogorov distance of the noise from its "
            "normal limit is 0.1376/b to leading order, far below the bound of Berry and Esseen."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            sympy.Function("d_K")(b),
            sympy.exp(-(sympy.Symbol("z_0") ** 2) / 2)
            * sympy.Abs(sympy.Symbol("z_0") ** 3 - 3 * sympy.Symbol("z_0"))
            / (4 * b * sympy.sqrt(2 * sympy.pi)),
        ),
        regime=f"Gaussian features and labels at the optimum, batch {size}",
        components=(f"P(|u'g| > {grid[at]:.2f} standard deviations)",),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.24 * 2 * distance, "a quarter of the distance"),
        mutants={
            "normal noise": np.array([beyond]),
            "the bound of Berry and Esseen": np.array([beyond - 2 * bound]),
        },
        evidence=Simulation(
            experiment=FrozenGradients(problem=problem, w=problem.optimum, batch_sizes=(size,)),
            observable=Exceeds(Sizes(direction[:, None], (0,)), np.array([grid[at] * deviation])),
            premise=Event(),
        ),
    )


def _whitening(problem: LinearRegression, size: int) -> FloatArray:
    """Return W (d, d) for which W'g has covariance I at the optimum."""
    Q = problem.eigenvectors if problem.eigenvectors is not None else np.eye(problem.dimension)
    scale = np.sqrt(problem.eigenvalues * problem.noise_variance / size)
    whitening: FloatArray = Q / scale
    return whitening


def _mixture_moment(size: int, dimension: int, order: int) -> float:
    """Return E (T Q/b)^order for T ~ chi2_d and Q ~ chi2_b."""
    of_norm = math.prod(dimension + 2 * k for k in range(order))
    of_scale = math.prod((size + 2 * k) / size for k in range(order))
    return float(of_norm * of_scale)


def _beyond_shell(size: int, dimension: int, edge: float) -> float:
    """Return P(T Q/b > edge)."""

    def integrand(q: float) -> float:
        return float(chi2.sf(edge * size / q, dimension) * chi2.pdf(q, size))

    return float(quad(integrand, 0, size + 60 * math.sqrt(size), limit=200)[0])


def _product_quartile() -> float:
    """Return the median of |Z1 Z2| in standard deviations."""
    grid = np.linspace(0.05, 1.5, 2000)
    beyond = 2 * ProductNormal(0.0, 1).cdf(-grid)
    return float(np.interp(-0.5, -beyond, grid))
