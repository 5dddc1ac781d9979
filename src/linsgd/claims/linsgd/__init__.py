"""Claims that are new here: batches, epochs, weight decay, the loss curve and identities of the exact theory."""

from linsgd.claims.entry import Entry
from linsgd.claims.linsgd.batches import (
    epochs_end_below_independent_batches,
    loss_is_not_inverse_in_the_batch,
)
from linsgd.claims.linsgd.curves import (
    excess_loss_curve,
    first_step_is_undampened,
    weight_decay_moves_the_mean,
)
from linsgd.claims.linsgd.identities import stationary_identities

ENTRIES = (
    Entry(loss_is_not_inverse_in_the_batch),
    Entry(epochs_end_below_independent_batches, data_only=True),
    Entry(weight_decay_moves_the_mean),
    Entry(excess_loss_curve),
    Entry(first_step_is_undampened),
    Entry(stationary_identities),
)
