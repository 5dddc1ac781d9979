r"""h(2) and h(4) of Gaussian features of any spectrum by proof: the actions of `even_forms` in ball arithmetic (Arb).

For a form F with positive coefficients, exact as doubles, the ratios of the new to the old
coefficients enclose the spectral radius (Collatz, Wielandt), and every rounding in them is enclosed
by its ball.
"""

import importlib.util
from typing import Any

from linsgd.domains import FloatArray
from linsgd.theory.tails.moments import even_moments
from linsgd.theory.tails.moments.even_forms import ACTIONS
from linsgd.theory.tails.setting import Setting

LARGEST_DIMENSIONS = {2: 10**5, 4: 50}
_BITS = 128


def covers(setting: Setting, order: float) -> str:
    """Return why this method cannot serve, or nothing."""
    if even_moments.covers(setting):
        return even_moments.covers(setting)
    if setting.dimension > LARGEST_DIMENSIONS.get(
        int(order) if order in LARGEST_DIMENSIONS else 0, 0
    ):
        return " or ".join(
            f"order {k} and at most {d} features" for k, d in LARGEST_DIMENSIONS.items()
        )
    return (
        "" if importlib.util.find_spec("flint") else "python-flint: pip install 'linsgd[certified]'"
    )


def side(setting: Setting, order: int) -> int:
    """Return -1 where h(order) < 1 is proved, 1 where h(order) > 1 is, else 0."""
    from flint import ctx

    before = ctx.prec
    ctx.prec = _BITS
    try:
        form = even_moments.eigenform(setting, ACTIONS[order](setting))
        ratios = _second(setting, form) if order == 2 else _fourth(setting, form)
        return (
            -1
            if all(ratio < 1 for ratio in ratios)
            else 1
            if all(ratio > 1 for ratio in ratios)
            else 0
        )
    finally:
        ctx.prec = before


def _scales(setting: Setting) -> tuple[Any, list[Any], list[Any], list[Any]]:
    """Return a, h, g and t as balls."""
    from flint import arb

    lr = arb(setting.lr)
    h = [arb(float(each)) for each in setting.spectrum]
    g = [lr * each / setting.batch for each in h]
    return 1 - lr * arb(setting.decay), h, g, [lr / setting.batch * each for each in g]


def _second(setting: Setting, form: FloatArray) -> list[Any]:
    from flint import arb

    (a, h, g, t), b = _scales(setting), setting.batch
    F = [arb(float(each)) for each in form]
    common = b * sum((x * y for x, y in zip(t, F, strict=True)), arb(0))
    return [
        a * a - 2 * b * a * gi + b * (b + 2) * gi * gi - b * gi * gi + hi * common / Fi
        for gi, hi, Fi in zip(g, h, F, strict=True)
    ]


def _fourth(setting: Setting, form: FloatArray) -> list[Any]:
    from flint import arb, arb_poly

    (a, h, g, t), b, axes = _scales(setting), setting.batch, range(setting.dimension)
    moments = [arb(1)]
    for k in range(4):
        moments.append(moments[-1] * (b + 2 * k))

    def mean(polynomial: Any) -> Any:
        return sum((polynomial[k] * moments[k] for k in range(5)), arb(0))

    x = arb_poly([0, 1])
    r = [arb_poly([a * a, -2 * a * gi - gi * gi, gi * gi]) for gi in g]
    gm = [arb_poly([a * gi, -gi * gi]) for gi in g]
    F = [[arb(float(each)) for each in row] for row in form]
    reduced = [sum((F[i][j] * t[j] for j in axes), arb(0)) for i in axes]
    linear = [mean(x * r[i]) * (reduced[i] + 2 * t[i] * F[i][i]) for i in axes]
    constant = moments[2] * sum((t[i] * (reduced[i] + 2 * t[i] * F[i][i]) for i in axes), arb(0))
    ratios = []
    for i in axes:
        for j in range(i + 1):
            own = r[i] * r[j] + x * (2 * g[i] ** 2 * g[j] ** 2 * x - 4 * gm[i] * gm[j])
            shared = linear[i] * h[j] + linear[j] * h[i] + constant * h[i] * h[j]
            ratios.append(mean(own) + shared / F[i][j])
    return ratios
