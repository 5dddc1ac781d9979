"""Claims after Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli and Yamins (2024).

The dynamics of SGD with momentum near a minimum as an underdamped Langevin equation. Its statements
are reconstructed here and replaced by their exact discrete-time counterparts; where the Langevin
limit fails, a claim says so.
"""

from linsgd.claims.entry import Entry
from linsgd.claims.kunin_2024.displacement import (
    displacement_saturates_at_the_effective_dimension,
    drift_depends_on_its_origin,
    drift_is_faster_than_diffusion,
    stationary_displacement,
    summed_displacement_grows_forever,
)
from linsgd.claims.kunin_2024.dissipation import measured_noise_dissipates
from linsgd.claims.kunin_2024.exponents import (
    displacement_counts_the_modes_that_have_moved,
    exponents_do_not_know_the_batch,
    exponents_over_epochs_follow_the_steps,
    power_law_spectra_set_the_exponent,
    stationary_exponents_are_bounded_from_twenty_tau,
)
from linsgd.claims.kunin_2024.fluctuation_dissipation import (
    fluctuation_dissipation,
    fluctuation_dissipation_dampened,
    fluctuation_dissipation_fails_for_epochs,
    fluctuation_dissipation_nesterov,
)
from linsgd.claims.kunin_2024.invariance import (
    equivalent_optimizers_share_the_law,
    positions_are_isotropic_without_decay,
)
from linsgd.claims.kunin_2024.langevin_limit import (
    frozen_noise_displacement_is_too_small,
    langevin_variance_at_small_lr,
    langevin_variance_is_first_order,
    langevin_variance_is_too_small,
    noise_is_not_proportional_to_the_hessian,
)
from linsgd.claims.kunin_2024.mean_path import langevin_mean_path, mean_path
from linsgd.claims.kunin_2024.noise_shape import (
    noise_is_not_proportional_away_from_the_minimum,
    noise_is_proportional_to_the_hessian_at_the_minimum,
)
from linsgd.claims.kunin_2024.orders import (
    correlation_error_is_of_half_order,
    equivalent_optimizers_part_at_first_order,
    matched_mean_path_error_is_second_order,
    mean_path_error_is_first_order,
    ringing_damping_error_is_independent_of_lr,
    ringing_starts_at_the_discrete_threshold,
)
from linsgd.claims.kunin_2024.phase_space import (
    decay_confines_flat_directions,
    equipartition_needs_the_equations_mass,
    phase_space_turns_clockwise,
    position_correlation,
    temperatures_with_dampening,
    velocity_correlation,
    velocity_variance_follows_the_noise,
)
from linsgd.claims.kunin_2024.scaling import (
    exponent_falls_with_lr_and_momentum,
    feedback_needs_each_modes_own_share,
    local_displacement_is_a_product_of_powers,
)
from linsgd.claims.kunin_2024.stationary_law import (
    cross_covariance_matrix,
    position_velocity_covariance,
    stationary_position_variance,
    stationary_position_variance_nesterov,
    stationary_velocity_variance,
)
from linsgd.claims.kunin_2024.stationary_mean import trajectory_centres_on_the_regularised_minimum

ENTRIES = (
    Entry(stationary_position_variance),
    Entry(stationary_velocity_variance),
    Entry(stationary_position_variance_nesterov),
    Entry(position_velocity_covariance),
    Entry(cross_covariance_matrix),
    Entry(fluctuation_dissipation),
    Entry(fluctuation_dissipation_dampened),
    Entry(fluctuation_dissipation_nesterov),
    Entry(fluctuation_dissipation_fails_for_epochs, data_only=True),
    Entry(mean_path),
    Entry(langevin_mean_path),
    Entry(trajectory_centres_on_the_regularised_minimum),
    Entry(frozen_noise_displacement_is_too_small),
    Entry(langevin_variance_at_small_lr),
    Entry(langevin_variance_is_too_small),
    Entry(langevin_variance_is_first_order),
    Entry(noise_is_proportional_to_the_hessian_at_the_minimum, law_only=True),
    Entry(noise_is_not_proportional_away_from_the_minimum),
    Entry(noise_is_not_proportional_to_the_hessian, data_only=True),
    Entry(positions_are_isotropic_without_decay, law_only=True),
    Entry(decay_confines_flat_directions, core=False),
    Entry(velocity_variance_follows_the_noise, core=False),
    Entry(equipartition_needs_the_equations_mass, core=False),
    Entry(temperatures_with_dampening),
    Entry(phase_space_turns_clockwise),
    Entry(position_correlation, core=False),
    Entry(velocity_correlation, core=False),
    Entry(measured_noise_dissipates, data_only=True),
    Entry(stationary_displacement),
    Entry(drift_is_faster_than_diffusion),
    Entry(drift_depends_on_its_origin),
    Entry(local_displacement_is_a_product_of_powers),
    Entry(feedback_needs_each_modes_own_share, law_only=True),
    Entry(exponent_falls_with_lr_and_momentum),
    Entry(exponents_do_not_know_the_batch),
    Entry(exponents_over_epochs_follow_the_steps),
    Entry(displacement_saturates_at_the_effective_dimension),
    Entry(summed_displacement_grows_forever, law_only=True),
    Entry(power_law_spectra_set_the_exponent, law_only=True),
    Entry(displacement_counts_the_modes_that_have_moved, law_only=True),
    Entry(stationary_exponents_are_bounded_from_twenty_tau, law_only=True),
    Entry(correlation_error_is_of_half_order, law_only=True),
    Entry(ringing_damping_error_is_independent_of_lr, law_only=True),
    Entry(mean_path_error_is_first_order, law_only=True),
    Entry(matched_mean_path_error_is_second_order, law_only=True),
    Entry(equivalent_optimizers_part_at_first_order, law_only=True),
    Entry(equivalent_optimizers_share_the_law, core=False),
    Entry(ringing_starts_at_the_discrete_threshold, law_only=True),
)
