r"""Schedules of a hyperparameter: step k uses value * factor(k), as torch's LambdaLR does.

A schedule is a law of factors. Laws multiply (``warmup * decay``) and follow one another
(``warmup.then(100, decay)``, torch's SequentialLR: the second counts its steps from 0). Stretches
of equal factors are kept apart, so that predictions can pass over them without walking.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.factor_laws import (
    Constant,
    Cosine,
    FactorLaw,
    Line,
    Listed,
    Power,
    Stairs,
    Stretch,
)
from linsgd.optimizers.joined_laws import Following, Product


@dataclass(frozen=True, slots=True, repr=False)
class Schedule:
    """Factors of a learning rate or a batch size, step by step.

    Made by its class methods; ``a * b`` multiplies factors, ``a.then(steps, b)`` joins schedules.

    Attributes
    ----------
    law : FactorLaw
        The factor of every step.

    See Also
    --------
    risk_curve : The exact risk under a schedule.

    Examples
    --------
    >>> import linsgd
    >>> schedule = linsgd.Schedule.warmup(4) * linsgd.Schedule.cosine(8)
    >>> schedule(range(4))
    array([0.        , 0.24048494, 0.4267767 , 0.51850629])
    """

    law: FactorLaw

    def __repr__(self) -> str:
        """Return the call that makes the schedule."""
        return repr(self.law)

    def __call__(self, steps: ArrayLike) -> FloatArray:
        """Return the factors (K,) at steps k (K,), each at least 0."""
        return self.factors(domains.step_list("steps", np.asarray(steps)))

    def __mul__(self, other: "Schedule") -> "Schedule":
        """Return the schedule whose factors are the products."""
        if not isinstance(other, Schedule):
            return NotImplemented
        return Schedule(Product(self.law, other.law))

    def then(self, steps: int, following: "Schedule") -> "Schedule":
        """Return this schedule for `steps` steps, then the following one from its own step 0."""
        if not isinstance(following, Schedule):
            domains.refuse_type("following", following, "a Schedule")
        steps = domains.integer("steps", steps, "[0, inf)")
        return Schedule(Following(self.law, steps, following.law))

    def factors(self, steps: IntArray) -> FloatArray:
        """Return the factors at the steps (K,)."""
        return self.law.factors(steps)

    def stretches(self, stop: int) -> Iterator[Stretch]:
        """Yield consecutive stretches that tile 0 <= k < stop."""
        return self.law.stretches(stop)

    @staticmethod
    def constant(factor: float = 1.0) -> "Schedule":
        """Return one factor for ever.

        Parameters
        ----------
        factor : float
            In [0, inf).
        """
        return Schedule(Constant(domains.real("factor", factor, "[0, inf)")))

    @staticmethod
    def warmup(steps: int, start: float = 0.0) -> "Schedule":
        """Return a linear rise from `start` to 1 in `steps` steps, then 1 (torch's LinearLR).

        Parameters
        ----------
        steps : int
            At least 1.
        start : float
            The factor at step 0, in [0, inf).
        """
        return Schedule.linear(steps, 1.0, start)

    @staticmethod
    def linear(steps: int, final: float = 0.0, start: float = 1.0) -> "Schedule":
        """Return a straight line from `start` at step 0 to `final` at step `steps`, then `final`.

        Parameters
        ----------
        steps : int
            At least 1.
        final, start : float
            Factors, in [0, inf).
        """
        line = Line(
            domains.integer("steps", steps, "[1, inf)"),
            domains.real("start", start, "[0, inf)"),
            domains.real("final", final, "[0, inf)"),
        )
        return Schedule(line)

    @staticmethod
    def cosine(steps: int, final: float = 0.0) -> "Schedule":
        r"""Return :math:`f + (1 - f)(1 + \cos(\pi k / K))/2` up to step K, then f.

        Parameters
        ----------
        steps : int
            K, at least 1. torch's CosineAnnealingLR rises again beyond K; this schedule stays.
        final : float
            f, in [0, inf): eta_min / lr in torch.
        """
        final = domains.real("final", final, "[0, inf)")
        return Schedule(Cosine(domains.integer("steps", steps, "[1, inf)"), final))

    @staticmethod
    def step(every: int, gamma: float = 0.1) -> "Schedule":
        """Return gamma^(number of whole periods of `every` steps), as torch's StepLR.

        Parameters
        ----------
        every : int
            At least 1.
        gamma : float
            In (0, inf).
        """
        every = domains.integer("every", every, "[1, inf)")
        return Schedule(Stairs(every, domains.real("gamma", gamma, "(0, inf)")))

    @staticmethod
    def power(exponent: float, scale: float = 1.0) -> "Schedule":
        r"""Return :math:`(1 + k / \text{scale})^{-\text{exponent}}`.

        Parameters
        ----------
        exponent : float
            In (-inf, inf); 1/2 and 1 are the classical decreasing steps.
        scale : float
            In steps, in (0, inf).
        """
        scale = domains.real("scale", scale, "(0, inf)")
        return Schedule(Power(domains.real("exponent", exponent), scale))

    @staticmethod
    def wsd(warmup: int, stable: int, decay: int, final: float = 0.0) -> "Schedule":
        """Return linear warmup, a constant stretch and linear decay to `final`, in steps.

        Parameters
        ----------
        warmup, stable, decay : int
            Lengths; the first two at least 0, the last at least 1.
        final : float
            The last factor, in [0, inf).
        """
        warmup = domains.integer("warmup", warmup, "[0, inf)")
        stable = domains.integer("stable", stable, "[0, inf)")
        falling = Schedule.constant().then(stable, Schedule.linear(decay, final))
        return Schedule.warmup(warmup).then(warmup, falling) if warmup else falling

    @staticmethod
    def from_factors(factors: ArrayLike) -> "Schedule":
        """Return the schedule with these factors (K,), one a step; it ends after K steps.

        Parameters
        ----------
        factors : array_like (K,)
            Each in [0, inf).
        """
        values = domains.array("factors", factors, (None,))
        if values.min() < 0:
            i = int(values.argmin())
            domains.refuse(f"factors[{i}]", float(values[i]), "[0, inf)")
        return Schedule(Listed(tuple(values.tolist())))
