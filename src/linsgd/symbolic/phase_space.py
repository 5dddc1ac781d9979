r"""The stationary law of the underdamped SDE: what it confines, and how it circulates.

With dz = -A z dt + noise of covariance 2 D a unit of time and stationary covariance P, the density
is p(z) ~ exp(-z' P^{-1} z / 2): not the loss but a modified one. Since A P + P A' = 2 D, the matrix
A P - D is antisymmetric; it drives the stationary current J = -(A P - D) P^{-1} z p (Kunin et al.
2024).
"""

from functools import cache

from sympy import Expr, Matrix, Symbol, simplify, sqrt

from linsgd.symbolic.derivation import Derivation, Step, equation
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import b, beta, kappa, omega, tidy, v, x
from linsgd.symbolic.update import underdamped_sde

z = Matrix([x, v])


@cache
def modified_loss() -> Derivation:
    """Derive the potential Phi of the stationary density p ~ exp(-kappa Phi) of the underdamped SDE.

    Returns
    -------
    Derivation
        Steps "covariance" (P), "kappa" (the inverse temperature b (1 - beta^2)), "hessian" (of Phi)
        and, last, "modified_loss": Phi(x, v) along one eigenvector.

    Examples
    --------
    >>> modified_loss().result
    v**2/(2*rho*sigma**2) + h*x**2/(eta*rho*sigma**2*(beta + 1))
    """
    covariance = stationary_covariance("langevin")
    P = covariance.explicit()
    temperature = b * (1 - beta**2)
    curvature = (P.inv() / temperature).applyfunc(tidy)
    potential = sum(tidy(curvature[i, i] * z[i] ** 2 / 2) for i in (0, 1))
    return Derivation(
        "The modified loss",
        (
            *(step for step in covariance.steps if step.name in ("covariance", "noise")),
            Step("kappa", "The inverse temperature.", equation(kappa, temperature)),
            Step("hessian", "The density is exp(-kappa Phi); the Hessian of Phi.", curvature),
            Step("modified_loss", "The modified loss.", equation(Symbol("Phi"), potential)),
        ),
    )


@cache
def probability_current() -> Derivation:
    """Derive the stationary probability current of the underdamped SDE along one eigenvector.

    Returns
    -------
    Derivation
        Steps "antisymmetric" (A P - D), "divergence" (0: the density is stationary), "rotation"
        (the angular speed in the units in which the law is round) and, last, "current": J / p at
        (x, v).

    Examples
    --------
    >>> probability_current().result
    Matrix([
    [          v],
    [-omega**2*x]])
    """
    sde = underdamped_sde()
    P, D = stationary_covariance("langevin").result, sde["diffusion"] / 2
    antisymmetric = (sde["drift"] * P - D).applyfunc(tidy)
    flow = (-antisymmetric * P.inv()).applyfunc(tidy)
    scale = P.applyfunc(sqrt)
    rotation = (scale.inv() * flow * scale).applyfunc(simplify)
    speed = sqrt(-rotation[0, 1] * rotation[1, 0])
    letters = flow.subs(flow[1, 0], -(omega**2))
    return Derivation(
        "The stationary probability current",
        (
            *(step for step in sde.steps if step.name in ("drift", "diffusion", "omega")),
            Step("covariance", "The stationary covariance.", equation(Symbol("P"), P)),
            Step(
                "antisymmetric", "A P - D, with 2 D the diffusion, is antisymmetric.", antisymmetric
            ),
            Step(
                "flow", "The current is p F z with F = -(A P - D) / P.", equation(Symbol("F"), flow)
            ),
            Step(
                "divergence",
                "Its divergence over p: tr F - z' F' (1/P) z.",
                simplify(_divergence(flow, P)),
            ),
            Step(
                "rotation",
                "Its angular speed where the law is round: clockwise, without the damping.",
                simplify(speed),
            ),
            Step(
                "current",
                "The current, over the density.",
                equation(Symbol("J") / Symbol("p"), letters * z),
            ),
        ),
    )


def _divergence(flow: Matrix, P: Matrix) -> Expr:
    """Return div(p F z) / p of a Gaussian density of covariance P."""
    return flow.trace() - (z.T * P.inv() * flow * z)[0]
