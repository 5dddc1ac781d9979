"""The multiplicative part of one step: what decides every exponent, whatever the labels.

With H = E xx' restricted to its range, one step is W' = A W + B where

    A = a I - (lr / b) sum_{i<=b} x_i x_i',      a = 1 - lr weight_decay,

and with momentum the corresponding matrix on phase space. Dampening only scales the step: lr (1 - dampening).
Null directions of H carry no noise and are left out.
"""

from dataclasses import dataclass

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.features import FeatureLaw, GaussianFeatures
from linsgd.optimizer import SGD
from linsgd.problem import LinearRegression


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A problem and an optimizer, reduced to what the products of A depend on."""

    features: FeatureLaw
    spectrum: FloatArray
    lr: float
    batch: int
    decay: float
    momentum: float
    nesterov: bool
    replacement: bool

    @classmethod
    def of(cls, problem: LinearRegression, sgd: SGD) -> "Setting":
        """Reduce a problem and an optimizer; batches must be independent between steps."""
        sgd.check(problem)
        if sgd.sampling != "independent":
            domains.refuse("sampling", sgd.sampling, "'independent': a random recurrence needs independent batches")
        return cls(
            features=problem.features,
            spectrum=problem.eigenvalues[problem.eigenvalues > 0],
            lr=sgd.lr * sgd.gradient_weight,
            batch=sgd.batch_size,
            decay=sgd.weight_decay,
            momentum=sgd.momentum,
            nesterov=sgd.nesterov,
            replacement=bool(sgd.replacement),
        )

    @property
    def dimension(self) -> int:
        """The rank of H."""
        return self.spectrum.size

    @property
    def gaussian(self) -> bool:
        """Whether the features are Gaussian."""
        return isinstance(self.features, GaussianFeatures)

    @property
    def isotropic(self) -> bool:
        """Whether the positive eigenvalues of H are equal to rounding error."""
        return bool(np.ptp(self.spectrum) <= 4 * np.finfo(float).eps * self.dimension * self.spectrum.max())

    @property
    def shrinkage(self) -> float:
        """The factor a = 1 - lr weight_decay."""
        return 1.0 - self.lr * self.decay
