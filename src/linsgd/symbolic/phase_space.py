r"""The stationary density of the underdamped SDE and its probability current.

With dz = -A z dt + noise of covariance 2 D a unit of time and stationary covariance P, the density
is p(z) ~ exp(-z' P^{-1} z / 2), which confines not the loss but a modified one. Since
A P + P A' = 2 D, the matrix A P - D is antisymmetric; it drives the stationary current
J = -(A P - D) P^{-1} z p (Kunin et al. 2024).
"""

from functools import cache

from sympy import Expr, Integer, Matrix, Symbol, simplify, sqrt

from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.stationary import stationary_covariance
from linsgd.symbolic.symbols import T, b, beta, omega, tidy, v, x
from linsgd.symbolic.update import underdamped_sde

z = Matrix([x, v])


@cache
def modified_loss() -> Derivation:
    """Derive the potential Phi of the stationary density p ~ exp(-Phi / T) of the underdamped SDE.

    Returns
    -------
    Derivation
        Steps "covariance" (P), "temperature" (T = 1 / (b (1 - beta^2))), "hessian" (of Phi) and,
        last, "modified_loss": Phi(x, v) along one eigenvector.

    Notes
    -----
    The density is Gaussian, p ~ exp(-z' P^{-1} z / 2), and Phi = T z' P^{-1} z / 2.

    References
    ----------
    .. [1] D. Kunin et al., "The limiting dynamics of SGD: modified loss, phase-space oscillations,
       and anomalous diffusion", Neural Computation 36, 2024.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.modified_loss().result
    v**2/(2*h*sigma**2) + h_lambda*x**2/(eta*h*sigma**2*(beta + 1))
    """
    covariance = stationary_covariance("langevin")
    P = covariance.explicit()
    temperature = Integer(1) / (b * (1 - beta**2))
    hessian = (P.inv() * temperature).applyfunc(tidy)
    potential = sum(tidy(hessian[i, i] * z[i] ** 2 / 2) for i in (0, 1))
    return Derivation(
        "The modified loss",
        (
            *(step for step in covariance.steps if step.name in ("covariance", "noise")),
            Step("temperature", "The temperature.", Equation(T, temperature)),
            Step("hessian", "The density is exp(-Phi / T), with this Hessian of Phi.", hessian),
            Step("modified_loss", "The modified loss.", Equation(Symbol("Phi"), potential)),
        ),
        covariance.scope,
    )


@cache
def probability_current() -> Derivation:
    """Derive the stationary probability current of the underdamped SDE along one eigenvector.

    Returns
    -------
    Derivation
        Steps "antisymmetric" (A P - D), "divergence" (0: the density is stationary), "rotation"
        (the angular speed in coordinates that make the density isotropic) and, last, "current":
        J / p at (x, v).

    Notes
    -----
    J = F z p with F = -(A P - D) P^{-1}: the position moves with v, the velocity with -omega^2 x,
    and the damping does not enter.

    References
    ----------
    .. [1] D. Kunin et al., "The limiting dynamics of SGD: modified loss, phase-space oscillations,
       and anomalous diffusion", Neural Computation 36, 2024.

    Examples
    --------
    >>> import linsgd
    >>> linsgd.symbolic.probability_current().result
    Matrix([
    [          v],
    [-omega**2*x]])
    """
    sde = underdamped_sde()
    P = stationary_covariance("langevin").result
    D = sde["diffusion"] / 2
    antisymmetric = (sde["drift"] * P - D).applyfunc(tidy)
    F = (-antisymmetric * P.inv()).applyfunc(tidy)
    scale = P.applyfunc(sqrt)
    rotation = (scale.inv() * F * scale).applyfunc(simplify)
    speed = simplify(sqrt(-rotation[0, 1] * rotation[1, 0]))
    current = F.subs(F[1, 0], -(omega**2)) * z
    return Derivation(
        "The stationary probability current",
        (
            *(step for step in sde.steps if step.name in ("drift", "diffusion", "omega")),
            Step("covariance", "The stationary covariance.", Equation(Symbol("P"), P)),
            Step("antisymmetric", "With 2 D the diffusion: antisymmetric A P - D.", antisymmetric),
            Step(
                "flow",
                "The current is p F z, where F is minus this matrix over P.",
                Equation(Symbol("F"), F),
            ),
            Step(
                "divergence",
                "Its divergence over p: it vanishes, as the density is stationary.",
                simplify(_divergence(F, P)),
            ),
            Step(
                "rotation",
                "Its angular speed, clockwise, in coordinates that make the density isotropic.",
                speed,
            ),
            Step(
                "current",
                "The current, over the density.",
                Equation(Symbol("J") / Symbol("p"), current),
            ),
        ),
        sde.scope,
    )


def _divergence(F: Matrix, P: Matrix) -> Expr:
    """Return div(p F z) / p = tr F - z' P^{-1} F z of a Gaussian density p of covariance P."""
    return F.trace() - (z.T * P.inv() * F * z)[0]
