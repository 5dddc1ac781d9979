"""Risk curves: excess risk along the steps, on logarithmic axes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.axes import INK, axes, clean
from linsgd.theory.risk.result import RiskCurve

DASHES = ["-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 2, 1, 2))]


Measured = tuple[ArrayLike, ArrayLike, ArrayLike]


def risk_curves(
    curves: RiskCurve | Mapping[str, RiskCurve],
    ax: Axes | None = None,
    measured: Mapping[str, Measured] | None = None,
) -> Axes:
    """Draw excess risk against steps, both logarithmic; step 0 and infinite risks are left out.

    Parameters
    ----------
    curves : RiskCurve or mapping of str to RiskCurve
        Of `linsgd.risk_curve`, by the label of their line.
    ax : Axes, optional
        Where to draw; by default a new figure.
    measured : mapping of str to (steps, lower, upper), optional
        Ends of confidence intervals (K,), such as those of a simulation, drawn as bars.

    Returns
    -------
    Axes
        A curve each.

    Raises
    ------
    ValueError
        If `curves` holds anything else.

    See Also
    --------
    linsgd.risk_curve : The curves.

    Examples
    --------
    >>> import linsgd
    >>> law = linsgd.PowerLaw(exponent=1.5, source=0.5, dimension=100)
    >>> curve = linsgd.risk_curve(law, linsgd.SGD(lr=0.3), [1, 10, 100])
    >>> ax = linsgd.plot.risk_curves({"constant": curve})
    """
    ax = axes(ax)
    named = curves if isinstance(curves, Mapping) else {"": curves}
    for i, (label, curve) in enumerate(named.items()):
        domains.exact_type(f"curves[{label!r}]", curve, (RiskCurve,))
        shown = (curve.steps > 0) & np.isfinite(curve.excess_risk)
        order = np.argsort(curve.steps[shown])
        steps = curve.steps[shown][order]
        risk = curve.excess_risk[shown][order]
        ax.plot(steps, risk, linestyle=DASHES[i % len(DASHES)], label=label or None)
    for label, (looks, lower, upper) in (measured or {}).items():
        ends = np.array([lower, upper], dtype=float)
        middle = ends.mean(axis=0)
        bars = np.abs(ends - middle)
        ax.errorbar(np.asarray(looks), middle, bars, fmt="o", markersize=3, color=INK, label=label)
    ax.set(xscale="log", yscale="log", xlabel="steps", ylabel="excess risk")
    if len(named) > 1 or measured:
        ax.legend(frameon=False, labelcolor=INK)
    return clean(ax)
