"""Second witness: Numba ensembles of the real algorithm. Knows no theory."""
