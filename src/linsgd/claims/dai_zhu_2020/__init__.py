"""Claims after Dai and Zhu (2020): escape, flat minima, batch size, by Fokker-Planck equations.

Reconstructed from the abstract; the papers that followed are cited with their claims. Where a
statement stops holding is claimed too: unequal depths, noise that depends on the position, finite
learning rates, tails.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.claims.dai_zhu_2020 import flatness, rates, follow_ups, discrete, chains, statements
# isort: on

__all__ = ["chains", "dai_zhu", "discrete", "flatness", "follow_ups", "rates", "statements"]
