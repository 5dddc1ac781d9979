"""Gaussian features of equal variance without momentum: |A u| / |u| has one law.

`radial` is that law; `quadrature`, `mpmath` and `certified` are the methods that integrate over it;
`schedules` and `asymptotics` are public functions of their own. `chi_square` holds the rules.
"""
