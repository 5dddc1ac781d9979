r"""Which optimizers have power-law tails: Newton's method and SAM have, bounded steps have not.

Newton's method with the curvature of its own batch averages least-squares solutions of batches.
With as many samples as features each is a multivariate Cauchy vector, whose averages are Cauchy
again: the stationary law is that of one batch, at every learning rate. Sign descent lives on a
lattice; clipped SGD and Adam make steps of bounded length.
"""

import numpy as np
import sympy
from scipy.stats import cauchy, norm

from linsgd.claims.experiment import OptimizerChains
from linsgd.claims.hodgkinson_mahoney_2021.one_feature import ONE_FEATURE
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.hodgkinson_mahoney_2021.power_laws import HEAVY_LR, beyond
from linsgd.claims.problems import NamedProblem
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.intervals import Bounded, KnownVariance
from linsgd.judge.observables import Exceeds, Quadratic, Total
from linsgd.optimizers.adaptive import Adam
from linsgd.optimizers.norm import ClippedSGD
from linsgd.optimizers.optimizer import Optimizer
from linsgd.optimizers.second_order import SAM, StochasticNewton
from linsgd.optimizers.sgd import SGD
from linsgd.optimizers.sign import SignSGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import Var, b, d, eta, h, sigma
from linsgd.theory.moments import stationary_moments
from linsgd.theory.sign_descent import sign_descent_law
from linsgd.theory.tails.exponents import tail_exponent
from linsgd.theory.tails.tail_constant.tail_constant import tail_constant

t, alpha, w, u = (
    sympy.Symbol("t", positive=True),
    sympy.Symbol("alpha"),
    sympy.Symbol("w"),
    sympy.Symbol("u"),
)
P = sympy.Function("P")

DAMPING = 0.5  # the learning rate of Newton's method
CAUCHY_AT = (1.0, 10.0, 50.0)
SIGN_LR, SIGN_STEPS, SIGN_AT = 0.3, 40, (0.3, 0.9)
FAR = 20.0  # where SGD at HEAVY_LR has a twentieth of its chains
SAM_STEPS, SAM_RHO, SAM_AT = 60, 0.5, (20.0, 200.0)


@hodgkinson_mahoney.claim(on="law")
def newton_law_is_cauchy_at_any_damping(named: NamedProblem) -> Draft:
    """Measure P(|w - w*| > t) of Newton's method on two features with batches of two."""
    problem = LinearRegression.gaussian([1.0, 1.0])
    newton = StochasticNewton(DAMPING, 2)
    at = np.array(CAUCHY_AT)
    exact = (1 + at**2) ** -0.5
    exponent = tail_exponent(problem, newton).value
    shrunk = DAMPING / (2 - DAMPING)
    return Draft(
        statement=(
            "Stochastic Newton has a power-law tail whose exponent, the batch size less the number "
            "of features plus one, does not depend on the learning rate: with as many samples as "
            "features its law is the Cauchy law of one batch's solution, damped or not."
        ),
        source=Source.NEW,
        formula=sympy.Eq(P(sympy.Gt(sympy.Abs(w), t)), (1 + t**2) ** sympy.Rational(-1, 2)),
        regime=(
            f"two Gaussian features of variance 1, batch 2, lr {DAMPING:g}, exponent "
            f"{exponent:g}; after 30 steps; events"
        ),
        components=tuple(f"P(|w - w*| > {threshold:g})" for threshold in at),
        prediction=(1 + at**2) ** -(exponent / 2),
        acceptance=Acceptance.interval(exact, 0.15 * exact, "15 %: 0.04 of the exponent"),
        mutants={
            "an exponent of 2, batch - d + 2": 1 / (1 + at**2),
            "a scale that shrinks as that of a finite variance": (1 + at**2 / shrunk**2) ** -0.5,
            "a normal law": np.exp(-(at**2) / 2),
        },
        evidence=beyond(problem, newton, at, 30),
    )


