"""Statements on escape and flat minima in our words, and the claims that decide each."""

from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

dai_zhu.state(
    "SGD prefers flat minima, whatever the batch size.",
    Holds.CONDITION,
    "the minima are equally deep and the noise is the same at both: then by the root of the "
    "curvatures' ratio; else the preference grows exponentially with the batch, for either minimum",
    "flat_wins_at_equal_depth_whatever_the_batch",
    "chains_prefer_the_flat_minimum_at_equal_depth",
    "unequal_depth_makes_the_preference_depend_on_the_batch",
    "noise_at_the_flat_minimum_favours_the_sharp_one",
    "noise_like_the_hessian_favours_the_flat_minimum",
)
dai_zhu.state(
    "The rate of convergence depends on the batch size.",
    Holds.CONDITION,
    "there are several wells: then exponentially; in linear regression the rate is the smallest "
    "curvature at every batch while the variance is finite",
    "gap_between_wells_falls_exponentially_with_the_batch",
    "gap_of_regression_is_the_smallest_curvature",
    "gap_is_continuous_where_the_variance_is_infinite",
)
dai_zhu.state(
    "The time to escape grows exponentially with the batch, as Kramers' formula has it.",
    Holds.CONDITION,
    "the noise is constant and the barrier high: the error is a temperature over the barrier",
    "escape_time_is_that_of_kramers",
    "escapes_become_rare_exponentially_in_the_batch",
)
dai_zhu.state(
    "SGD with momentum follows the kinetic Fokker-Planck equation.",
    Holds.FIRST_ORDER,
    "with Langer's prefactor of the escape rate, and a decay whose constant exceeds one",
    "momentum_law_depends_on_lr_over_one_minus_momentum",
    "momentum_escape_has_langers_prefactor",
    "constant_of_hypocoercive_decay",
)
dai_zhu.state(
    "Near a minimum one momentum settles fastest, (1 - sqrt(lr h))^2.",
    Holds.EXACTLY,
    "whatever the batch",
    "best_momentum_in_a_well",
    source=Source.NEW,
)
dai_zhu.state(
    "The Fokker-Planck equation, read in Ito's sense, describes the discrete algorithm.",
    Holds.FIRST_ORDER,
    "SGD leaves sharp wells faster, by lr (h - h_s)/4, and occupies flat ones more often",
    "sgd_is_read_in_the_sense_of_ito",
    "finite_steps_leave_sharp_wells_faster",
    "finite_steps_prefer_flat_wells",
    source=Source.CONDITION,
)
dai_zhu.state(
    "The noise of SGD is the Hessian.",
    Holds.FAILS,
    "where the curvature vanishes: taken literally SGD would never pass an inflection point",
    "literal_hessian_noise_gives_an_infinite_escape_time",
    source=Source.FOLLOW_UP,
)
dai_zhu.state(
    "Noise in proportion to the loss makes the escape time a power of the losses' ratio.",
    Holds.EXACTLY,
    "to the leading order of small noise; the tail of real SGD is heavier than that of this law",
    "escape_under_noise_of_the_loss_is_a_power_law",
    "power_law_of_the_loss_is_not_that_of_sgd",
    source=Source.FOLLOW_UP,
)
dai_zhu.state(
    "The exponent of the time to escape grows with the sharpness.",
    Holds.CONDITION,
    "the noise does not follow the Hessian: with noise in proportion to it the exponent is "
    "(b/lr) r^2 for every curvature",
    "exponents_with_noise_like_the_hessian_do_not_know_sharpness",
    "exit_exponent_of_the_chain_does_not_know_sharpness",
    source=Source.FOLLOW_UP,
)
dai_zhu.state(
    "From a global minimum that fits every sample SGD does not escape.",
    Holds.EXACTLY,
    "the noise vanishes there with the loss",
    "without_label_noise_no_global_minimum_is_left",
    source=Source.FOLLOW_UP,
)
dai_zhu.state(
    "A diffusion gives the tail and the stability of SGD on linear regression.",
    Holds.FAILS,
    "at leading order: three diffusions give three tail exponents, none that of SGD, and none "
    "diverges at a finite learning rate",
    "tail_exponent_is_none_of_three_diffusions",
    "sgd_diverges_where_no_diffusion_does",
    source=Source.CONDITION,
)
