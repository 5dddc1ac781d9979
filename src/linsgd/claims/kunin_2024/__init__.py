"""Claims after Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli and Yamins (2024).

The paper describes SGD with momentum near a minimum by an underdamped Langevin equation. Its
statements are reconstructed here and replaced by their exact discrete-time counterparts; where the
Langevin limit fails, a claim states the failure.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.kunin_2024.paper import kunin
from linsgd.claims.kunin_2024 import (
    stationary_law,
    fluctuation_dissipation,
    mean_path,
    stationary_mean,
    langevin_limit,
    noise_shape,
    invariance,
    phase_space,
    dissipation,
    displacement,
    scaling,
    exponents,
    orders,
    statements,
)
# isort: on

__all__ = [
    "displacement",
    "dissipation",
    "exponents",
    "fluctuation_dissipation",
    "invariance",
    "kunin",
    "langevin_limit",
    "mean_path",
    "noise_shape",
    "orders",
    "phase_space",
    "scaling",
    "statements",
    "stationary_law",
    "stationary_mean",
]
