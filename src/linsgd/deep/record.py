"""The record of a training run in phase space, and averages over its origins of time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.result import Result, Status


class RecordStatus(Status):
    """Whether the run stayed finite."""

    OK = "ok"
    NOT_FINITE = "not finite"  # recording ended before a loss or a step that is nan or infinite


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class OriginAverage(Result):
    """Mean-squared displacement averaged over origins of time.

    Attributes
    ----------
    lags : ndarray (K,)
        k, in steps.
    value : ndarray (K,)
        Mean over origins s of |theta_{s+k} - theta_s|^2; nan where no origin has the lag.
    standard_error : ndarray (K,)
        From the spread between origins; too small where their windows overlap, nan below two.
    origins : ndarray (K,)
        Origins that have the lag.
    """

    lags: IntArray
    value: FloatArray
    standard_error: FloatArray
    origins: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PhaseSpaceRecord(Result):
    r"""Observables of a run after recorded steps; theta are all parameters that require grad.

    Attributes
    ----------
    status : RecordStatus
        ok, or not finite.
    steps : ndarray (K,)
        Optimizer steps since the recorder was entered.
    lr : ndarray (K,)
        Learning rate of the first parameter group at the step.
    loss : ndarray (K,)
        Mean of what `PhaseSpaceRecorder.add_loss` was given since the row before; nan without.
    origins : ndarray (O,)
        Steps whose weights are origins.
    displacement : ndarray (K, O)
        |theta_k - theta_o|^2; nan before the origin.
    squared_step : ndarray (K,)
        |theta_k - theta_{k-1}|^2: 0 where the optimizer skipped the step.
    squared_velocity : ndarray (K,)
        |v|^2, v = -buf; nan for optimizers without a velocity.
    position : ndarray (K, m)
        Projections of theta_k - theta_o, o the first origin, on the directions.
    step : ndarray (K, m)
        Projections of theta_k - theta_{k-1}.
    velocity : ndarray (K, m)
        Projections of v.
    parameters : int
        Entries of theta.
    optimizer : str
        Its type.
    reason : str
        Which observables are missing and why; '' if none is.
    """

    status: RecordStatus
    steps: IntArray
    lr: FloatArray
    loss: FloatArray
    origins: IntArray
    displacement: FloatArray
    squared_step: FloatArray
    squared_velocity: FloatArray
    position: FloatArray
    step: FloatArray
    velocity: FloatArray
    parameters: int
    optimizer: str
    reason: str

    @classmethod
    def from_rows(cls, header: Mapping[str, Any], rows: FloatArray) -> PhaseSpaceRecord:
        """Make the record of rows (K, columns), up to the first that is not finite."""
        columns = {name: i for i, name in enumerate(header["columns"])}
        origins, m = len(header["origins"]), int(header["directions"])
        given = rows[:, columns["losses"]] > 0
        finite = np.isfinite(rows[:, columns["squared_step"]])
        finite &= np.isfinite(rows[:, columns["loss"]]) | ~given
        kept = rows if finite.all() else rows[: int(finite.argmin())]
        # |theta_k - theta_o|^2, |step|^2, |v|^2, then their projections in the same order
        first = columns["squared_step"] - origins
        squares = kept[:, first : first + origins + 2]
        shape = (len(kept), origins + 2, m)
        projections = kept[:, len(columns) - (origins + 2) * m :].reshape(shape)
        return cls(
            status=RecordStatus.OK if finite.all() else RecordStatus.NOT_FINITE,
            steps=kept[:, columns["step"]].astype(np.int64),
            lr=kept[:, columns["lr"]],
            loss=np.where(given[: len(kept)], kept[:, columns["loss"]], np.nan),
            origins=np.array(header["origins"], dtype=np.int64),
            displacement=squares[:, :origins],
            squared_step=squares[:, origins],
            squared_velocity=squares[:, origins + 1],
            position=projections[:, 0],
            step=projections[:, origins],
            velocity=projections[:, origins + 1],
            parameters=int(header["parameters"]),
            optimizer=str(header["optimizer"]),
            reason=str(header["reason"]),
        )

    def over_origins(self, lags: ArrayLike) -> OriginAverage:
        """Return the displacement at lags averaged over the origins of time.

        Parameters
        ----------
        lags : array_like of int (K,)
            k; an origin o counts where step o + k was recorded.

        Returns
        -------
        OriginAverage
            A stationary run has displacements that do not depend on the origin.

        Raises
        ------
        ValueError
            If a lag is negative.
        """
        k = domains.step_list("lags", lags)
        place = {int(s): i for i, s in enumerate(self.steps)}
        values, errors, counts = [], [], []
        for lag in k.tolist():
            rows = [(place.get(int(o) + lag), j) for j, o in enumerate(self.origins)]
            found = np.array([self.displacement[i, j] for i, j in rows if i is not None])
            enough = len(found) > 1
            values.append(float(found.mean()) if len(found) else math.nan)
            error = found.std(ddof=1) / math.sqrt(len(found)) if enough else math.nan
            errors.append(float(error))
            counts.append(len(found))
        return OriginAverage(
            lags=k,
            value=np.array(values),
            standard_error=np.array(errors),
            origins=np.array(counts, dtype=np.int64),
        )
