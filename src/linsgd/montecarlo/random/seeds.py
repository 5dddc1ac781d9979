"""The seed argument: an int, or what NumPy makes seeds of."""

from typing import Any

import numpy as np

from linsgd import domains

Seed = int | np.random.SeedSequence | np.random.Generator


def integer_seed(seed: Any) -> int:
    """Return the integer in [0, 2**64) that seeds an ensemble.

    A SeedSequence gives its first 64 bits, always the same; a Generator draws 64 bits and moves on.
    """
    if isinstance(seed, np.random.SeedSequence):
        return int(seed.generate_state(1, np.uint64)[0])
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**64, dtype=np.uint64))
    return domains.integer("seed", seed, "[0, 18446744073709551616)")
