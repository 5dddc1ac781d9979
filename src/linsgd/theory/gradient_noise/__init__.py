"""The law of the minibatch gradient at fixed weights.

`law` is the public call. `gaussian_design` holds the exact law for Gaussian features and labels,
`product_normal` its one-dimensional marginals, `finite_data` the moments of batches of rows, and
`normal_distance` the distances to the normal law of equal mean and covariance.
"""
