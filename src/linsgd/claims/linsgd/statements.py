"""Statements of linsgd and of no paper, and the claims that decide each."""

from linsgd.claims.linsgd.paper import new
from linsgd.judge.claim import Source
from linsgd.judge.statement import Holds

new.state(
    "The mean excess loss follows the exact recursion of mean and covariance at every step.",
    Holds.EXACTLY,
    "for any lr, batch, momentum, dampening and weight decay",
    "excess_loss_curve",
    "first_step_is_undampened",
    "weight_decay_moves_the_mean",
    "stationary_identities",
    source=Source.NEW,
)
new.state(
    "The stationary loss is inversely proportional to the batch size.",
    Holds.FAILS,
    "at a quarter of its threshold batch 1 has more than 8 times the loss of batch 8",
    "loss_is_not_inverse_in_the_batch",
    source=Source.NEW,
)
new.state(
    "Reshuffled epochs end nearer to the minimum than independent batches.",
    Holds.EXACTLY,
    "by more than a factor ten at the end of an epoch of four batches",
    "epochs_end_below_independent_batches",
    source=Source.NEW,
)
new.state(
    "The stationary variances of heavy ball and of Adam have closed forms.",
    Holds.CONDITION,
    "the noise is constant, for heavy ball at every lr; the steps are small, for Adam",
    "momentum_variance_under_constant_noise",
    "adams_stationary_covariance_is_diagonal",
    source=Source.NEW,
)
new.state(
    "Averages of correlated iterates have the variance of independent ones.",
    Holds.FAILS,
    "it is larger by (2 - lr h)/(lr h)",
    "polyaks_average_keeps_the_correlation_of_its_steps",
    source=Source.NEW,
)
new.state(
    "The weight decay of least stationary risk can be negative.",
    Holds.EXACTLY,
    "from lr h = 1 on, in one dimension with a large batch",
    "weight_decay_of_least_risk_can_be_negative",
    source=Source.FOLLOW_UP,
)
