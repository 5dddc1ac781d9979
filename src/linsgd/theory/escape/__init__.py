"""Escape from minima and relaxation: closed forms and exponents, each with the order of its error.

crossing          `kramers`, `levy`, `gibbs_ratio`: over a barrier, by a jump, between two wells
quasi_potential   `large_deviation`: the exponent where noise and Hessian do not commute
relaxation        `LinearDiffusion`, `heavy_ball_rate`: spectra, distances, rates near a minimum
"""

from linsgd.theory.escape.crossing import gibbs_ratio, kramers, levy
from linsgd.theory.escape.quasi_potential import QuasiPotential, large_deviation
from linsgd.theory.escape.relaxation import (
    GaussianDistance,
    HeavyBallRate,
    LinearDiffusion,
    heavy_ball_rate,
)

__all__ = [
    "GaussianDistance",
    "HeavyBallRate",
    "LinearDiffusion",
    "QuasiPotential",
    "gibbs_ratio",
    "heavy_ball_rate",
    "kramers",
    "large_deviation",
    "levy",
]
