"""The paper."""

from linsgd.claims.paper import Paper

simsekli = Paper(
    "simsekli_2019",
    citation=(
        "Simsekli, Sagun, Gurbuzbalaban: A tail-index analysis of stochastic gradient noise in "
        "deep neural networks. ICML 2019 (arXiv:1901.06053)"
    ),
)
