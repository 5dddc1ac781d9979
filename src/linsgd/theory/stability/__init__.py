"""Every critical learning rate: of the mean, the mean square, higher moments, and almost sure convergence."""
