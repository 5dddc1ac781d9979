"""Data to a number with an error. Knows neither theory nor simulation."""

from linsgd.estimate.tail_index import tail_index

__all__ = ["tail_index"]
