r"""The sampling scheme of a recorded run, and samplers that repeat their order.

From velocities of successive steps along directions the minibatch gradients follow,

    g_k = -(v_k - momentum v_{k-1}) / (1 - dampening),

and with the curvatures their noise g_k - kappa x_{k-1}, x the position after k - 1 steps, up to a
constant. `linsgd.estimate.sampling_scheme` decides from it; without velocities or directions, from
the dips of the displacement at the ends of epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.deep.preserved import random_states_kept
from linsgd.deep.record import PhaseSpaceRecord
from linsgd.domains import FloatArray
from linsgd.estimate.sampling_scheme import SamplingScheme
from linsgd.estimate.sampling_scheme import sampling_scheme as decide
from linsgd.optimizers.sgd import SGD
from linsgd.result import Result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RecordedScheme(Result):
    """How the rows of a recorded run were drawn.

    Attributes
    ----------
    found : SamplingScheme
        The scheme with the numbers that decide.
    source : str
        "noise" or "displacement".
    sampler : str
        A sentence on a sampler that repeats its order; '' without a loader, or if it does not.
    """

    found: SamplingScheme
    source: str
    sampler: str = ""


def sampling_scheme(
    record: PhaseSpaceRecord,
    epoch: int,
    sgd: SGD | None = None,
    curvature: ArrayLike | None = None,
    loader: Any = None,
    *,
    confidence: float = 0.999,
) -> RecordedScheme:
    """Find how the rows of a recorded run were drawn.

    Parameters
    ----------
    record : PhaseSpaceRecord
        Of every step, entered at the start of an epoch, with the origin 0.
    epoch : int
        Batches an epoch.
    sgd : SGD, optional
        Momentum, dampening and weight decay of the run, from which the noise follows; its own
        sampling scheme is not used. Without it the displacement decides, which does not tell
        reshuffled epochs from a fixed order.
    curvature : array_like (m,), optional
        Of the unregularised loss along the record's directions; needed with `sgd`.
    loader : torch.utils.data.DataLoader, optional
        Whose sampler is read twice: one that repeats its order is named.
    confidence : float
        Of the intervals, in (0, 1).

    Returns
    -------
    RecordedScheme
        Eight whole epochs are needed.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or steps are missing in the record.
    """
    if sgd is not None:
        domains.exact_type("sgd", sgd, (SGD,))
    domains.exact_type("record", record, (PhaseSpaceRecord,))
    steps = np.arange(1, len(record.steps) + 1)
    if not np.array_equal(record.steps, steps) or record.origins[0] != 0:
        given = "a record of other steps or origins"
        domains.refuse("record", given, "one of every step from the origin 0")
    sampler = "" if loader is None else repeating_sampler(loader)
    if sgd is None:
        found = decide(record.displacement[:, 0], epoch, "displacement", confidence=confidence)
        return RecordedScheme(found=found, source="displacement", sampler=sampler)
    noise = _noise(record, sgd, curvature, epoch)
    found = decide(noise, epoch, confidence=confidence)
    return RecordedScheme(found=found, source="noise", sampler=sampler)


def _noise(
    record: PhaseSpaceRecord, sgd: SGD, curvature: ArrayLike | None, epoch: int
) -> FloatArray:
    """Return the noise of the minibatch gradients (n, m), from the second epoch on."""
    m = record.velocity.shape[1]
    if m == 0 or record.reason:
        domains.refuse("record", record.reason or "without directions", "velocities along some")
    if curvature is None:
        domains.refuse("curvature", None, f"an array of finite numbers of shape ({m},)")
    kappa = domains.array("curvature", curvature, (m,)) + sgd.weight_decay
    epoch = domains.integer("epoch", epoch, "[2, inf)")
    # the first epoch holds a fresh optimizer's undampened step
    v, before, x = (
        record.velocity[epoch:],
        record.velocity[epoch - 1 : -1],
        record.position[epoch - 1 : -1],
    )
    gradient = -(v - sgd.momentum * before) / sgd.gradient_weight
    noise: FloatArray = gradient - kappa * x
    return noise


def repeating_sampler(loader: Any) -> str:
    """Name a loader's sampler if it gives the same order twice, and say what to do.

    Parameters
    ----------
    loader : torch.utils.data.DataLoader
        With a sampler; random states are restored.

    Returns
    -------
    str
        A sentence, or '' if the order differs.
    """
    sampler = loader.sampler
    with random_states_kept():
        first, second = list(sampler), list(sampler)
    if first != second:
        return ""
    name = type(sampler).__name__
    if hasattr(sampler, "set_epoch"):
        return f"{name} repeats one order until its set_epoch(epoch) is called before each epoch"
    return f"{name} gives one order in every epoch: use shuffle=True for another one each time"
