"""Estimators: numbers with an interval and a status, from data alone."""

from linsgd.estimate.stable_index import StableIndex, stable_index
from linsgd.estimate.tail_index import EstimateStatus, TailIndex, tail_index

__all__ = ["EstimateStatus", "StableIndex", "TailIndex", "stable_index", "tail_index"]
