"""Fokker-Planck equations of SGD's diffusions, and the discrete chains that they approximate.

coefficient         a potential or a diffusion as a function, whichever way it is given
panels              Gauss panels; cumulative integrals of positive functions, in logarithms
speed_and_scale     Psi and D on panels
spectrum_1d         decay rates: inverse iteration on the flux, and shooting
first_passage_1d    mean, variance and law of the first passage
diffusion_1d        `Diffusion1D`, the public face of these
kinetic_1d          `Kinetic1D`, momentum SGD; kinetic_operator has its matrices, kinetic_modes
                    its rates, passage and evolution
finite_volume       Scharfetter and Gummel's scheme, for evolution; the second method
diffusion_2d        `Diffusion2D`: a chain on a grid (grid_2d) along Selling's offsets (selling),
                    solved by elimination without subtraction (banded_chain)
markov_kernel       `MarkovKernel`: the discrete algorithm, with Gaussian noise (jumps) on Gauss
                    panels (position_chain) or with momentum (pair_chain), and with batches of a
                    finite sum; by elimination without subtraction (elimination)
"""

from linsgd.theory.fokker_planck.diffusion_1d import Diffusion1D
from linsgd.theory.fokker_planck.diffusion_2d import Diffusion2D, PlaneDensity
from linsgd.theory.fokker_planck.evolution import Evolution
from linsgd.theory.fokker_planck.first_passage_1d import PassageLaw
from linsgd.theory.fokker_planck.kinetic_1d import Kinetic1D, PhaseSpaceDensity
from linsgd.theory.fokker_planck.log_number import LogNumber, ResolutionStatus
from linsgd.theory.fokker_planck.markov_kernel import MarkovKernel

__all__ = [
    "Diffusion1D",
    "Diffusion2D",
    "Evolution",
    "Kinetic1D",
    "LogNumber",
    "MarkovKernel",
    "PassageLaw",
    "PhaseSpaceDensity",
    "PlaneDensity",
    "ResolutionStatus",
]
