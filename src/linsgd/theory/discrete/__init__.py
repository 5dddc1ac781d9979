"""The exact mean and covariance of the discrete algorithm."""
