r"""Feature laws: the second moment H = E xx', the map M -> E[x x'M x x'], and a sampler of x.

The laws that ship along principal axes are x = Q diag(l)^{1/2} z with H = Q diag(l) Q' and z a
white vector whose law is invariant under sign changes and permutations of its coordinates. For
symmetric M their fourth moment is

    E[z z'M z z'] = c (2 M + tr(M) I) + k diag(M),

with (c, k) = (1, 0) for Gaussian features, (1, -2) for Rademacher, (1, -6/5) for uniform, and
((dof-2)/(dof-4), 0) for the elliptical Student-t law. It is what makes their exact moments cost
O(d).
"""

from linsgd import domains
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
    "feature_law",
    "principal_axes",
]

LAWS = (GaussianFeatures, RademacherFeatures, UniformFeatures, StudentFeatures)
_METHODS = ("second_moment", "fourth_moment", "sample")


def feature_law(law: FeatureLaw) -> FeatureLaw:
    """Return `law` if it is one of `LAWS`, or one's own of the same form.

    A subclass of a law that ships is refused: it may draw other features than the theory of the
    class answers for.
    """
    if isinstance(law, type):
        domains.refuse("law", law, "an instance of a law, not its class")
    if isinstance(law, FiniteData):
        domains.refuse(
            "law", "FiniteData", "laws of features alone; use from_data for data with labels"
        )
    if type(law) in LAWS:
        return law
    if isinstance(law, LAWS):
        domains.refuse_type("law", law, "a law that ships, or a class of PrincipalAxesLaw itself")
    if not all(hasattr(law, name) for name in _METHODS):
        domains.refuse_type("law", law, "an object with dimension, " + ", ".join(_METHODS))
    if isinstance(law, PrincipalAxesLaw) and type(law).white is PrincipalAxesLaw.white:
        domains.refuse_type("law", law, "a class with a method white of its own")
    for name in _METHODS:
        if not callable(getattr(law, name)):
            domains.refuse_type(f"law.{name}", getattr(law, name), "a method")
    d = domains.integer("law.dimension", getattr(law, "dimension", None), "[1, inf)")
    H = domains.covariance("law.second_moment()", law.second_moment())
    if len(H) != d:
        shapes = f"an array of shape ({d},) or ({d}, {d}), as law.dimension = {d}"
        domains.refuse("law.second_moment()", f"array of shape {H.shape}", shapes)
    return law
