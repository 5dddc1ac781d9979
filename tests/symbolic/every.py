"""Every derivation, as {name: the call that makes it}."""

from functools import partial

from linsgd import symbolic
from linsgd.symbolic.expansions import QUANTITIES
from linsgd.symbolic.propagators import REGIMES
from linsgd.symbolic.symbols import s

CASES = [("exact", regime) for regime in REGIMES] + [("langevin", regime) for regime in REGIMES[:3]]
CALLS = [
    partial(symbolic.update_rule),
    partial(symbolic.update_rule, True),
    partial(symbolic.underdamped_sde),
    *(partial(symbolic.propagator, regime, theory) for theory, regime in CASES),
    *(
        partial(symbolic.stationary_covariance, theory)
        for theory in ("exact", "langevin", "diffusion")
    ),
    partial(symbolic.stationary_covariance, "exact", True),
    partial(symbolic.gradient_noise),
    partial(symbolic.modified_loss),
    partial(symbolic.probability_current),
    *(
        partial(function, *case)
        for function in (symbolic.autocorrelation, symbolic.displacement)
        for case in CASES
    ),
    *(
        partial(function, "diffusion")
        for function in (symbolic.autocorrelation, symbolic.displacement)
    ),
    partial(symbolic.summed_displacement),
    *(partial(symbolic.lr_expansion, quantity) for quantity in QUANTITIES),
    *(partial(symbolic.spectral_function, order) for order in (2, 4, 6, 8)),
    partial(symbolic.spectral_function),
    partial(symbolic.spectral_function, s, True),
    *(partial(symbolic.lyapunov_exponent, batch) for batch in (1, 2, 5, 6)),
    *(partial(symbolic.lyapunov_exponent, batch, True) for batch in (1, 2, 5)),
    *(partial(symbolic.tail_constant, *case) for case in ((2, 1), (2, 4), (4, 2))),
    *(partial(symbolic.moment_recursion, order) for order in (1, 2, 3, 4, 6)),
    *(partial(symbolic.moment_threshold, order) for order in (2, 4, 6)),
    partial(symbolic.moment_threshold, 2, True),
]
EVERY = {" ".join(map(str, (call.func.__name__, *call.args))): call for call in CALLS}
