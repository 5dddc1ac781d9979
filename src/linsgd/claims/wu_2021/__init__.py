"""Claims after Wu, Luo, Zhang, Wang and Yang (2021): the minibatch gradient's noise and SGD's temperature.

Reconstructed from the abstract: the noise has a finite variance, and momentum makes SGD a Langevin
equation with a temperature. The exact covariances and the exact ratio of temperatures are derived
here.
"""

from linsgd.claims.entry import Entry
from linsgd.claims.wu_2021.gradient_noise import (
    gradient_noise_covariance,
    gradient_noise_without_replacement,
    stationary_loss_without_replacement,
)
from linsgd.claims.wu_2021.temperature import kinetic_and_potential_temperature

ENTRIES = (
    Entry(gradient_noise_covariance),
    Entry(gradient_noise_without_replacement, data_only=True),
    Entry(stationary_loss_without_replacement, data_only=True),
    Entry(kinetic_and_potential_temperature),
)
