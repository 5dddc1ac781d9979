"""Claims after Wu, Luo, Zhang, Wang and Yang (2021): gradient noise and temperature.

Reconstructed from the abstract: the noise has a finite variance, and momentum makes SGD a Langevin
equation with a temperature. The exact covariances and the exact ratio of temperatures are derived
here.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.wu_2021.paper import wu
from linsgd.claims.wu_2021 import (
    gradient_noise,
    temperature,
)
# isort: on

__all__ = [
    "gradient_noise",
    "temperature",
    "wu",
]
