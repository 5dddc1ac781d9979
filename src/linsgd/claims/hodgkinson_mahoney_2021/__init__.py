"""Claims after Hodgkinson and Mahoney (2021): multiplicative noise decides what converges, and how heavy its tails are.

Reconstructed: SGD on least squares is a random linear recurrence; its second moment may diverge at
a learning rate at which the law of the iterates still converges, and its stationary law has a
power-law tail.
"""

from linsgd.claims.entry import Entry
from linsgd.claims.hodgkinson_mahoney_2021.averages import (
    averages_converge_slower_than_the_root,
    averages_have_a_stable_limit,
)
from linsgd.claims.hodgkinson_mahoney_2021.exponents import (
    batch_lightens_above_one,
    batch_lightens_only_above_one,
    larger_steps_make_tails_heavier,
    linear_scaling_is_not_exact,
    small_steps_beat_the_diffusion,
    weight_decay_changes_sign_with_the_batch,
)
from linsgd.claims.hodgkinson_mahoney_2021.labels_and_features import (
    bounded_features_have_light_tails,
    heavy_labels_pass_their_exponent_on,
)
from linsgd.claims.hodgkinson_mahoney_2021.moment_growth import moment_of_order_alpha_grows_linearly
from linsgd.claims.hodgkinson_mahoney_2021.momentum import (
    heavy_ball_threshold,
    momentum_can_lighten_large_batches,
    momentum_lightens_at_equal_effective_step,
    momentum_makes_tails_heavier_at_equal_lr,
    nesterov_threshold,
)
from linsgd.claims.hodgkinson_mahoney_2021.noiseless import (
    noiseless_law_is_a_point,
    noiseless_moments_explode,
)
from linsgd.claims.hodgkinson_mahoney_2021.one_step import (
    one_step_bounds_are_vacuous,
    one_step_bounds_enclose_the_exponent,
)
from linsgd.claims.hodgkinson_mahoney_2021.power_laws import (
    goldie_constant_of_two_features,
    larger_batch_destroys_the_stationary_law,
    smaller_batch_keeps_the_stationary_law,
    tail_is_a_power_law,
)
from linsgd.claims.hodgkinson_mahoney_2021.published_grid import (
    published_grid_has_no_infinite_variance,
)
from linsgd.claims.hodgkinson_mahoney_2021.schedules import varying_steps_make_tails_heavier
from linsgd.claims.hodgkinson_mahoney_2021.thresholds import (
    mean_square_grows_above_the_threshold,
    mean_square_shrinks_below_the_threshold,
    most_chains_shrink_above_the_threshold,
    threshold_is_marginal,
)

ENTRIES = (
    Entry(mean_square_grows_above_the_threshold),
    Entry(mean_square_shrinks_below_the_threshold),
    Entry(most_chains_shrink_above_the_threshold),
    Entry(threshold_is_marginal),
    Entry(tail_is_a_power_law, law_only=True),
    Entry(goldie_constant_of_two_features, law_only=True),
    Entry(moment_of_order_alpha_grows_linearly, law_only=True),
    Entry(averages_converge_slower_than_the_root, law_only=True),
    Entry(averages_have_a_stable_limit, law_only=True),
    Entry(heavy_labels_pass_their_exponent_on, law_only=True),
    Entry(bounded_features_have_light_tails, law_only=True),
    Entry(noiseless_law_is_a_point, law_only=True),
    Entry(noiseless_moments_explode, law_only=True),
    Entry(one_step_bounds_are_vacuous),
    Entry(one_step_bounds_enclose_the_exponent, law_only=True),
    Entry(larger_batch_destroys_the_stationary_law, law_only=True),
    Entry(smaller_batch_keeps_the_stationary_law, law_only=True),
    Entry(larger_steps_make_tails_heavier, law_only=True),
    Entry(batch_lightens_above_one, law_only=True),
    Entry(batch_lightens_only_above_one, law_only=True),
    Entry(weight_decay_changes_sign_with_the_batch, law_only=True),
    Entry(linear_scaling_is_not_exact, law_only=True),
    Entry(small_steps_beat_the_diffusion, law_only=True),
    Entry(heavy_ball_threshold, law_only=True),
    Entry(nesterov_threshold, law_only=True),
    Entry(momentum_lightens_at_equal_effective_step, law_only=True),
    Entry(momentum_makes_tails_heavier_at_equal_lr, law_only=True),
    Entry(momentum_can_lighten_large_batches, law_only=True),
    Entry(varying_steps_make_tails_heavier, law_only=True),
    Entry(published_grid_has_no_infinite_variance, core=False, law_only=True),
)
