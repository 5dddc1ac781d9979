"""Samples of a problem as kernels draw them, by the code of its feature law and label noise."""

from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from linsgd.jit import INLINED, Array, Words, method
from linsgd.problems.features import PrincipalAxesLaw
from linsgd.problems.linear_regression import LinearRegression

_fill = method("fill")
_factors = method("factors")


class Samples(NamedTuple):
    """The law of a sample in the eigenbasis of H.

    The roots sqrt(h) (d,) of the eigenvalues, the optimum Q'w* (d,), the records of the features'
    and of the label noise's kernel code, and what the label noise is multiplied by.
    """

    root: Any
    optimum: Any
    features: Any
    noise: Any
    scale: Any

    @classmethod
    def of(cls, problem: LinearRegression, dtype: Any) -> "Samples | None":
        """Return the samples of a problem in a precision; None if a law has no kernel code."""
        law, noise = problem.features, problem.noise
        if not isinstance(law, PrincipalAxesLaw) or noise is None:
            return None
        features = law.draws()
        labels = noise.draws()
        if features is None or labels is None:
            return None
        return cls(
            root=np.sqrt(problem.eigenvalues).astype(dtype),
            optimum=problem.to_eigenbasis(problem.optimum).astype(dtype),
            features=features,
            noise=labels,
            scale=dtype(problem.noise_std * noise.scale),
        )


def draw_samples(samples: Samples, S: Words, X: Array, C: Array, n: int, d: int) -> None:
    """Draw n <= 2 samples, for kernels.

    White coordinates of sample q go to the rows q d to (q + 1) d of X (2 d + 2, 64), label noise to
    row n d + q, the factor of the sample to C[q].
    """
    raise NotImplementedError


@overload(draw_samples, strict=False, jit_options=INLINED)
def _draw_samples(samples: Any, S: Any, X: Any, C: Any, n: Any, d: Any) -> Any:
    def together(samples: Samples, S: Words, X: Array, C: Array, n: int, d: int) -> None:
        _fill(samples.features, S, X, n * d + n)
        _factors(samples.features, S, C, n)

    def apart(samples: Samples, S: Words, X: Array, C: Array, n: int, d: int) -> None:
        _fill(samples.features, S, X, n * d)
        _factors(samples.features, S, C, n)
        _fill(samples.noise, S, X[n * d :], n)

    parts = dict(zip(samples.fields, samples.types, strict=True))
    features, noise = (parts[name].instance_class for name in ("features", "noise"))
    return together if features.fill is noise.fill else apart
