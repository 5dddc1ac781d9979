"""SymPy derivations of the formulas that theory evaluates.

Each function returns a `Derivation`: a chain of named equations that ends in its `result`.
`printing.latex` and `mathml` print them; `symbols` declares the letters.
"""

from linsgd.symbolic.correlations import autocorrelation, displacement, summed_displacement
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.expansions import lr_expansion
from linsgd.symbolic.moments import moment_recursion, moment_threshold
from linsgd.symbolic.phase_space import modified_loss, probability_current
from linsgd.symbolic.printing import latex, mathml
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.stationary import gradient_noise, stationary_covariance
from linsgd.symbolic.symbols import tidy
from linsgd.symbolic.tail_constants import tail_constant
from linsgd.symbolic.tails import lyapunov_exponent, spectral_function
from linsgd.symbolic.update import underdamped_sde, update_rule

__all__ = [
    "Derivation",
    "Step",
    "autocorrelation",
    "displacement",
    "gradient_noise",
    "latex",
    "lr_expansion",
    "lyapunov_exponent",
    "mathml",
    "modified_loss",
    "moment_recursion",
    "moment_threshold",
    "probability_current",
    "propagator",
    "spectral_function",
    "stationary_covariance",
    "summed_displacement",
    "tail_constant",
    "tidy",
    "underdamped_sde",
    "update_rule",
]
