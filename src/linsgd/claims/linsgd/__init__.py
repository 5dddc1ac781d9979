"""Claims that no paper makes: batches, epochs, weight decay, loss curve, identities, optimizers."""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.linsgd.paper import new
from linsgd.claims.linsgd import (
    batches,
    curves,
    identities,
    optimizers,
    statements,
)
# isort: on

__all__ = [
    "batches",
    "curves",
    "identities",
    "new",
    "optimizers",
    "statements",
]
