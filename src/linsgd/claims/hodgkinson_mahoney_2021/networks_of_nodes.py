r"""Decentralised SGD on two nodes: where the second moment is stable; computed.

The prediction is the closed recursion of the nodes' second moments; the measurement is the matrix
E[M x M] with M = G - lr diag(x_1^2, x_2^2), integrated by Gauss-Hermite quadrature, whose spectral
radius crosses 1.
"""

from functools import partial

import numpy as np
import sympy
from scipy.optimize import brentq

from linsgd.claims.hodgkinson_mahoney_2021.one_feature import ONE_FEATURE, Bounds
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.optimizers.sgd import SGD
from linsgd.theory.decentralised import decentralised_stability
from linsgd.theory.stability.thresholds import stability

WEIGHTS = (0.1, 0.25, 0.5)  # of the other node
_ERROR = 1e-9

critical = sympy.Symbol("eta_ms", positive=True)
single, both = sympy.symbols("eta_1 eta_2", positive=True)


@hodgkinson_mahoney.claim(on="law")
def two_nodes_are_less_stable_than_one_with_their_samples(named: NamedProblem) -> Draft:
    """Find the lr at which h(2) = 1 on two nodes, for three weights of the gossip."""
    found = np.array(
        [decentralised_stability(ONE_FEATURE, SGD(0.1), _gossip(x)).lr_mean_square for x in WEIGHTS]
    )
    one, pooled = (stability(ONE_FEATURE, SGD(0.1, size)).lr_mean_square for size in (1, 2))
    return Draft(
        statement=(
            "Two nodes that average their weights lose the second moment, alpha = 2, at a smaller "
            "learning rate than one node on both batches; than a node alone at a larger one with "
            "weak gossip and at a smaller one with strong gossip."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(critical, both),
        regime="one Gaussian feature of variance 1, batch 1 a node; no simulation",
        components=tuple(f"lr at which h(2) = 1, weight {x:g}" for x in WEIGHTS),
        prediction=found,
        acceptance=Acceptance.interval(found, 0.002, "0.002: a tenth of the differences"),
        mutants={
            "one node on both batches": np.full(3, pooled),
            "a node alone": np.full(3, one),
        },
        evidence=Enclosure(enclose=partial(_thresholds, WEIGHTS)),
        citation=(
            "Gurbuzbalaban, Hu, Simsekli, Yuan, Zhu: Heavy-tail phenomenon in decentralized SGD. "
            "2022 (arXiv:2205.06689); read in the abstract"
        ),
    )


def _gossip(weight: float) -> FloatArray:
    return np.array([[1 - weight, weight], [weight, 1 - weight]])


def _thresholds(weights: tuple[float, ...]) -> Bounds:
    found = np.array([brentq(_excess, 0.3, 0.9, args=(x,)) for x in weights])
    return found - _ERROR, found + _ERROR


def _excess(lr: float, weight: float) -> float:
    """Return the spectral radius of E[M x M] less 1, by five nodes in each feature: exact."""
    z, mass = np.polynomial.hermite_e.hermegauss(5)
    mass = mass / mass.sum()
    total = np.zeros((4, 4))
    for x, p in zip(z, mass, strict=True):
        for y, q in zip(z, mass, strict=True):
            M = _gossip(weight) - lr * np.diag([x**2, y**2])
            total += p * q * np.kron(M, M)
    return float(np.abs(np.linalg.eigvals(total)).max()) - 1
