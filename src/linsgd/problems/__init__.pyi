from . import potentials as potentials