@hodgkinson_mahoney.claim(on="law")
def newton_variance_is_that_of_averaged_solutions(named: NamedProblem) -> Draft:
    """Measure Var w of Newton's method with batch 16 along each eigenvector."""
    newton = StochasticNewton(DAMPING, 16)
    law = stationary_moments(named.problem, newton)
    variance, d_ = law.position_variance, named.problem.dimension
    inverse = variance * named.problem.eigenvalues**2
    axes = named.problem.eigenvectors
    assert axes is not None
    directions = np.vstack([axes, np.zeros((d_, d_))])
    centre = np.concatenate([named.problem.optimum, np.zeros(d_)])
    return Draft(
        statement=(
            "The stationary variance of stochastic Newton is lr/(2 - lr) times that of the batch's "
            "least-squares solution: inversely proportional to the curvature."
        ),
        source=Source.NEW,
        formula=sympy.Eq(Var(w), eta / (2 - eta) * sigma**2 / ((b - d - 1) * h)),
        regime=(
            f"lr {DAMPING:g}, batch 16; after 30 steps from w*; variance of the square from the "
            "kurtosis of a t law of 13 degrees of freedom, averaged geometrically"
        ),
        components=tuple(f"Var w, eigenvalue {x:.4g}" for x in named.problem.eigenvalues),
        prediction=variance,
        acceptance=Acceptance.interval(variance, 0.1 * variance, "10 %, far below the mutants"),
        mutants={
            "the variance of one batch's solution": variance * (2 - DAMPING) / DAMPING,
            "proportional to the curvature": inverse,
            "a factor 2 lost": variance / 2,
        },
        evidence=Simulation(
            experiment=OptimizerChains(
                problem=named.problem,
                sgd=newton,
                steps=(30,),
                start=(named.problem.optimum, np.zeros(d_)),
            ),
            observable=Quadratic(centre, directions, directions, np.eye(d_)),
            premise=KnownVariance(variance**2 * (2 + _excess_kurtosis(16 - d_ + 1))),
        ),
    )


def _excess_kurtosis(freedom: int) -> float:
    """Return that of sum_j a_j t_j with a_j = lr (1 - lr)^j, t_j of Student's law."""
    kept = 1 - DAMPING
    fourth, square = DAMPING**4 / (1 - kept**4), DAMPING**2 / (1 - kept**2)
    return 6 / (freedom - 4) * fourth / square**2


@hodgkinson_mahoney.claim(on="law")
def sign_descent_follows_its_lattice_law(named: NamedProblem) -> Draft:
    """Measure P(|w| > t) of sign descent between the points of its lattice."""
    sign, at = SignSGD(SIGN_LR), np.array(SIGN_AT)
    law = sign_descent_law(ONE_FEATURE, sign, SIGN_STEPS)
    other = sign_descent_law(ONE_FEATURE, SignSGD(SIGN_LR, 2), SIGN_STEPS)
    exact = np.array([law.beyond(x) for x in SIGN_AT])
    diffusion = np.sqrt(SIGN_LR * np.pi / 4)
    return Draft(
        statement=(
            "Sign descent on one Gaussian feature is a chain of births and deaths on a lattice, "
            "whose steps go down with the probability of a Student t variable below "
            "sqrt(b h) (w - w*) over the noise: its tail falls faster than any exponential."
        ),
        source=Source.NEW,
        formula=sympy.Eq(
            P(sympy.Lt(sympy.Symbol("w'"), w)),
            sympy.Rational(1, 2) + sympy.atan(sympy.sqrt(h) * u / sigma) / sympy.pi,
        ),
        regime=(
            f"one Gaussian feature, lr {SIGN_LR:g}, batch 1; after {SIGN_STEPS} steps from w*; "
            "events between lattice points"
        ),
        components=tuple(f"P(|w - w*| > {x:g})" for x in SIGN_AT),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.04 * exact, "4 %: one per cent of lr"),
        mutants={
            "a diffusion of the same small steps": 2 * norm.sf(at / diffusion),
            "the law of batch 2": np.array([other.beyond(x) for x in SIGN_AT]),
        },
        evidence=beyond(ONE_FEATURE, sign, at, SIGN_STEPS),
    )


@hodgkinson_mahoney.claim(on="law")
def adam_has_no_power_law(named: NamedProblem) -> Draft:
    """Measure P(|w| > 20) of Adam where SGD of the same lr has a power law."""
    adam = Adam(HEAVY_LR, betas=(0.9, 0.99))
    return _light_draft(adam, "Adam", "divides by the root mean square of its gradients")


