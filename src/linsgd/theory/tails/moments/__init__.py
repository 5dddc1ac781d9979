"""Exact even moments h(2), h(4), h(6) of the products, and the brackets of the exponent that they give."""
