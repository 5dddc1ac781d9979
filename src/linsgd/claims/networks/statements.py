"""Statements on networks in our words, and the claims that decide each."""

from linsgd.claims.networks.paper import networks
from linsgd.judge.statement import Holds

networks.state(
    "The squared step of a network is in proportion to lr^2/(b (1 - momentum^2)).",
    Holds.CONDITION,
    "the weights are stationary at small lr, so that the noise is the same at each value",
    "local_displacement_squared_lr",
    "local_displacement_inverse_batch",
    "local_displacement_and_momentum",
    "local_displacement_of_a_residual_net",
    "local_displacement_with_batch_norm",
)
networks.state(
    "The global displacement is a power of the time with an exponent that is a number of the "
    "optimizer.",
    Holds.FAILS,
    "stationary weights give an exponent far below 1, weights that still drift one above 1",
    "stationary_exponent_below_one",
    "exponent_above_one_is_drift",
    "exponent_falls_with_length_from_scratch",
    "exponent_does_not_depend_on_the_batch",
)
networks.state(
    "Velocities and positions along Hessian eigenvectors have the variances of linear regression.",
    Holds.CONDITION,
    "curvature and noise are measured where the weights are stationary, and hardly change over "
    "their fluctuation",
    "velocity_variance_from_measured_noise",
    "velocity_variance_of_a_residual_net",
    "positions_are_isotropic_above_the_crossover",
    "velocity_variance_with_batch_norm",
    "fluctuation_dissipation",
    "linear_limit_is_exact",
)
networks.state(
    "The sampling scheme decides the global displacement.",
    Holds.CONDITION,
    "the weights are stationary",
    "independent_batches_do_not_dip",
    "reshuffled_epochs_dip",
    "a_fixed_order_returns",
    "reshuffling_confines_flat_directions",
)
networks.state(
    "Block estimates of the tail index show that the gradient noise of networks is heavy-tailed.",
    Holds.FAILS,
    "they read the covariance, the order and the zeros; kurtosis falls as 1/b",
    "recipe_is_that_of_normal_noise",
    "recipe_over_width_depth_and_loss",
    "recipe_reads_the_order_of_weights",
    "recipe_reads_dead_pixels",
    "single_weights_are_nearer_to_normal",
    "kurtosis_falls_as_the_batch",
    "normality_is_rejected_less_at_large_batches",
)
networks.state(
    "Gradient noise is a power of the curvature, near 1, and in proportion to the loss.",
    Holds.CONDITION,
    "the power of the curvature holds without weight decay; that of the loss is below 1 here",
    "noise_exponent_of_squared_loss",
    "noise_exponent_of_cross_entropy",
    "noise_strength_falls_slower_than_the_loss",
)
networks.state(
    "Small batches reach flatter minima.",
    Holds.CONDITION,
    "compared at equal training loss, on this network",
    "small_batches_reach_flatter_minima",
)
