"""Fokker-Planck equations of SGD's diffusions, and the discrete chains that they approximate.

panels          Gauss panels; cumulative integrals of positive functions, in logarithms
diffusion_1d    `Diffusion1D`: stationary density, occupation, gap, first passage, evolution
finite_volume   Scharfetter and Gummel's scheme, the second method
markov_kernel   `MarkovKernel`: the discrete algorithm with Gaussian noise, by elimination without
                subtraction
"""

from linsgd.theory.fokker_planck.diffusion_1d import Diffusion1D
from linsgd.theory.fokker_planck.log_number import LogNumber
from linsgd.theory.fokker_planck.markov_kernel import MarkovKernel

__all__ = ["Diffusion1D", "LogNumber", "MarkovKernel"]
