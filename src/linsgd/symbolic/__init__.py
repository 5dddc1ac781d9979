"""SymPy derivations of the formulas that `linsgd.theory` evaluates.

Each function returns a `Derivation`: a chain of named equations that ends in its `result`.

- update: one step in phase space, and the Langevin equation
- propagators: powers and exponentials that propagate a mean state
- stationary, phase_space: stationary covariance, density and current
- correlations: autocorrelations and displacement
- expansions: the error of the Langevin equation in powers of the learning rate
- tails, moments, tail_constants: spectral function, moments and constant of the tail
- symbols: the letters; formulas, scope, derivation, printing: what all of them use
"""

from linsgd.symbolic import symbols
from linsgd.symbolic.correlations import autocorrelation, displacement, summed_displacement
from linsgd.symbolic.derivation import Derivation, Step
from linsgd.symbolic.expansions import lr_expansion
from linsgd.symbolic.formulas import Equation
from linsgd.symbolic.moments import moment_recursion, moment_threshold
from linsgd.symbolic.phase_space import modified_loss, probability_current
from linsgd.symbolic.printing import latex, mathml
from linsgd.symbolic.propagators import propagator
from linsgd.symbolic.scope import Features, Scope
from linsgd.symbolic.stationary import gradient_noise, stationary_covariance
from linsgd.symbolic.symbols import tidy
from linsgd.symbolic.tail_constants import tail_constant
from linsgd.symbolic.tails import lyapunov_exponent, spectral_function
from linsgd.symbolic.update import underdamped_sde, update_rule

__all__ = [
    "Derivation",
    "Equation",
    "Features",
    "Scope",
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
    "symbols",
    "tail_constant",
    "tidy",
    "underdamped_sde",
    "update_rule",
]
