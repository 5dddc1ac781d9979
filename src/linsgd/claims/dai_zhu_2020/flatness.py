r"""Which minimum is preferred: flat ones at equal depth and constant noise, else not always.

At the temperature T = lr c/(2 M) the stationary density is e^{-L/T}; with a diffusion D(x) = lr
C(x)/(2 M) in Ito's sense it is e^{-int L'/D}/D.
"""

from collections.abc import Callable

import numpy as np
import sympy
from scipy.integrate import quad

from linsgd.claims.dai_zhu_2020.numbers import (
    FLAT,
    SHARP,
    TILTED,
    TOP,
    WELLS,
    L_a,
    L_f,
    M,
    c,
    diffusion,
    eta,
    h_a,
    h_f,
    log_ratio,
    numerical,
    pairs,
    slope,
)
from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.claim import Draft, Source

P = sympy.Function("P")
D, x, Phi = sympy.Function("D"), sympy.Symbol("x"), sympy.Symbol("Phi")
BATCHES = (1, 2, 4)
COLD = 0.06  # temperature at batch 1


@dai_zhu.claim(on="law")
def flat_wins_at_equal_depth_whatever_the_batch(named: NamedProblem) -> Draft:
    """Compare masses at three batches."""
    return numerical(
        statement=(
            "With constant noise and minima of equal depth the flat one is preferred by the root "
            "of the curvatures' ratio, at every batch size."
        ),
        source=Source.RECONSTRUCTED,
        formula=sympy.Eq(P("f") / P("a"), sympy.sqrt(h_a / h_f)),
        regime=f"curvatures 8 and 2, temperature {COLD}/batch",
        components=tuple(f"log mass ratio, batch {m}" for m in BATCHES),
        prediction=np.full(3, np.log(SHARP / FLAT) / 2),
        width=0.1,
        reason="0.1: terms of order temperature",
        mutants={"no preference": 0.0, "the ratio without its root": np.log(SHARP / FLAT)},
        measured=lambda: pairs([log_ratio(diffusion(WELLS, COLD / m)) for m in BATCHES]),
    )


@dai_zhu.claim(on="law")
def unequal_depth_makes_the_preference_depend_on_the_batch(named: NamedProblem) -> Draft:
    """Follow the log ratio over the batch."""
    exact = 0.05 / COLD
    return numerical(
        statement=(
            "With minima of unequal depth the logarithm of the mass ratio grows linearly with the "
            "batch: the preference is not the same at every batch size."
        ),
        source=Source.LIMIT,
        formula=sympy.Eq(
            sympy.Derivative(sympy.log(P("f") / P("a")), M), 2 * (L_a - L_f) / (eta * c)
        ),
        regime=f"sharp minimum higher by 0.05, temperature {COLD}/batch, batches 2 to 4",
        components=("slope in the batch",),
        prediction=exact,
        width=0.05 * exact,
        reason="5 %: terms of order temperature",
        mutants={"whatever the batch": 0.0, "a factor 2 lost": exact / 2},
        measured=lambda: pairs([slope(*_at(TILTED, lambda y: COLD + 0 * y, 2, 4), 2)]),
    )


@dai_zhu.claim(on="law")
def noise_at_the_flat_minimum_favours_the_sharp_one(named: NamedProblem) -> Draft:
    """Follow the log ratio over the batch, with more noise at the flat minimum."""

    def level(y: FloatArray) -> FloatArray:
        return np.asarray(0.1 * (1 + (y + 1) ** 2))

    exact = -_height(level)
    return numerical(
        statement=(
            "With more noise at the flat minimum the sharp one wins at equal depth, and its "
            "advantage grows exponentially with the batch."
        ),
        source=Source.LIMIT,
        formula=_state_dependent(),
        regime="D = 0.1 (1 + (x + 1)^2)/batch, batches 4 to 8",
        components=("slope of the log mass ratio in the batch",),
        prediction=exact,
        width=0.05 * abs(exact),
        reason="5 %: terms of order temperature",
        mutants={"flat whatever the batch": 0.0, "the sign": -exact, "a factor 2": exact / 2},
        measured=lambda: pairs([slope(*_at(WELLS, level, 4, 8, 30.0), 4)]),
    )


@dai_zhu.claim(on="law")
def noise_like_the_hessian_favours_the_flat_minimum(named: NamedProblem) -> Draft:
    """Follow the log ratio over the batch, with noise that follows the wells' curvatures."""

    def level(y: FloatArray) -> FloatArray:
        return np.asarray(0.03 * (5 - 3 * np.tanh(2 * (y - TOP))))

    exact = -_height(level)
    return numerical(
        statement=(
            "With noise in proportion to the curvature of each well the flat minimum wins by a "
            "factor that grows exponentially with the batch."
        ),
        source=Source.FOLLOW_UP,
        citation=(
            "Xie, Sato, Sugiyama: A diffusion theory for deep learning dynamics. ICLR 2021 "
            "(arXiv:2002.03495); reconstructed"
        ),
        formula=_state_dependent(),
        regime="D from 0.03 x 8/batch at the sharp to 0.03 x 2/batch at the flat minimum",
        components=("slope of the log mass ratio in the batch",),
        prediction=exact,
        width=0.05 * exact,
        reason="5 %: terms of order temperature",
        mutants={"flat whatever the batch": 0.0, "a factor 2": exact / 2, "the sign": -exact},
        measured=lambda: pairs([slope(*_at(WELLS, level, 2, 4), 2)]),
    )


def _state_dependent() -> sympy.Basic:
    """Return the printed formula of the slope."""
    integral = sympy.Integral(sympy.Function("L")(x).diff(x) / D(x), (x, "x_a", "x_f"))
    return sympy.Eq(sympy.Derivative(sympy.log(P("f") / P("a")), M), -integral / M)


def _height(level: Callable[[FloatArray], FloatArray]) -> float:
    """Return the integral of L'/D from the sharp to the flat minimum at batch 1."""
    return float(quad(lambda y: float(WELLS.gradient(y) / level(y)), -1, 1.5, limit=200)[0])


def _at(
    loss: Callable[[FloatArray], FloatArray],
    level: Callable[[FloatArray], FloatArray],
    first: int,
    second: int,
    high: float = 6.5,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the log ratios at two batches."""

    def at(batch: int) -> tuple[float, float]:
        return log_ratio(diffusion(loss, lambda y: level(y) / batch, -3.0, high))

    return at(first), at(second)
