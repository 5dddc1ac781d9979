r"""The covariance of the minibatch gradient at fixed weights.

A fresh optimizer's first velocity is minus the minibatch gradient, so that one step measures its
law. For Gaussian features, with u = H (w - w*) and 2 R = noise_std^2 + (w - w*)'u,

    Cov g = (2 R H + u u') / b;

for N rows it is the covariance of the rows' gradients over b, times (N - b)/(N - 1) without
replacement.
"""

from dataclasses import replace

import numpy as np
import sympy

from linsgd.claims.approximation import told_apart
from linsgd.claims.case import Case, at_steps
from linsgd.claims.ensembles import capped_batch_size, default_weight_decay, settled, stable_sgd
from linsgd.claims.problems import NamedProblem
from linsgd.claims.wu_2021.paper import wu
from linsgd.domains import FloatArray, IntArray
from linsgd.judge.acceptance import Acceptance, Inapplicable
from linsgd.judge.claim import Draft, Source
from linsgd.judge.observables import Quadratic
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import Cov, b
from linsgd.theory.moments import moments

N, H, u, R = sympy.symbols("N H u R", positive=True)
u_transposed = sympy.Symbol("u'")
S, E_L, E_L_replaced = sympy.symbols("S L_without L_with")
Cov_g = Cov(sympy.Symbol("g"))
FRESH = "fresh optimizer at w = 0, whose first velocity is minus the gradient"


@wu.claim
def gradient_noise_covariance(named: NamedProblem) -> Draft:
    """Every entry of the covariance of a minibatch gradient at w = 0."""
    case = at_steps(named, SGD(lr=0.1, batch_size=capped_batch_size(named)), [1])
    i, j = np.triu_indices(case.modes.size)
    covariance = _along_modes(case, case.law.velocity_covariance()[-1])
    spread = np.sqrt(np.diag(covariance))
    scale = spread[i] * spread[j]
    gradient = case.problem.to_eigenbasis(case.law.velocity_mean[-1])[case.modes]
    crossed = np.outer(gradient, gradient) / case.sgd.batch_size
    frozen = moments(
        case.problem, case.sgd, [1], start=(case.problem.optimum, np.zeros(case.problem.dimension))
    )
    frozen_covariance = _along_modes(case, frozen.velocity_covariance()[-1])
    predicted = covariance[i, j] / scale
    accepted = Acceptance.interval(
        predicted, 0.05, "5 % of the product of the two standard deviations"
    )
    second_moment = covariance + crossed * case.sgd.batch_size
    formula = (2 * R * H + u * u_transposed) / b if not named.finite else S / b
    return Draft(
        statement=(
            "At fixed weights the covariance of the minibatch gradient is that of one sample's "
            "gradient over the batch size; it depends on the weights and differs from its value at "
            "the minimum."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(Cov_g, formula, evaluate=False),
        regime=f"{case.regime}; {FRESH}",
        components=tuple(f"Cov(g_{p}, g_{q}) over its scale" for p, q in zip(i, j, strict=True)),
        prediction=predicted,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "the second moment for the covariance": second_moment[i, j] / scale,
                "the covariance at the minimum": frozen_covariance[i, j] / scale,
                "the covariance of one sample's gradient": predicted * case.sgd.batch_size,
            },
        ),
        evidence=case.simulation(_products(case, i, j, scale)),
    )


@wu.claim(on="data")
def gradient_noise_without_replacement(named: NamedProblem) -> Draft:
    """Check the finite-population factor at a batch of half the data."""
    n = named.rows
    if n < 2:
        raise Inapplicable(f"{named.name} has one row, which every batch holds")
    sgd = SGD(lr=0.1, batch_size=max(1, n // 2), replacement=False)
    case = at_steps(named, sgd, [1])
    with_replacement = np.diag(_along_modes(case, _rows_covariance(case.problem))) / sgd.batch_size
    factor = (n - sgd.batch_size) / (n - 1)
    exact = case.law.velocity_variance[-1][case.modes] / with_replacement
    accepted = Acceptance.interval(exact, 0.05 * factor, "5 % of the factor")
    return Draft(
        statement=(
            "The gradient of a batch of half the rows, drawn without replacement, has along every "
            "eigenvector (N - b)/(N - 1) times the variance with replacement."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(Cov_g, (N - b) / (N - 1) * S / b, evaluate=False),
        regime=f"{case.regime}; {FRESH}",
        components=case.names("Var g over that with replacement"),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "as with replacement": np.ones(exact.size),
                "the factor squared": exact * factor,
                "the square root of the factor": exact / np.sqrt(factor),
            },
        ),
        evidence=case.simulation(_variances(case, with_replacement)),
    )


@wu.claim(on="data")
def stationary_loss_without_replacement(named: NamedProblem) -> Draft:
    """Check the stationary excess loss at a batch of half the data."""
    problem, size = named.problem, max(1, named.rows // 2)
    if named.rows < 2:
        raise Inapplicable(f"{named.name} has one row, which every batch holds")
    options = {"batch_size": size, "momentum": 0.8, "weight_decay": default_weight_decay(problem)}
    case = settled(named, stable_sgd(problem, 0.25, replacement=False, **options))
    twin = at_steps(named, replace(case.sgd, replacement=True), [*case.steps], case.start)
    scale = float(twin.law.excess_loss[-1])
    exact = np.array([case.law.excess_loss[-1] / scale])
    accepted = Acceptance.interval(exact, 0.05 * exact, "5 %: the factor is about a half")
    return Draft(
        statement=(
            "With batches of half the rows, drawn without replacement, the stationary excess loss "
            "is that of the exact law, about (N - b)/(N - 1) times that with replacement."
        ),
        source=Source.NEW,
        formula=sympy.Eq(E_L, (N - b) / (N - 1) * E_L_replaced, evaluate=False),
        regime=case.regime,
        components=("excess loss over the exact one with replacement",),
        prediction=exact,
        acceptance=accepted,
        mutants=told_apart(
            accepted,
            {
                "as with replacement": np.ones(1),
                "the factor squared": exact**2,
                "the square root of the factor": np.sqrt(exact),
            },
        ),
        evidence=case.simulation(case.excess_loss(scale)),
    )


def _products(case: Case, i: IntArray, j: IntArray, scale: FloatArray) -> Quadratic:
    return Quadratic(
        case.mean_state(), case.velocity[:, i], case.velocity[:, j], np.diag(1 / scale)
    )


def _variances(case: Case, scale: FloatArray) -> Quadratic:
    return Quadratic(case.mean_state(), case.velocity, case.velocity, np.diag(1 / scale))


def _along_modes(case: Case, matrix: FloatArray) -> FloatArray:
    rotated = case.problem.to_eigenbasis(case.problem.to_eigenbasis(matrix).T)
    return rotated[np.ix_(case.modes, case.modes)]


def _rows_covariance(problem: LinearRegression) -> FloatArray:
    """Covariance of the rows' gradients at w = 0, from the data alone."""
    assert isinstance(problem.features, FiniteData)
    gradients = -problem.features.X * problem.features.y[:, None]
    covariance: FloatArray = np.cov(gradients, rowvar=False, ddof=0).reshape(problem.dimension, -1)
    return covariance
