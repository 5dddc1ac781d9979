"""Random bits, variates and laws, in kernels."""
