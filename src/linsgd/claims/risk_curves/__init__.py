"""Claims on risk curves: schedules, averages, batch ramps, momentum, power laws, approximations."""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.risk_curves.paper import risk_curves
from linsgd.claims.risk_curves import (
    curves,
    averages,
    batches,
    momentum,
    power_laws,
    homogenized,
    functional_scaling,
    data_reuse,
    statements,
)
# isort: on

__all__ = [
    "averages",
    "batches",
    "curves",
    "data_reuse",
    "functional_scaling",
    "homogenized",
    "momentum",
    "power_laws",
    "risk_curves",
    "statements",
]
