"""Statements of the paper in our words, and the claims that decide each."""

from linsgd.claims.wu_2021.paper import wu
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

wu.state(
    "The minibatch gradient has a finite variance, that of one sample over the batch size.",
    Holds.EXACTLY,
    "with the factor (N - b)/(N - 1) without replacement",
    "gradient_noise_covariance",
    "gradient_noise_without_replacement",
    "stationary_loss_without_replacement",
)
wu.state(
    "At large batch the noise is normal.",
    Holds.CONDITION,
    "single directions are looked at; the joint law needs batches beyond the dimension, and "
    "skewness falls only as b^-1/2",
    "excess_kurtosis_falls_as_the_batch",
    "skewness_falls_as_the_root_of_the_batch",
    "noise_of_nearly_all_rows_mirrors_that_of_one",
    "the_joint_law_is_normal_only_beyond_the_dimension",
    "the_norm_exceeds_that_of_a_normal_vector",
    "tails_at_fixed_weights_are_exponential",
    "distance_from_normal_at_the_optimum_is_of_order_one_over_b",
)
wu.state(
    "Batches drawn in epochs are not independent.",
    Holds.EXACTLY,
    "the correlation is -b/(N - b), and the noise of an epoch sums to zero; below a curvature of "
    "3 (1 - momentum) b/(lr N) this takes most of the stationary variance away",
    "batches_of_an_epoch_are_anticorrelated",
    "noise_of_an_epoch_sums_to_zero",
    "epochs_reduce_the_variance_below_a_crossover_curvature",
    source=Source.FOLLOW_UP,
)
wu.state(
    "With momentum SGD reaches a steady state of one temperature, as a Langevin equation.",
    Holds.FIRST_ORDER,
    "kinetic and potential temperature differ by the factor 2 (1 - dampening)/(1 + momentum)",
    "temperature_of_small_steps",
    "kinetic_and_potential_temperature",
    "steady_state_of_online_sgd",
)
