"""The paper, and the source of its fluctuation-dissipation relations."""

from linsgd.claims.paper import Paper

kunin = Paper(
    "kunin_2024",
    citation=(
        "Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli, Yamins: The limiting "
        "dynamics of SGD: modified loss, phase-space oscillations, and anomalous diffusion. "
        "Neural Computation 36, 2024 (arXiv:2107.09133)"
    ),
)
YAIDA = (
    "Yaida: Fluctuation-dissipation relations for stochastic gradient descent. ICLR 2019 "
    "(arXiv:1810.00004)"
)
