r"""Claims on the discrete algorithm beside its diffusion: finite learning rates, Ito's reading."""

import math
from collections.abc import Callable

import numpy as np
import sympy

from linsgd.claims.dai_zhu_2020.numbers import (
    FLAT,
    QUARTIC,
    SHARP,
    TOP,
    diffusion,
    eta,
    h_a,
    h_f,
    h_s,
    log_ratio,
    log_time,
    numerical,
    pairs,
)
from linsgd.claims.dai_zhu_2020.paper import dai_zhu
from linsgd.claims.problems import NamedProblem
from linsgd.domains import FloatArray
from linsgd.judge.claim import Draft, Source
from linsgd.problems.potentials import DoubleWell, Potential
from linsgd.theory.fokker_planck import Diffusion1D, MarkovKernel

k, P = sympy.Symbol("k"), sympy.Function("P")


@dai_zhu.claim(on="law")
def finite_steps_leave_sharp_wells_faster(named: NamedProblem) -> Draft:
    """Compare rates of the chain and of the diffusion at two learning rates, to order lr."""
    level, lrs = 0.03, (0.04, 0.02)

    def factor(lr: float) -> tuple[float, float]:
        chain = _chain(QUARTIC, lr, lambda y: level + 0 * y, (-2.2, 2.2), 400)
        steps, error = log_time(chain, -1.0, 1.0)
        time, other = log_time(diffusion(QUARTIC, level, -2.4, 2.4), -1.0, 1.0)
        return math.expm1(time - math.log(lr) - steps) / lr, (error + other) / lr

    return numerical(
        statement=(
            "At learning rate lr SGD leaves a well faster than its diffusion by the factor 1 + lr "
            "(h - h_s)/4 to first order, h the curvature of the well and h_s that of the saddle."
        ),
        source=Source.NEW,
        formula=sympy.Eq(k, sympy.Symbol("k_0") * (1 + eta * (h_a - h_s) / 4)),
        regime="x^4/4 - x^2/2, temperature 0.03, lr 0.04 and 0.02, extrapolated",
        components=("relative change over lr",),
        prediction=0.25,
        width=0.05,
        reason="0.05: a fifth; terms of order temperature remain",
        mutants={"no change": 0.0, "a factor 2": 0.5},
        measured=lambda: _extrapolated(factor, lrs),
    )


@dai_zhu.claim(on="law")
def finite_steps_prefer_flat_wells(named: NamedProblem) -> Draft:
    """Compare mass ratios of the chain and of the diffusion at two learning rates."""
    level, lrs = 0.2, (0.02, 0.01)
    loss = DoubleWell((SHARP, FLAT), (-1.0, 1.5), sharpness=1.0)
    curves = [float(loss._hessians(loss.stationary_point(x))[0, 0]) for x in (-1.0, 1.5)]
    exact = (curves[0] - curves[1]) / 4

    def change(lr: float) -> tuple[float, float]:
        chain = _chain(loss, lr, lambda y: level + 0 * y, (-3.0, 6.0), 500)
        sharp, flat = chain.occupation(-3.0, TOP), chain.occupation(TOP, 6.0)
        law, error = log_ratio(diffusion(loss, level))
        return (flat.log - sharp.log - law) / lr, (error + sharp.error + flat.error) / lr

    return numerical(
        statement=(
            "At learning rate lr the flat well's share is larger than in the diffusion by the "
            "factor 1 + lr (h_a - h_f)/4 to first order: a preference that the equation lacks."
        ),
        source=Source.NEW,
        formula=sympy.Eq(
            P("f") / P("a"), sympy.Symbol("r_0") * (1 + eta * (h_a - h_f) / 4), evaluate=False
        ),
        regime="curvatures 8 and 2, temperature 0.2, lr 0.02 and 0.01, extrapolated",
        components=("relative change over lr",),
        prediction=exact,
        width=0.2 * exact,
        reason="a fifth; terms of order temperature remain",
        mutants={"no change": 0.0, "a factor 2": 2 * exact},
        measured=lambda: _extrapolated(change, lrs),
    )


@dai_zhu.claim(on="law")
def sgd_is_read_in_the_sense_of_ito(named: NamedProblem) -> Draft:
    """Compare the chain's passage time under state-dependent noise with three readings."""

    def level(y: FloatArray) -> FloatArray:
        return np.asarray(0.03 * (1 + 3 * np.exp(-4 * y**2)))

    lrs = (0.04, 0.02)

    def log_steps(lr: float) -> tuple[float, float]:
        chain = _chain(QUARTIC, lr, level, (-2.2, 2.2), 400)
        steps, error = log_time(chain, -1.0, 1.0)
        return steps + math.log(lr), error

    readings = {
        name: log_time(Diffusion1D(QUARTIC, level, (-2.4, 2.4), name), -1.0, 1.0)[0]
        for name in ("ito", "stratonovich", "anti_ito")
    }
    return numerical(
        statement=(
            "Where the noise depends on the position SGD's escape time is that of the equation "
            "read in Ito's sense; Stratonovich's reading changes it at leading order."
        ),
        source=Source.CONDITION,
        formula=sympy.Eq(
            sympy.Symbol("tau") / sympy.Symbol("tau_0"),
            sympy.sqrt(sympy.Symbol("D_s") / sympy.Symbol("D_a")),
        ),
        regime="D = 0.03 (1 + 3 exp(-4 x^2)), lr 0.04 and 0.02, extrapolated",
        components=("log of the mean passage time",),
        prediction=readings["ito"],
        width=0.1,
        reason="0.1: 10 %; the readings differ by factors",
        mutants={
            "Stratonovich": readings["stratonovich"],
            "anti-Ito": readings["anti_ito"],
        },
        measured=lambda: _extrapolated(log_steps, lrs),
    )


def _chain(
    loss: Potential,
    lr: float,
    level: Callable[[FloatArray], FloatArray],
    domain: tuple[float, float],
    points: int,
) -> MarkovKernel:
    """Return the chain whose diffusion, in the time lr steps, is D = level."""
    return MarkovKernel(
        lambda y: y - lr * loss.gradient(y), lambda y: np.sqrt(2 * lr * level(y)), domain, points
    )


def _extrapolated(
    function: Callable[[float], tuple[float, float]], lrs: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Return a function of lr extrapolated to 0 from lr and lr/2, and its error."""
    (coarse, first), (fine, second) = function(lrs[0]), function(lrs[1])
    return pairs([(2 * fine - coarse, 2 * second + first)])
