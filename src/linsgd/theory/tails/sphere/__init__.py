"""Two or three Gaussian features of different variances: the transfer operator on the sphere."""
