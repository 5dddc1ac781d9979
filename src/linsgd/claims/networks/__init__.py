"""Claims about networks on scikit-learn's digits, measured with `linsgd.deep`.

Their replicates are seeds: whole trainings, a few for each network. They need PyTorch and minutes,
so that they are judged only where they are named: ``linsgd validate --campaign networks``.
"""

# The order of these imports is the order of the claims in the report.
# isort: off
from linsgd.claims.networks.paper import networks
from linsgd.claims.networks import displacement, fluctuations, noise, statements
# isort: on

__all__ = ["displacement", "fluctuations", "networks", "noise", "statements"]
