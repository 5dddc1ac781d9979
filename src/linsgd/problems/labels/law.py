"""The interface of a label-noise law."""

from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray
from linsgd.problems.draws import Draws


class LabelNoise:
    """A law of the label noise e, standardised; the base of one's own, a frozen dataclass.

    Attributes
    ----------
    name : str
        For printing.
    variance : float
        1, or inf for a law that is standardised to unit scale instead.
    kurtosis : float
        E e^4 / (E e^2)^2, at least 1; inf where the fourth moment is.
    tail_exponent : float
        Moments of this order and above are infinite; inf if none is.
    scale : float
        What kernels multiply the values of `draws` by to standardise them.
    """

    __slots__ = ()
    name: ClassVar[str]

    @property
    def variance(self) -> float:
        """1, or inf."""
        return 1.0

    @property
    def kurtosis(self) -> float:
        """E e^4 / (E e^2)^2."""
        raise NotImplementedError

    @property
    def tail_exponent(self) -> float:
        """The order from which on moments are infinite."""
        return np.inf

    @property
    def scale(self) -> float:
        """The factor from the values of `draws` to the standardised law."""
        return 1.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        raise NotImplementedError

    def draws(self) -> Draws | None:
        """Return the kernel code, of the same law as `sample`; None to be simulated by `sample`."""
        return None
