"""Claims after Hodgkinson and Mahoney (2021): multiplicative noise decides what converges.

Reconstructed: SGD on least squares is a random linear recurrence; its second moment may diverge at a learning rate at
which the law of the iterates still converges.
"""

from linsgd.claims.entry import Entry
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
)
