"""Statements of the paper in our words, and the claims that decide each."""

from linsgd.claims.simsekli_2019.paper import simsekli
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

simsekli.state(
    "Block estimates of the tail index of gradient noise are below 2: the noise is heavy-tailed "
    "and alpha-stable.",
    Holds.CONDITION,
    "the noise is stable in the first place; the estimator returns indices below 2 for noise with "
    "every moment, from unequal variances, exact zeros and few batches",
    "block_estimator_on_stable_noise",
    "per_weight_index_rises_with_the_batch",
    "exact_zeros_are_read_as_a_tail",
    "recipe_on_a_softmax_regression",
    "recipe_on_a_relu_network",
    "single_weights_of_a_softmax_regression",
    "single_weights_of_a_relu_network",
)
simsekli.state(
    "The index does not rise with the batch size, hence the central limit theorem does not apply.",
    Holds.FAILS,
    "the pooled index is a number of the spectrum, the same for normal noise; the scale of the "
    "noise falls as b^-1/2",
    "pooled_index_does_not_depend_on_the_batch",
    "noise_scale_falls_as_the_square_root_of_the_batch",
)
simsekli.state(
    "Stable noise gives SGD the law of a Levy-driven equation, with the scale "
    "lr^((alpha - 1)/alpha).",
    Holds.FIRST_ORDER,
    "on a quadratic the stationary law is exactly stable at every lr",
    "stationary_scale_under_stable_noise",
)
simsekli.state(
    "Levy-driven SGD leaves a minimum in a time that depends on its width, not on its barrier.",
    Holds.CONDITION,
    "the noise is stable: then as a power of the batch; with finite variance exponentially in it",
    "levy_exit_is_a_power_of_the_batch",
    "levy_exit_depends_on_width_not_curvature",
    "normal_exit_is_exponential_in_the_batch",
    "wells_are_occupied_by_width_under_stable_noise",
)
simsekli.state(
    "Estimated indices below 2 are those of a stationary heavy-tailed law.",
    Holds.FAILS,
    "the published ones of multi-pass SGD are matched by a recursion that diverges, and fall with "
    "the number of steps",
    "a_divergent_recursion_gives_the_published_indices",
    source=Source.FOLLOW_UP,
)
