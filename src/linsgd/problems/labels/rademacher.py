"""Label noise of independent signs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from linsgd.domains import FloatArray


@dataclass(frozen=True, slots=True)
class RademacherNoise:
    """Label noise of -1 or +1 with equal chance."""

    name: ClassVar[str] = "rademacher"
    variance: ClassVar[float] = 1.0
    kurtosis: ClassVar[float] = 1.0

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw `n` independent values (n,)."""
        return rng.choice(np.array([-1.0, 1.0]), n)
