r"""Exponents of the literature's diffusions and of a fitted formula, against the exact ones.

Ziyin, Liu, Mori and Ueda (2022) give the exponent 2 b/(lr h) - b for one feature. It is exact where
the exponent is 2, as it is the condition of the mean square, and nowhere else. Homogenised SGD,
with noise covariance 2 L H/b, has for d equal features the exponent 2 b/(lr h) - (d - 2); bounds of
its exponent, such as those of Jiao and Keller-Ressel (2024, read in the abstract only), hold that
number if they are right for the diffusion.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import sympy

from linsgd.claims.hodgkinson_mahoney_2021.chi_moments import Step
from linsgd.claims.hodgkinson_mahoney_2021.one_feature import Bounds, alpha_of
from linsgd.claims.hodgkinson_mahoney_2021.paper import hodgkinson_mahoney
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Enclosure, Source
from linsgd.symbolic.symbols import b, eta

SETTINGS = ((2 / 3, 1), (1.0, 1), (1.0, 4), (0.25, 1), (0.1, 1))  # (lr, batch), h = 1
DIFFUSED = ((1.0, 1), (0.4, 1), (0.1, 1))

alpha = sympy.Function("alpha")

ZIYIN = (
    "Ziyin, Liu, Mori, Ueda: Strength of minibatch noise in SGD. ICLR 2022 (arXiv:2102.05375); "
    "its formula as restated in the literature"
)
JIAO = (
    "Jiao, Keller-Ressel: Emergence of heavy tails in homogenized stochastic gradient descent. "
    "NeurIPS 2024 (arXiv:2402.01382); read in the abstract"
)


@hodgkinson_mahoney.claim(on="law")
def fitted_exponent_is_exact_at_two_only(named: NamedProblem) -> Draft:
    """Compare 2 b/lr - b with the exact exponent at five settings."""
    lrs, sizes = (np.array(x) for x in zip(*SETTINGS, strict=True))
    exact = _exact(SETTINGS)
    return Draft(
        statement=(
            "The exponent of one feature differs from 2 b/(lr h) - b except where it is 2: it is "
            "larger below 2 and smaller above."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Implies(
            sympy.Ne(2 * b / eta - b, 2), sympy.Ne(alpha(eta, b), 2 * b / eta - b)
        ),
        regime="one Gaussian feature of variance 1; no simulation",
        components=tuple(f"alpha at lr {lr:.3g}, batch {size}" for lr, size in SETTINGS),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.02 * exact, "2 %, a third of the differences"),
        mutants={
            "2 b/lr - b": 2 * sizes / lrs - sizes,
            "the paper's diffusion, 2 b/lr + 1": 2 * sizes / lrs + 1,
            "the diffusion of exact covariance, b/lr + 1": sizes / lrs + 1,
        },
        evidence=Enclosure(enclose=partial(_enclosed, SETTINGS)),
        citation=ZIYIN,
    )


@hodgkinson_mahoney.claim(on="law")
def homogenised_exponent_is_too_large(named: NamedProblem) -> Draft:
    """Compare 2 b/lr + 1 with the exact exponent at three learning rates."""
    lrs = np.array([lr for lr, _ in DIFFUSED])
    exact = _exact(DIFFUSED)
    return Draft(
        statement=(
            "SGD on one feature has heavier tails than homogenised SGD, whose own exponent "
            "2 b/(lr h) + 1 is above the exact one at every learning rate: bounds that enclose the "
            "diffusion's exponent do not enclose that of SGD by being right."
        ),
        source=Source.FOLLOW_UP,
        formula=sympy.Lt(alpha(eta, b), 2 * b / eta + 1),
        regime="one Gaussian feature of variance 1, batch 1; no simulation",
        components=tuple(f"alpha at lr {lr:.3g}" for lr in lrs),
        prediction=exact,
        acceptance=Acceptance.interval(exact, 0.04 * exact, "4 %, a fifth of the differences"),
        mutants={
            "homogenised SGD, 2 b/lr + 1": 2 / lrs + 1,
            "half the diffusion's noise, 4 b/lr + 1": 4 / lrs + 1,
        },
        evidence=Enclosure(enclose=partial(_enclosed, DIFFUSED)),
        citation=JIAO,
    )


def _exact(settings: Sequence[tuple[float, int]]) -> FloatArray:
    return np.array([alpha_of(lr=lr, batch_size=size) for lr, size in settings])


def _enclosed(settings: Sequence[tuple[float, int]]) -> Bounds:
    bounds = np.array([Step(lr, size).exponent() for lr, size in settings])
    return bounds[:, 0], bounds[:, 1]
