"""Figures: functions that take ``ax=None`` and return Axes, without changing global settings.

With ``ax=None`` the figure is one of pyplot, so that a notebook shows it; pyplot is imported only
then.
"""

from linsgd.plot.displacement import displacement, exponent
from linsgd.plot.fokker_planck import density_evolution, gaps_by_batch, phase_density, wells
from linsgd.plot.moments import against_simulation, moments, stability_map
from linsgd.plot.phase_space import modified_loss, phase_portrait
from linsgd.plot.regimes import error_map, regime_diagram
from linsgd.plot.risk import risk_curves
from linsgd.plot.scaling import frontier, learning_rates, phase_diagram
from linsgd.plot.tails import survival, threshold_path

__all__ = [
    "against_simulation",
    "density_evolution",
    "displacement",
    "error_map",
    "exponent",
    "frontier",
    "gaps_by_batch",
    "learning_rates",
    "modified_loss",
    "moments",
    "phase_density",
    "phase_diagram",
    "phase_portrait",
    "regime_diagram",
    "risk_curves",
    "stability_map",
    "survival",
    "threshold_path",
    "wells",
]
