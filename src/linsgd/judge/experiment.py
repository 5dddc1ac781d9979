"""The Experiment protocol: a source of independent chains, named by a fingerprint."""

import dataclasses
import hashlib
from typing import Protocol

import numpy as np

from linsgd.domains import FloatArray


class Experiment(Protocol):
    """A source of independent chains, each seen at K steps.

    Claims whose experiments have one fingerprint share one ensemble.

    Examples
    --------
    Fair coins, one a chain, seen once:

    >>> class Coins:
    ...     cost = 1
    ...
    ...     def fingerprint(self) -> str:
    ...         return "coins"
    ...
    ...     def sample(self, chains, seed):
    ...         blocks = range(chains.start // 256, chains.stop // 256)
    ...         rows = [np.random.default_rng([seed, i]).integers(0, 2, (256, 1)) for i in blocks]
    ...         return np.concatenate(rows)[None].astype(float)
    >>> experiment: Experiment = Coins()
    >>> experiment.sample(range(256, 768), seed=0).shape
    (1, 512, 1)
    """

    @property
    def cost(self) -> int:
        """Work of one chain in steps times features; the effort is a budget in this unit."""

    def fingerprint(self) -> str:
        """Return a text that is equal for two experiments only if they simulate the same."""

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Simulate chains.

        Parameters
        ----------
        chains : range
            Numbers of the chains, a whole number of blocks of 256: the same chains are the same
            numbers in whichever range they are asked for.
        seed : int
            The experiment's own seed, in [0, 2**64).

        Returns
        -------
        ndarray (K, len(chains), m)
            The state of each chain at each step.
        """


def seed_of(experiment: Experiment, seed: int) -> int:
    """Return an experiment's own seed, in [0, 2**64), under the campaign's seed.

    It is a hash of both, so that a claim sees the same chains alone or in company.
    """
    digest = hashlib.sha256(f"{seed}:{experiment.fingerprint()}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def canonical(value: object) -> str:
    """Return a text of plain data, for fingerprints, that is equal for equal data on any machine.

    Numbers enter with nine digits: the last bits, which differ between machines, do not change it.
    """
    if dataclasses.is_dataclass(value):
        inputs = (getattr(value, f.name) for f in dataclasses.fields(value) if f.init)
        return f"{type(value).__name__}({', '.join(map(canonical, inputs))})"
    if isinstance(value, np.ndarray):
        scale = float(np.abs(value).max()) or 1.0
        digits = np.rint(value / scale * 1e9).astype(np.int64)
        return f"array({value.shape}, {scale:.9g}, {hashlib.sha256(digits.tobytes()).hexdigest()})"
    return f"{value:.9g}" if isinstance(value, float) else repr(value)
