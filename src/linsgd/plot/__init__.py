"""Pictures: functions that take ``ax=None`` and return Axes, and leave global settings and windows alone."""

from linsgd.plot.phase_space import modified_loss as modified_loss
from linsgd.plot.phase_space import phase_portrait as phase_portrait
from linsgd.plot.regimes import error_map as error_map
from linsgd.plot.regimes import regime_diagram as regime_diagram
from linsgd.plot.travel import displacement as displacement
from linsgd.plot.travel import exponent as exponent
