"""The statements of several papers on networks, on one small data set."""

from linsgd.claims.paper import Paper

networks = Paper(
    "networks",
    citation=(
        "What Kunin et al. (2024), Simsekli et al. (2019), Mori et al. (2022), Kuehn and Rosenow "
        "(2023) and Dai and Zhu (2020) expect of networks, on scikit-learn's digits"
    ),
)
