r"""Feature laws: the second moment H = E xx', the map M -> E[x x'M x x'], and a sampler of x.

The laws that ship along principal axes are x = Q diag(l)^{1/2} z with H = Q diag(l) Q' and z a
white vector whose law is invariant under sign changes and permutations of its coordinates. For
symmetric M their fourth moment is

    E[z z'M z z'] = c (2 M + tr(M) I) + k diag(M),

with (c, k) = (1, 0) for Gaussian features, (1, -2) for Rademacher, (1, -6/5) for uniform, and
((dof-2)/(dof-4), 0) for the elliptical Student-t law. It is what makes their exact moments cost
O(d).
"""

from linsgd.problems.features.finite_data import FiniteData
from linsgd.problems.features.gaussian import GaussianFeatures
from linsgd.problems.features.law import FeatureLaw, PrincipalAxesLaw, principal_axes
from linsgd.problems.features.rademacher import RademacherFeatures
from linsgd.problems.features.student import StudentFeatures
from linsgd.problems.features.uniform import UniformFeatures

__all__ = [
    "FeatureLaw",
    "FiniteData",
    "GaussianFeatures",
    "PrincipalAxesLaw",
    "RademacherFeatures",
    "StudentFeatures",
    "UniformFeatures",
    "principal_axes",
]
