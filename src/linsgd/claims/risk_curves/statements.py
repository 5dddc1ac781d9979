"""Statements on risk curves in our words, and the claims that decide each."""

from linsgd.claims.risk_curves.paper import risk_curves
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

risk_curves.state(
    "One-pass SGD follows a recursion of the modes' second moments, under any schedule.",
    Holds.EXACTLY,
    "with Gaussian features; on random features the misfit is label noise",
    "risk_at_constant_hyperparameters",
    "risk_under_schedules",
    "misfit_of_random_features_is_label_noise",
    source=Source.NEW,
)
risk_curves.state(
    "Homogenised SGD and its Volterra equation give the risk in high dimension.",
    Holds.FIRST_ORDER,
    "with an error that falls as 1/d; their threshold is too large by (d + b + 1)/d",
    "homogenized_error_is_first_order_in_lr",
    "volterra_error_falls_as_the_dimension",
    "homogenized_threshold_is_too_large",
)
risk_curves.state(
    "On power laws the risk falls as a power of the steps, set by target and spectrum.",
    Holds.EXACTLY,
    "hard targets by what the start leaves, easy ones by the noise of the risk itself",
    "forgetting_sets_the_exponent_of_hard_targets",
    "noise_sets_the_exponent_of_easy_targets",
)
risk_curves.state(
    "Label noise does not change the exponent of the risk under geometric decay of lr.",
    Holds.EXACTLY,
    "on infinite power laws with a source of 0, in the steps of a stage",
    "label_noise_keeps_the_exponent_under_geometric_decay",
)
risk_curves.state(
    "A batch ramp equals a decay of the learning rate.",
    Holds.FIRST_ORDER,
    "at lr 1 the ramp leaves 1.2 times the risk",
    "batch_ramp_equals_lr_decay_to_first_order",
    "batch_ramp_leaves_more_risk_at_finite_lr",
    source=Source.PAPER,
)
risk_curves.state(
    "At equal samples the learning rate must grow in proportion to the batch.",
    Holds.FIRST_ORDER,
    "with momentum and without",
    "lr_follows_the_batch_linearly_at_small_lr",
)
risk_curves.state(
    "Momentum is a larger learning rate, lr/(1 - momentum).",
    Holds.FIRST_ORDER,
    "at lr/(1 - momentum) = 0.4 the risk is 1.25 times that of plain SGD",
    "momentum_is_a_larger_lr_to_first_order",
    "momentum_is_no_larger_lr_at_finite_lr",
)
risk_curves.state(
    "Averages of the iterates have a lower risk than the last one.",
    Holds.EXACTLY,
    "by the factor of the exact recursion; late averages reach the rate of least squares",
    "tail_averaging_gain",
    "exponential_averaging_gain",
    "averages_reach_the_rate_of_least_squares",
)
risk_curves.state(
    "The bias of an exponential average of the iterates decays exponentially.",
    Holds.EXACTLY,
    "at the rate of the slower of the mode and the average",
    "bias_of_an_exponential_average_decays_exponentially",
    source=Source.PAPER,
)
risk_curves.state(
    "The risk is a function of the intrinsic time, the sum of the learning rates.",
    Holds.FIRST_ORDER,
    "in the peak learning rate, with the label noise convolved; the steps do not replace it",
    "functional_scaling_law_is_first_order_in_lr",
    "steps_do_not_replace_intrinsic_time",
)
risk_curves.state(
    "Several passes over the data lower the population risk.",
    Holds.EXACTLY,
    "six passes to a tenth on the 40 rows tried, though less than fresh samples would",
    "data_reuse_lowers_the_risk",
)
