r"""`PhaseSpaceRecorder`: the observables of phase space from inside any training loop.

Before a recorded step the weights are copied; after it, with the rows

    D = (theta - theta_o for each origin o, theta - theta_before, v),

their squared norms and D Q' (Q the directions) are written to a buffer on the device: six kernels a
step whatever the number of parameters. Full buffers go to the host in one copy.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from linsgd import domains
from linsgd.deep import record_file
from linsgd.deep.parameters import flat, trainable, working_type
from linsgd.deep.pytorch import torch
from linsgd.deep.record import PhaseSpaceRecord, RecordStatus
from linsgd.deep.velocity import Velocity, missing_velocity
from linsgd.domains import FloatArray

ROWS = 64  # that the device's buffer holds: a killed run loses fewer


class PhaseSpaceRecorder:
    r"""Records displacements, velocities and projections of a PyTorch training run.

    A context manager around the loop. It acts through hooks of ``optimizer.step``, so that
    gradient accumulation, schedulers, clipping, autocast and GradScaler work as they are. It
    changes neither weights nor random state, and takes its hooks away at exit.

    Parameters
    ----------
    model : torch.nn.Module
        The model; theta are its parameters that require grad.
    optimizer : torch.optim.Optimizer
        Any that moves a parameter of the model; the velocity is recorded for torch.optim.SGD
        (foreach, fused, Nesterov, any groups), and is missing for others.
    directions : array_like or Tensor (m, P), optional
        Unit vectors in the order of ``model.parameters()`` that require grad, such as
        ``HessianEigenpairs.eigenvectors``.
    every : int
        Record after each `every`-th step, at least 1.
    origins : sequence of int
        Steps, counted from the entry, whose weights are kept as origins; each costs P numbers.
    file : path, optional
        A new file that grows by 64 rows at a time, so that memory does not grow with the steps and
        a killed run keeps what it had. `read_record` reads it.

    Attributes
    ----------
    record : PhaseSpaceRecord
        What was recorded so far.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Notes
    -----
    With momentum and without Nesterov the displacement of a step is lr v. Differences are taken in
    float32, or in the parameters' own precision where it is higher. The recording ends before the
    first loss or step that is not finite; this is seen when a buffer is read, so that no step waits
    for the device.

    Examples
    --------
    >>> import torch, linsgd
    >>> model = torch.nn.Linear(3, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    >>> with linsgd.deep.PhaseSpaceRecorder(model, optimizer) as recorder:
    ...     for _ in range(5):
    ...         optimizer.zero_grad()
    ...         model(torch.ones(2, 3)).square().mean().backward()
    ...         optimizer.step()
    >>> record = recorder.record
    >>> record.steps, record.displacement.shape
    (array([1, 2, 3, 4, 5]), (5, 1))
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        directions: Any = None,
        every: int = 1,
        origins: Sequence[int] = (0,),
        file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._reason = missing_velocity(optimizer)
        self._parameters = trainable(model)
        self._optimizer = optimizer
        _moves(optimizer, self._parameters)
        self._every = domains.integer("every", every, "[1, inf)")
        self._origins = domains.step_list("origins", list(origins)).tolist()
        self._file = None if file is None else Path(file)
        self._velocity = None if self._reason else Velocity(optimizer, self._parameters)
        tensors = list(self._parameters.values())
        self._dtype, self._device = working_type(tensors), tensors[0].device
        self._size = sum(p.numel() for p in tensors)
        self._directions = self._matrix(directions)
        self._hooks: list[Any] = []
        self._host: list[FloatArray] = []
        self._steps = 0
        self._stopped = False

    def __enter__(self) -> Self:
        if self._hooks or self._steps:
            domains.refuse("recorder", "entered twice", "a new PhaseSpaceRecorder for each run")
        if self._file is not None:
            record_file.begin(self._file, self._header())
        self._allocate()
        before = self._optimizer.register_step_pre_hook(self._before_step)
        after = self._optimizer.register_step_post_hook(self._after_step)
        self._hooks = [before, after]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove_hooks()
        self._flush()

    def add_loss(self, loss: Any) -> None:
        """Add the loss of a batch; a row holds the mean over those since the row before.

        Parameters
        ----------
        loss : Tensor
            A scalar; it is detached and stays on its device.
        """
        if not self._hooks:
            return
        self._loss.add_(loss.detach().to(self._loss.dtype))
        self._losses += 1

    @property
    def record(self) -> PhaseSpaceRecord:
        """The record so far, up to the last step."""
        self._flush()
        if self._file is not None:
            return record_file.read_record(self._file)
        columns = len(self._header()["columns"])
        rows = np.concatenate([np.empty((0, columns)), *self._host])
        return PhaseSpaceRecord.from_rows(self._header(), rows)

    @property
    def _rows_of_D(self) -> int:
        return len(self._origins) + 2

    def _header(self) -> dict[str, Any]:
        """Return what a file says of its rows."""
        squares = [f"from {o}" for o in self._origins] + ["squared_step", "squared_velocity"]
        m = 0 if self._directions is None else self._directions.shape[1]
        projections = [f"{name} along {i}" for name in squares for i in range(m)]
        return {
            "columns": ["step", "lr", "loss", "losses", *squares, *projections],
            "origins": self._origins,
            "directions": m,
            "parameters": self._size,
            "optimizer": domains.type_name(type(self._optimizer)),
            "reason": self._reason,
        }

    def _matrix(self, directions: Any) -> Any:
        """Return Q' (P, m) on the device."""
        if directions is None:
            return None
        Q = torch.as_tensor(np.array(directions) if type(directions) is np.ndarray else directions)
        if Q.ndim != 2 or Q.shape[1] != self._size:
            given = f"array of shape {tuple(Q.shape)}"
            domains.refuse("directions", given, f"an array of shape (any, {self._size})")
        if not bool(torch.isfinite(Q).all()):
            domains.refuse("directions", "an array with nan or inf", "finite numbers")
        return Q.to(self._device, self._dtype).T.contiguous()

    def _allocate(self) -> None:
        """Make the buffers: origins and the weights before a step, differences, rows, the loss."""
        on = {"device": self._device, "dtype": self._dtype}
        rows, wide = self._rows_of_D, {"device": self._device, "dtype": torch.float64}
        m = 0 if self._directions is None else self._directions.shape[1]
        self._theta = torch.empty(self._size, **on)
        self._references = torch.full((rows - 1, self._size), math.nan, **on)
        self._differences = torch.full((rows, self._size), math.nan, **on)
        self._norms = torch.empty((ROWS, rows), **on)
        self._projections = torch.empty((ROWS, rows, m), **on)
        self._loss_rows = torch.zeros(ROWS, **wide)
        self._loss = torch.zeros((), **wide)
        self._losses = 0
        self._known: list[tuple[float, float, float]] = []  # step, lr, losses of each row
        self._keep_origin()

    def _keep_origin(self) -> None:
        """Keep the weights as an origin if this step is one."""
        if self._steps in self._origins:
            theta = flat(list(self._parameters.values()))
            self._references[self._origins.index(self._steps)].copy_(theta)

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if (self._steps + 1) % self._every == 0:
            flat(list(self._parameters.values()), out=self._references[-1])

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._steps += 1
        self._keep_origin()
        if self._steps % self._every == 0:
            self._write_row()
        if len(self._known) == ROWS:
            self._flush()

    def _write_row(self) -> None:
        """Write one row of norms and projections on the device."""
        i, D = len(self._known), self._differences
        flat(list(self._parameters.values()), out=self._theta)
        torch.sub(self._theta, self._references, out=D[:-1])
        if self._velocity is not None:
            self._velocity.write(D[-1], D[-2])
        torch.linalg.vector_norm(D, dim=1, out=self._norms[i])
        if self._directions is not None:
            torch.matmul(D, self._directions, out=self._projections[i])
        self._loss_rows[i].copy_(self._loss)
        if self._losses:
            self._loss.zero_()
        lr = self._optimizer.param_groups[0]["lr"]
        self._known.append((self._steps, math.nan if torch.is_tensor(lr) else lr, self._losses))
        self._losses = 0

    def _flush(self) -> None:
        """Read the device's buffer, keep its rows, and stop if one of them is not finite."""
        n = len(getattr(self, "_known", ()))
        if n == 0 or self._stopped:
            return
        squares = self._norms[:n].double() ** 2
        losses = self._loss_rows[:n, None]
        projections = self._projections[:n].reshape(n, -1).double()
        read = torch.cat([losses, squares, projections], dim=1).cpu().numpy()
        step, lr, count = np.array(self._known).T
        mean_loss = read[:, 0] / np.maximum(count, 1)
        rows = np.column_stack([step, lr, mean_loss, count, read[:, 1:]])
        self._known = []
        if self._file is None:
            self._host.append(rows)
        else:
            record_file.append(self._file, rows)
        found = PhaseSpaceRecord.from_rows(self._header(), rows)
        if found.status is not RecordStatus.OK:
            self._stopped = True
            self._remove_hooks()

    def _remove_hooks(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def _moves(optimizer: Any, parameters: dict[str, Any]) -> None:
    """Refuse an optimizer of other parameters."""
    moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not moved & {id(p) for p in parameters.values()}:
        given = domains.type_name(type(optimizer)) + " of other parameters"
        domains.refuse("optimizer", given, "an optimizer of a parameter of the model")
