"""Bounds of the exponent from the norms of one step."""
