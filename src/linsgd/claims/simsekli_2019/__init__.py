"""Claims after Simsekli, Sagun and Gurbuzbalaban (2019): heavy-tailed gradient noise.

Reconstructed from the abstract and the published code: the noise is stable with an index below 2,
and SGD a differential equation with Levy noise. What the block estimator returns on noise that is
not stable was derived here.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.simsekli_2019.paper import simsekli
from linsgd.claims.simsekli_2019 import (
    block_estimator,
    levy_driven,
    wells,
    divergent,
    networks,
    statements,
)
# isort: on

__all__ = [
    "block_estimator",
    "divergent",
    "levy_driven",
    "networks",
    "simsekli",
    "statements",
    "wells",
]
