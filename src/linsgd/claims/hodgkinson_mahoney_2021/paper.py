"""The paper."""

from linsgd.claims.paper import Paper

hodgkinson_mahoney = Paper(
    "hodgkinson_mahoney_2021",
    citation=(
        "Hodgkinson, Mahoney: Multiplicative noise and heavy tails in stochastic optimization. "
        "ICML 2021 (arXiv:2006.06293)"
    ),
)
