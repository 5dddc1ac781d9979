"""Hypothesis strategies and checks for users who test a theory or a law of their own.

Needs the extra `testing`. Every drawn value is valid by construction, none is filtered, and
examples shrink towards the identity covariance, unit Gaussian noise, momentum 0, the plain
optimizer and a small learning rate. What Hypothesis prints of them is code.
"""

from linsgd.testing.feature_laws import FeatureLawCheck, check_feature_law
from linsgd.testing.strategies import data_sets, problems, sgds, spd_matrices

__all__ = [
    "FeatureLawCheck",
    "check_feature_law",
    "data_sets",
    "problems",
    "sgds",
    "spd_matrices",
]
