"""What the claims cite."""

KUNIN = (
    "Kunin, Sagastuy-Brena, Gillespie, Margalit, Tanaka, Ganguli, Yamins: The limiting dynamics of SGD: modified loss, "
    "phase-space oscillations, and anomalous diffusion. Neural Computation 36, 2024 (arXiv:2107.09133)"
)
YAIDA = "Yaida: Fluctuation-dissipation relations for stochastic gradient descent. ICLR 2019 (arXiv:1810.00004)"
HODGKINSON_MAHONEY = "Hodgkinson, Mahoney: Multiplicative noise and heavy tails in stochastic optimization. ICML 2021 (arXiv:2006.06293)"
WU = (
    "Wu, Luo, Zhang, Wang, Yang: Revisiting the characteristics of stochastic gradient noise and dynamics. 2021 "
    "(arXiv:2109.09833)"
)
LINSGD = "New here; derived in the documentation of linsgd"
