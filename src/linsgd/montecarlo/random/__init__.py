"""Random bits, variates and samples, in kernels; importing it implements `linsgd.variates`."""

from linsgd.montecarlo.random import variates as variates
