"""Claims after Wu, Luo, Zhang, Wang and Yang (2021): gradient noise and temperature.

Reconstructed from the abstract: the noise has a finite variance, is nearly normal at large batch,
and momentum makes SGD a Langevin equation with a temperature and a steady state. The exact laws and
where they leave these limits are derived here.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.wu_2021.paper import wu
from linsgd.claims.wu_2021 import (
    gradient_noise,
    noise_law,
    distance_from_normal,
    epochs,
    crossover,
    temperature,
    steady_state,
    statements,
)
# isort: on

__all__ = [
    "crossover",
    "distance_from_normal",
    "epochs",
    "gradient_noise",
    "noise_law",
    "statements",
    "steady_state",
    "temperature",
    "wu",
]
