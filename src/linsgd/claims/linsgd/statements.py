"""What is stated here and by no paper, and which claims decide each statement."""

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
