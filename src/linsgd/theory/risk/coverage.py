"""The problems and optimizers that nodes cover, and those that homogenised SGD describes."""

from dataclasses import replace

from linsgd import domains
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import GaussianFeatures
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.theory.recurrence.gradient_covariance import MatrixNoise, Noise, gradient_noise_law
from linsgd.theory.risk.run import Schedules


def sample_noise(problem: LinearRegression, sgd: SGD) -> Noise:
    """Return the gradient noise of one sample."""
    return gradient_noise_law(problem, replace(sgd, batch_size=1))


def check_along_axes(problem: LinearRegression | PowerLaw, sgd: SGD) -> None:
    """Refuse features that are not along principal axes, and infinite moments."""
    if isinstance(problem, PowerLaw):
        check_finite_risk(problem)
        return
    sgd.check(problem)
    noise = sample_noise(problem, sgd)
    if isinstance(noise, MatrixNoise) or any(noise.infinite):
        domain = "features along principal axes with finite fourth moments, and PowerLaw"
        domains.refuse("problem", problem, domain)


def check_finite_risk(law: PowerLaw) -> None:
    """Refuse a power law whose risk at w = 0 is infinite."""
    if not law.finite_risk:
        domain = f"above {(1 - law.exponent) / 2:g}, where the risk at w = 0 is finite"
        domains.refuse("source", law.source, domain)


def check_homogenized(
    problem: LinearRegression | PowerLaw,
    sgd: SGD,
    schedules: Schedules,
    theory: str = "homogenized",
) -> None:
    """Refuse what homogenised SGD, or gradient flow with noise, does not describe."""
    for name, value in (("momentum", sgd.momentum), ("weight_decay", sgd.weight_decay)):
        if value != 0:
            domains.refuse(name, value, f"0 for theory = {theory!r}")
    if schedules.momentum is not None:
        domains.refuse("momentum_schedule", schedules.momentum, f"None for theory = {theory!r}")
    if isinstance(problem, LinearRegression) and type(problem.features) is not GaussianFeatures:
        domains.refuse("problem", problem, f"Gaussian features for theory = {theory!r}")
