"""Symmetric alpha-stable laws: density, distribution function, quantiles and scores.

`contour` integrates the inverse Fourier transform, `interpolation` tabulates it for many points,
and `law` is the public class.
"""

from linsgd.stable.law import Stable as Stable

__all__ = ["Stable"]
