r"""Proofs that h(2) or h(4) is below or above 1: `even_forms` in ball arithmetic (Arb).

For a form F with positive coefficients, exact as doubles, the ratios of the new to the old
coefficients enclose the spectral radius (Collatz, Wielandt), and every rounding in them is enclosed
by its ball. Gaussian features of any spectrum, no momentum.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any

from linsgd.domains import FloatArray
from linsgd.theory.tails.moments import gaussian_moments
from linsgd.theory.tails.moments.even_forms import ACTIONS
from linsgd.theory.tails.setting import Setting

LARGEST_DIMENSIONS = {2: 10**5, 4: 50}
_BITS = 128


def covers(setting: Setting, order: float) -> str:
    """Return the unmet requirement, or '' if the side of h(order) can be proved."""
    if missing := gaussian_moments.covers(setting):
        return missing
    largest = max((d for known, d in LARGEST_DIMENSIONS.items() if known == order), default=0)
    if setting.dimension > largest:
        known = [f"order {k} and at most {d} features" for k, d in LARGEST_DIMENSIONS.items()]
        return " or ".join(known)
    if importlib.util.find_spec("flint"):
        return ""
    return "python-flint: pip install 'linsgd[certified]'"


def side(setting: Setting, order: float) -> int:
    """Return -1 where h(order) < 1 is proved, 1 where h(order) > 1 is, else 0."""
    from flint import ctx

    before = ctx.prec
    ctx.prec = _BITS
    try:
        form = gaussian_moments.eigenform(setting, ACTIONS[int(order)](setting))
        ratios = _second(setting, form) if order == 2 else _fourth(setting, form)
        if all(ratio < 1 for ratio in ratios):
            return -1
        return 1 if all(ratio > 1 for ratio in ratios) else 0
    finally:
        ctx.prec = before


@dataclass(frozen=True, slots=True, eq=False)
class _Balls:
    """The numbers of `even_forms` as balls: a, and h, g and t of every axis."""

    a: Any
    h: list[Any]
    g: list[Any]
    t: list[Any]

    @classmethod
    def of(cls, setting: Setting) -> "_Balls":
        from flint import arb

        lr = arb(setting.step_size)
        h = [arb(float(each)) for each in setting.spectrum]
        g = [lr * each / setting.batch for each in h]
        t = [lr / setting.batch * each for each in g]
        return cls(1 - lr * arb(setting.decay), h, g, t)

    def r(self, i: int) -> Any:
        """Return r_i = a^2 - (2 a g_i + g_i^2) C + g_i^2 C^2, a polynomial in C."""
        from flint import arb_poly

        a = self.a
        g = self.g[i]
        return arb_poly([a * a, -2 * a * g - g * g, g * g])

    def W(self, i: int, j: int) -> Any:
        """Return W_ij = 2 g_i^2 g_j^2 C^2 - 4 g_i m_i g_j m_j C with m_i = a - g_i C."""
        from flint import arb_poly

        a = self.a
        first = self.g[i]
        second = self.g[j]
        C = arb_poly([0, 1])
        means = arb_poly([a * first, -first * first]) * arb_poly([a * second, -second * second])
        return C * (2 * first**2 * second**2 * C - 4 * means)


def _sum(terms: Any) -> Any:
    from flint import arb

    return sum(terms, arb(0))


def _second(setting: Setting, form: FloatArray) -> list[Any]:
    """Return E[r_i] + h_i E[C] sum_k t_k F_k / F_i for every i, F = form (d,)."""
    from flint import arb

    balls = _Balls.of(setting)
    b = setting.batch
    a = balls.a
    F = [arb(float(each)) for each in form]
    common = b * _sum(t * Fi for t, Fi in zip(balls.t, F, strict=True))
    ratios = []
    for g, h, Fi in zip(balls.g, balls.h, F, strict=True):
        # r = a^2 - (2 a g + g^2) C + g^2 C^2, E C = b, E C^2 = b (b + 2)
        own = a * a - 2 * b * a * g + b * (b + 2) * g * g - b * g * g
        ratios.append(own + h * common / Fi)
    return ratios


def _fourth(setting: Setting, form: FloatArray) -> list[Any]:
    """Return the ratios of the new to the old coefficients of every pair i >= j, F = form (d, d).

    E[r_i r_j + W_ij] + (l_i h_j + l_j h_i + k h_i h_j) / F_ij, l_i = E[C r_i] f_i, k = E[C^2] t'f,
    f_i = (Ft)_i + 2 t_i F_ii.
    """
    from flint import arb, arb_poly

    balls = _Balls.of(setting)
    b = setting.batch
    axes = range(setting.dimension)
    h = balls.h
    t = balls.t
    C = arb_poly([0, 1])
    moments = [arb(1)]  # E C^k
    for k in range(4):
        moments.append(moments[-1] * (b + 2 * k))

    def mean(polynomial: Any) -> Any:
        return _sum(polynomial[k] * moments[k] for k in range(5))

    F = [[arb(float(each)) for each in row] for row in form]
    f, linear = [], []
    for i in axes:
        Ft = _sum(F[i][j] * t[j] for j in axes)
        f.append(Ft + 2 * t[i] * F[i][i])
        linear.append(mean(C * balls.r(i)) * f[i])
    constant = moments[2] * _sum(t[i] * f[i] for i in axes)
    ratios = []
    for i in axes:
        for j in range(i + 1):
            own = mean(balls.r(i) * balls.r(j) + balls.W(i, j))
            shared = linear[i] * h[j] + linear[j] * h[i] + constant * h[i] * h[j]
            ratios.append(own + shared / F[i][j])
    return ratios
