"""Hypothesis strategies for users who test a theory of their own; needs the extra `testing`.

Every value is valid by construction, none is filtered, and examples shrink towards the identity
covariance, unit Gaussian noise, momentum 0 and the plain optimizer.
"""

from linsgd.testing.strategies import data_sets, problems, sgds, spd_matrices

__all__ = ["data_sets", "problems", "sgds", "spd_matrices"]
