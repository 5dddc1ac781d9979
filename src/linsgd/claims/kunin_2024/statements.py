"""Statements of the paper in our words, and the claims that decide each."""

from linsgd.claims.kunin_2024.paper import kunin
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

kunin.state(
    "SGD with momentum moves as an underdamped Langevin equation whose gradient noise is that at "
    "the minimum.",
    Holds.FIRST_ORDER,
    "at a fiftieth of the mean-square threshold the position variance is within a tenth; at a "
    "quarter of it the equation's is more than a tenth too small",
    "langevin_variance_at_small_lr",
    "langevin_variance_is_first_order",
    "langevin_variance_is_too_small",
    "frozen_noise_displacement_is_too_small",
    "stationary_position_variance",
    "stationary_velocity_variance",
    "stationary_position_variance_nesterov",
)
kunin.state(
    "From any start the mean of position and velocity is a damped oscillation.",
    Holds.FIRST_ORDER,
    "to second order if velocities are read half a step apart from positions; the damping rate "
    "of oscillating modes has an error that does not fall with lr",
    "mean_path",
    "langevin_mean_path",
    "mean_path_error_is_first_order",
    "matched_mean_path_error_is_second_order",
    "ringing_damping_error_is_independent_of_lr",
    "ringing_starts_at_the_discrete_threshold",
)
kunin.state(
    "In the stationary state position and velocity are uncorrelated.",
    Holds.FAILS,
    "their covariance is lr/2 times the velocity's, their correlation of order lr^(1/2)",
    "position_velocity_covariance",
    "cross_covariance_matrix",
    "correlation_error_is_of_half_order",
)
kunin.state(
    "The covariance of the gradient noise is proportional to the Hessian.",
    Holds.CONDITION,
    "residuals have one variance and the weights are at the minimum",
    "noise_is_proportional_to_the_hessian_at_the_minimum",
    "noise_is_not_proportional_away_from_the_minimum",
    "noise_is_not_proportional_to_the_hessian",
    "measured_noise_dissipates",
)
kunin.state(
    "Positions spread isotropically, velocities in proportion to the curvature; the loss that "
    "confines them is a modified one.",
    Holds.FIRST_ORDER,
    "with noise proportional to the Hessian; a weight decay confines the flat directions",
    "positions_are_isotropic_without_decay",
    "decay_confines_flat_directions",
    "velocity_variance_follows_the_noise",
)
kunin.state(
    "The stationary state has one temperature, at which kinetic and potential energy are equal.",
    Holds.CONDITION,
    "the mass is lr (1 + momentum)/2; then exactly, at every lr and for every noise",
    "equipartition_needs_the_equations_mass",
    "temperatures_with_dampening",
)
kunin.state(
    "Stationary loss and mean squared step obey a fluctuation-dissipation relation.",
    Holds.CONDITION,
    "batches are independent; then exactly, at every lr and for every noise",
    "fluctuation_dissipation",
    "fluctuation_dissipation_dampened",
    "fluctuation_dissipation_nesterov",
    "fluctuation_dissipation_fails_for_epochs",
    source=Source.FOLLOW_UP,
)
kunin.state(
    "The stationary motion circulates in phase space, and correlations oscillate as a damped "
    "oscillator's.",
    Holds.FIRST_ORDER,
    "area swept and both autocorrelations, along every eigenvector",
    "phase_space_turns_clockwise",
    "position_correlation",
    "velocity_correlation",
)
kunin.state(
    "Optimizers of equal lr (1 + momentum) and equal b (1 - momentum^2) have the same "
    "stationary state.",
    Holds.FIRST_ORDER,
    "the relative difference of their variances is of first order in lr",
    "equivalent_optimizers_share_the_law",
    "equivalent_optimizers_part_at_first_order",
)
kunin.state(
    "The trajectory is centred on the minimum of the regularised loss.",
    Holds.EXACTLY,
    "at every lr, along every eigenvector",
    "trajectory_centres_on_the_regularised_minimum",
)
kunin.state(
    "The local displacement is a product of powers of lr, batch size and 1 - momentum^2.",
    Holds.FIRST_ORDER,
    "in lr, with a correction from the noise that the spread of the weights adds",
    "local_displacement_is_a_product_of_powers",
    "feedback_needs_each_modes_own_share",
)
kunin.state(
    "The displacement grows as a power of the number of steps, an anomalous diffusion.",
    Holds.CONDITION,
    "eigenvalues fall as a power, and between the saturation of the stiffest and the flattest "
    "modes; else it saturates, and an exponent above 1 shows drift from the start",
    "power_law_spectra_set_the_exponent",
    "displacement_counts_the_modes_that_have_moved",
    "displacement_saturates_at_the_effective_dimension",
    "stationary_displacement",
    "stationary_exponents_are_bounded_from_twenty_tau",
    "drift_is_faster_than_diffusion",
    "drift_depends_on_its_origin",
    "summed_displacement_grows_forever",
)
kunin.state(
    "The exponent of the displacement falls with lr and momentum, and with the batch size over "
    "epochs.",
    Holds.FIRST_ORDER,
    "the batch size enters only through the number of steps in the window",
    "exponent_falls_with_lr_and_momentum",
    "exponents_do_not_know_the_batch",
    "exponents_over_epochs_follow_the_steps",
)
