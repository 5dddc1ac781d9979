"""Estimators: numbers with an interval and a status, from data alone."""

from linsgd.estimate.tail_index import EstimateStatus, TailIndex, tail_index

__all__ = ["EstimateStatus", "TailIndex", "tail_index"]
