"""Statements of the paper in our words, and the claims that decide each."""

from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

hodgkinson_mahoney.state(
    "SGD on least squares is a random linear recurrence with a stationary law even where its "
    "second moment diverges.",
    Holds.EXACTLY,
    "just above the mean-square threshold the law contracts while the mean square grows",
    "mean_square_grows_above_the_threshold",
    "mean_square_shrinks_below_the_threshold",
    "most_chains_shrink_above_the_threshold",
    "threshold_is_marginal",
)
hodgkinson_mahoney.state(
    "Multiplicative noise gives the stationary law a power-law tail.",
    Holds.CONDITION,
    "single steps can expand and the additive noise is not zero; else the law is bounded",
    "tail_is_a_power_law",
    "goldie_constant_of_two_features",
    "bounded_features_have_light_tails",
    "noiseless_law_is_a_point",
    "noiseless_moments_explode",
    "heavy_labels_pass_their_exponent_on",
)
hodgkinson_mahoney.state(
    "Moments of the order of the tail exponent grow with time, and averages of iterates converge "
    "slowly, to a stable law.",
    Holds.EXACTLY,
    "the moment linearly in the steps; averages of k iterates as k^-(1 - 1/alpha) for "
    "1 < alpha < 2",
    "moment_of_order_alpha_grows_linearly",
    "averages_converge_slower_than_the_root",
    "averages_have_a_stable_limit",
)
hodgkinson_mahoney.state(
    "The norms of one step bound the tail exponent from both sides.",
    Holds.CONDITION,
    "the batch is larger than the number of features; else the bounds are empty; never attained",
    "one_step_bounds_enclose_the_exponent",
    "one_step_bounds_are_vacuous",
)
hodgkinson_mahoney.state(
    "Larger learning rates make the tail heavier.",
    Holds.EXACTLY,
    "over the rates tried, for small and large batches, and more so if they vary",
    "larger_steps_make_tails_heavier",
    "varying_steps_make_tails_heavier",
)
hodgkinson_mahoney.state(
    "Larger batches make the tail lighter, and only the ratio of lr to batch matters.",
    Holds.CONDITION,
    "the exponent is above 1, for the first; the ratio alone never decides",
    "batch_lightens_above_one",
    "batch_lightens_only_above_one",
    "larger_batch_destroys_the_stationary_law",
    "smaller_batch_keeps_the_stationary_law",
    "linear_scaling_is_not_exact",
    "small_steps_beat_the_diffusion",
)
hodgkinson_mahoney.state(
    "Weight decay makes the tail lighter.",
    Holds.CONDITION,
    "the batch is 1 (one Gaussian feature); at batch 2 it changes nothing, beyond it the tail is "
    "heavier",
    "weight_decay_changes_sign_with_the_batch",
)
hodgkinson_mahoney.state(
    "Momentum has a mean-square threshold and tail exponent of its own.",
    Holds.EXACTLY,
    "heavier than without momentum at equal lr and batch 1, lighter at equal lr/(1 - momentum)",
    "heavy_ball_threshold",
    "nesterov_threshold",
    "momentum_lightens_at_equal_effective_step",
    "momentum_makes_tails_heavier_at_equal_lr",
    "momentum_can_lighten_large_batches",
    source=Source.NEW,
)
hodgkinson_mahoney.state(
    "In a published synthetic experiment with 100 features SGD has tail exponents below 2.",
    Holds.FAILS,
    "at each of its 70 settings there is no stationary law, or a finite variance",
    "published_grid_has_no_infinite_variance",
    source=Source.FOLLOW_UP,
)
hodgkinson_mahoney.state(
    "Other optimizers have heavy tails by the same mechanism.",
    Holds.CONDITION,
    "a step can multiply the weights: stochastic Newton and SAM; not clipped SGD, sign descent and "
    "Adam, whose steps are bounded",
    "newton_law_is_cauchy_at_any_damping",
    "newton_variance_is_that_of_averaged_solutions",
    "sam_has_the_exponent_of_sgd",
    "adam_has_no_power_law",
    "clipped_sgd_has_no_power_law",
    "sign_descent_follows_its_lattice_law",
)
hodgkinson_mahoney.state(
    "Formulas of diffusions and fits give the tail exponent.",
    Holds.FAILS,
    "2 b/(lr h) - b is exact where the exponent is 2 and nowhere else; homogenised SGD has lighter "
    "tails than SGD",
    "fitted_exponent_is_exact_at_two_only",
    "homogenised_exponent_is_too_large",
    source=Source.FOLLOW_UP,
)
hodgkinson_mahoney.state(
    "Decentralised SGD has heavier tails than one node on all samples.",
    Holds.EXACTLY,
    "two nodes lose the second moment earlier; a node alone may lose it later or earlier than both",
    "two_nodes_are_less_stable_than_one_with_their_samples",
    source=Source.FOLLOW_UP,
)