@hodgkinson_mahoney.claim(on="law")
def clipped_sgd_has_no_power_law(named: NamedProblem) -> Draft:
    """Measure P(|w| > 20) of clipped SGD where SGD of the same lr has a power law."""
    return _light_draft(ClippedSGD(HEAVY_LR), "Clipped SGD", "limits the length of a step")


def _light_draft(optimizer: Optimizer, name: str, reason: str) -> Draft:
    """Claim that fewer than one chain in a hundred is far out."""
    sgd = SGD(HEAVY_LR)
    exponent, scale = tail_exponent(ONE_FEATURE, sgd).value, tail_constant(ONE_FEATURE, sgd).value
    light = tail_exponent(ONE_FEATURE, optimizer)
    far = np.array([FAR])
    return Draft(
        statement=(
            f"{name}, which {reason}, has no power-law tail on linear regression: at a learning "
            "rate at which one chain of SGD in twenty is beyond 20, fewer than one in a hundred is."
        ),
        source=Source.NEW,
        formula=sympy.Lt(P(sympy.Gt(sympy.Abs(w), FAR)), sympy.Rational(1, 100)),
        regime=(
            f"one Gaussian feature, lr {HEAVY_LR:g}, batch 1, {light.reason} ({light.guarantee}); "
            "after 200 steps; an event"
        ),
        components=(f"P(|w| > {FAR:g})",),
        prediction=np.zeros(1),
        acceptance=Acceptance.below(0.01, 0.01, "0.01: a fifth of what SGD has there"),
        mutants={
            "the power law of SGD": scale * far**-exponent,
            "a Cauchy law": 2 * cauchy.sf(far),
        },
        evidence=beyond(ONE_FEATURE, optimizer, far, 200),
    )


@hodgkinson_mahoney.claim(on="law", core=False)
def sam_has_the_exponent_of_sgd(named: NamedProblem) -> Draft:
    """Compare P(|w| > 200) with P(|w| > 20) 10^-alpha for SAM."""
    sgd, sam = SGD(HEAVY_LR), SAM(HEAVY_LR, rho=SAM_RHO)
    exponent, scale = tail_exponent(ONE_FEATURE, sam).value, tail_constant(ONE_FEATURE, sgd).value
    near, far = scale * np.array(SAM_AT) ** -exponent
    ratio = 10**-exponent
    return Draft(
        statement=(
            "Sharpness-aware minimisation has the tail exponent of SGD: its ascent adds a bounded "
            "term to each step and no factor."
        ),
        source=Source.NEW,
        formula=sympy.Eq(
            P(sympy.Gt(sympy.Abs(w), 10 * t)) - 10**-alpha * P(sympy.Gt(sympy.Abs(w), t)), 0
        ),
        regime=(
            f"one Gaussian feature, lr {HEAVY_LR:g}, batch 1, rho {SAM_RHO:g}; after {SAM_STEPS} "
            "steps; a weighted sum of two events"
        ),
        components=("P(|w| > 200) - 10^-alpha P(|w| > 20)",),
        prediction=np.zeros(1),
        acceptance=Acceptance.interval([0.0], 0.24 * far, "about a quarter of SGD's P(|w| > 200)"),
        mutants={
            "no chain beyond 200": np.array([-ratio * near]),
            "half the exponent": np.array([(10 ** (-exponent / 2) - ratio) * near]),
        },
        evidence=Simulation(
            experiment=OptimizerChains(problem=ONE_FEATURE, sgd=sam, steps=(SAM_STEPS,)),
            observable=Total((_beyond(SAM_AT[1]), _beyond(SAM_AT[0])), (1.0, -ratio)),
            premise=Bounded(-ratio, 1.0),
        ),
    )


def _beyond(threshold: float) -> Exceeds:
    """Observe whether |w| exceeds a threshold."""
    position = np.array([[1.0], [0.0]])
    square = Quadratic(np.zeros(2), position, position, np.ones((1, 1)))
    return Exceeds(square, np.array([threshold**2]))
