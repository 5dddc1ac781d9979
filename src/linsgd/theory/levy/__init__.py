"""SGD driven by stable noise, and what decides exits from a well.

- noise: the mean of a batch of stable gradients, and the amplitude of the Levy equation
- stationary: the exact stationary scale on a quadratic, with momentum
- exits: exit times, well-to-well rates and the limiting Markov chain, of single large jumps
- recursion: mean exit times of the discrete recursion, from its integral equation
- brownian: mean exit times under normal noise, by the double integral and by Kramers
- block_index: limits of the block estimator of alpha on noise that is not stable
- exponents: exponents of exit under noise with exponential moments, from its cumulants
"""

from linsgd.stable import Stable
from linsgd.theory.levy.block_index import (
    BlockIndex,
    block_index_of_law,
    block_index_of_normals,
    block_index_of_products,
)
from linsgd.theory.levy.brownian import diffusion_exit_time, kramers_time
from linsgd.theory.levy.exits import Wells, exit_time, jump_constant, wells
from linsgd.theory.levy.exponents import exit_exponent
from linsgd.theory.levy.noise import batch_noise, equation_amplitude
from linsgd.theory.levy.recursion import recursion_exit_time
from linsgd.theory.levy.result import AsymptoticStatus, ExitExponent, ExitTime
from linsgd.theory.levy.stationary import StationaryScale, stationary_scale

__all__ = [
    "AsymptoticStatus",
    "BlockIndex",
    "ExitExponent",
    "ExitTime",
    "Stable",
    "StationaryScale",
    "Wells",
    "batch_noise",
    "block_index_of_law",
    "block_index_of_normals",
    "block_index_of_products",
    "diffusion_exit_time",
    "equation_amplitude",
    "exit_exponent",
    "exit_time",
    "jump_constant",
    "kramers_time",
    "recursion_exit_time",
    "stationary_scale",
    "wells",
]
