"""Pictures: functions that take ``ax=None`` and return Axes, and leave global settings and windows alone."""

from linsgd.plot.phase_space import modified_loss, phase_portrait
from linsgd.plot.regimes import error_map, regime_diagram
from linsgd.plot.tails import survival, threshold_path
from linsgd.plot.travel import displacement, exponent

__all__ = [
    "displacement",
    "error_map",
    "exponent",
    "modified_loss",
    "phase_portrait",
    "regime_diagram",
    "survival",
    "threshold_path",
]
