"""Estimators: numbers with an interval and a status, from data alone."""

from linsgd.estimate.law_fit import LawFit, law_fit
from linsgd.estimate.normality import Normality, NormalityTest, normality
from linsgd.estimate.sampling_scheme import SamplingScheme, Scheme, sampling_scheme
from linsgd.estimate.stable_index import StableIndex, stable_index
from linsgd.estimate.tail_controls import Cause, Control, TailControls, tail_controls
from linsgd.estimate.tail_index import EstimateStatus, TailIndex, tail_index

__all__ = [
    "Cause",
    "Control",
    "EstimateStatus",
    "LawFit",
    "Normality",
    "NormalityTest",
    "SamplingScheme",
    "Scheme",
    "StableIndex",
    "TailControls",
    "TailIndex",
    "law_fit",
    "normality",
    "sampling_scheme",
    "stable_index",
    "tail_controls",
    "tail_index",
]
