"""Gaussian features of equal variance: the norm |A u| has one law, and exponents are one-dimensional integrals."""
