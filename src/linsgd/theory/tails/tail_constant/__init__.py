"""Goldie's constant C of P(|w - E w| > t) ~ C t^-alpha.

`tail_constant` holds the public functions, `poisson` the equation that is solved; `arithmetic`
finds laws without a constant.
"""
