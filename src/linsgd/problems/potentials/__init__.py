"""Losses on a few coordinates, for escape from minima: value, gradient, Hessian, kernel code.

potential     `Potential`, the base: what a loss offers
quadratic     `Quadratic`
double_well   `DoubleWell`, the soft minimum of two quadratics
polynomial    `Polynomial` in one or two coordinates
finite_sum    `FiniteSum`, a mean of polynomials, whose minibatches are the noise
custom        `Custom`, functions of a user's own, or a SymPy expression
"""

from linsgd.problems.potentials.custom import Custom
from linsgd.problems.potentials.double_well import DoubleWell
from linsgd.problems.potentials.finite_sum import FiniteSum
from linsgd.problems.potentials.polynomial import Polynomial
from linsgd.problems.potentials.potential import Potential
from linsgd.problems.potentials.quadratic import Quadratic

__all__ = ["Custom", "DoubleWell", "FiniteSum", "Polynomial", "Potential", "Quadratic"]
