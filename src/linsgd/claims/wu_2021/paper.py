"""The paper."""

from linsgd.claims.paper import Paper

wu = Paper(
    "wu_2021",
    citation=(
        "Wu, Luo, Zhang, Wang, Yang: Revisiting the characteristics of stochastic gradient noise "
        "and dynamics. 2021 (arXiv:2109.09833)"
    ),
)
