"""The problems and optimizers for which a formula holds, and their values for its letters."""

import math
from dataclasses import dataclass
from enum import StrEnum

from sympy import Expr, Symbol

from linsgd import domains
from linsgd.optimizers.sgd import SGD
from linsgd.problems.features import FiniteData, GaussianFeatures
from linsgd.problems.labels import GaussianNoise
from linsgd.problems.linear_regression import LinearRegression
from linsgd.symbolic.symbols import b, beta, d, eta, h, h_lambda, lam, sigma, w_star, zeta

_ON_THE_EDGE = 1e-9  # relative distance from a regime's edge that counts as on it


class Features(StrEnum):
    """Feature laws that a formula covers, in words."""

    ANY = "any features"
    LAW = "features of any law"
    GAUSSIAN = "Gaussian features"
    ISOTROPIC = "Gaussian features of equal variance"
    ONE_GAUSSIAN = "one Gaussian feature"


@dataclass(frozen=True, slots=True)
class Scope:
    """The assumptions of a formula on the problem and the optimizer.

    Parameters
    ----------
    features : Features
        The feature laws it covers; all but `ANY` exclude data sets, whose labels depend on the
        features.
    momentum : bool, optional
        Whether the momentum must be above 0 (True) or 0 (False).
    dampening : bool
        Whether it covers a dampening above 0.
    nesterov : bool
        Whether it is about Nesterov's update instead of the plain one.
    gaussian_labels : bool
        Whether the label noise must be Gaussian.
    fixed_minimiser : bool
        Whether weight decay must not move the minimiser: no decay, or the optimum 0.
    batch : int, optional
        The only batch size it covers.
    overshoot : bool, optional
        Whether lr * weight_decay must be above 1 (True) or below (False).
    edges : tuple of sympy expression, optional
        The values, functions of beta, between which lr * h_lambda must lie; on them, to 1e-9, if
        they are equal.
    """

    features: Features = Features.ANY
    momentum: bool | None = None
    dampening: bool = True
    nesterov: bool = False
    gaussian_labels: bool = False
    fixed_minimiser: bool = False
    batch: int | None = None
    overshoot: bool | None = None
    edges: tuple[Expr, Expr] | None = None

    def values(self, problem: LinearRegression, sgd: SGD, mode: int) -> dict[Symbol, float]:
        """Return the numbers of the letters along eigenvector `mode`.

        Parameters
        ----------
        problem : LinearRegression
            Inside this scope.
        sgd : SGD
            Inside this scope.
        mode : int
            Index into ``problem.eigenvalues``.

        Returns
        -------
        dict
            {letter: number}.

        Raises
        ------
        ValueError
            If the problem or the optimizer is outside of this scope.
        """
        domains.exact_type("problem", problem, (LinearRegression,))
        domains.exact_type("sgd", sgd, (SGD,))
        mode = domains.integer("mode", mode, f"[0, {problem.dimension})")
        sgd.check(problem)
        self._check_problem(problem)
        self._check_optimizer(sgd)
        curvature = float(problem.eigenvalues[mode])
        numbers = {
            eta: sgd.lr,
            beta: sgd.momentum,
            zeta: 1.0 - sgd.gradient_weight,
            b: sgd.batch_size,
            lam: sgd.weight_decay,
            d: problem.dimension,
            h: curvature,
            h_lambda: curvature + sgd.weight_decay,
            sigma: math.sqrt(problem.noise_variance),
            w_star: float(problem.to_eigenbasis(problem.optimum)[mode]),
        }
        self._check_values(numbers)
        return numbers

    def _check_problem(self, problem: LinearRegression) -> None:
        """Refuse features or labels that the formula does not cover."""
        law, spectrum = problem.features, problem.eigenvalues
        if self.features is Features.ANY:
            return
        if type(law) is FiniteData:
            domains.refuse("problem", "a data set", self.features)
        if self.features is not Features.LAW and type(law) is not GaussianFeatures:
            domains.refuse("problem.features", law, self.features)
        equal = self.features in (Features.ISOTROPIC, Features.ONE_GAUSSIAN)
        if equal and spectrum.min() != spectrum.max():
            domains.refuse("problem.eigenvalues", spectrum.tolist(), self.features)
        if self.features is Features.ONE_GAUSSIAN and problem.dimension > 1:
            domains.refuse("problem.dimension", problem.dimension, self.features)
        if self.gaussian_labels and type(problem.noise) is not GaussianNoise:
            domains.refuse("problem.noise", problem.noise, "Gaussian label noise")

    def _check_optimizer(self, sgd: SGD) -> None:
        """Refuse an update or batches that the formula does not cover."""
        if sgd.sampling != "independent":
            domains.refuse("sgd.sampling", sgd.sampling, "'independent'")
        if self.momentum is not None and (sgd.momentum > 0) is not self.momentum:
            domains.refuse("sgd.momentum", sgd.momentum, "(0, 1)" if self.momentum else "0")
        if sgd.gradient_weight < 1 and not self.dampening:
            domains.refuse("sgd.dampening", sgd.dampening, "0")
        if sgd.nesterov is not self.nesterov:
            domains.refuse("sgd.nesterov", sgd.nesterov, f"{self.nesterov}")
        if self.batch is not None and sgd.batch_size != self.batch:
            domains.refuse("sgd.batch_size", sgd.batch_size, f"{self.batch}")

    def _check_values(self, numbers: dict[Symbol, float]) -> None:
        """Refuse a weight decay or a regime that the formula does not cover."""
        shrinkage = numbers[eta] * numbers[lam]
        if self.overshoot is not None and (shrinkage > 1) is not self.overshoot:
            domains.refuse(
                "lr * weight_decay", shrinkage, "(1, inf)" if self.overshoot else "[0, 1]"
            )
        if self.fixed_minimiser and numbers[lam] * numbers[w_star] != 0:
            domains.refuse("sgd.weight_decay", numbers[lam], "0, unless the optimum is 0")
        if self.edges is not None:
            lower, upper = (float(edge.subs(beta, numbers[beta])) for edge in self.edges)
            product = numbers[eta] * numbers[h_lambda]
            on_the_edge = math.isclose(lower, product, rel_tol=_ON_THE_EDGE)
            if not (on_the_edge if lower == upper else lower < product < upper):
                regime = f"{lower:.12g}" if lower == upper else f"({lower:.12g}, {upper:.12g})"
                domains.refuse("lr * h_lambda", product, regime)


EVERYTHING = Scope()
"""Every problem, and every optimizer but Nesterov's."""
