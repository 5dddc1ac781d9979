"""Claims after Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli and Yamins (2024).

The dynamics of SGD with momentum near a minimum as an underdamped Langevin equation. Its statements are reconstructed
here and replaced by their exact discrete-time counterparts; where the Langevin limit fails, a claim says so.
"""

from linsgd.claims.entry import Entry
from linsgd.claims.kunin_2024.fluctuation_dissipation import (
    fluctuation_dissipation,
    fluctuation_dissipation_dampened,
    fluctuation_dissipation_fails_for_epochs,
    fluctuation_dissipation_nesterov,
)
from linsgd.claims.kunin_2024.langevin_limit import (
    frozen_noise_displacement_is_too_small,
    langevin_variance_is_first_order,
    langevin_variance_is_too_small,
)
from linsgd.claims.kunin_2024.mean_path import mean_path
from linsgd.claims.kunin_2024.stationary_law import (
    cross_covariance_matrix,
    position_velocity_covariance,
    stationary_position_variance,
    stationary_velocity_variance,
)

ENTRIES = (
    Entry(stationary_position_variance),
    Entry(stationary_velocity_variance),
    Entry(position_velocity_covariance),
    Entry(cross_covariance_matrix),
    Entry(fluctuation_dissipation),
    Entry(fluctuation_dissipation_dampened),
    Entry(fluctuation_dissipation_nesterov),
    Entry(fluctuation_dissipation_fails_for_epochs, data_only=True),
    Entry(mean_path),
    Entry(frozen_noise_displacement_is_too_small),
    Entry(langevin_variance_is_too_small),
    Entry(langevin_variance_is_first_order),
)
