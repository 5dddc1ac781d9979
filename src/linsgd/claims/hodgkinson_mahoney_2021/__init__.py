"""Claims after Hodgkinson and Mahoney (2021): multiplicative noise, convergence and heavy tails.

Reconstructed: SGD on least squares is a random linear recurrence; its second moment may diverge at
a learning rate at which the law of the iterates still converges, and its stationary law has a
power-law tail.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.hodgkinson_mahoney_2021 import (
    thresholds,
    power_laws,
    moment_growth,
    averages,
    labels_and_features,
    noiseless,
    one_step,
    exponents,
    momentum,
    schedules,
    published_grid,
    other_optimizers,
    diffusion_exponents,
    networks_of_nodes,
    statements,
)
# isort: on

__all__ = [
    "averages",
    "diffusion_exponents",
    "exponents",
    "hodgkinson_mahoney",
    "labels_and_features",
    "moment_growth",
    "momentum",
    "networks_of_nodes",
    "noiseless",
    "one_step",
    "other_optimizers",
    "power_laws",
    "published_grid",
    "schedules",
    "statements",
    "thresholds",
]
