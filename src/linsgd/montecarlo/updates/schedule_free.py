"""The step of `linsgd.ScheduleFreeSGD`, in the order of operations of its published code."""

from typing import Any, ClassVar, NamedTuple

from linsgd.jit import Array
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.schedule_free import ScheduleFreeSGD


class _ScheduleFree(NamedTuple):
    lr: Any
    momentum: Any


class ScheduleFreeSGDUpdate(_ScheduleFree, Update):
    """The step of schedule-free SGD: W is y, the state is z."""

    slots: ClassVar[int] = 1
    rotates: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True

    @classmethod
    def of(cls, sgd: ScheduleFreeSGD, fresh: bool, dtype: Any) -> "ScheduleFreeSGDUpdate":
        """Return the update of an optimizer."""
        return cls(dtype(sgd.lr), dtype(sgd.momentum))

    @staticmethod
    def step(update: Any, k: int, W: Array, V: Array, M: Array, G: Array) -> None:
        """Make step number k: y' = y + share (z - y) - lr (1 - momentum (1 - share)) g."""
        share = 1 / (k + 1)
        along = update.lr * (update.momentum * (1 - share) - 1)
        ahead = (1 - 1 / update.momentum) / update.lr  # of z - y in (x - y)/lr
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                g = G[i, j]
                y = W[i, j]
                z = y if k == 0 else M[0, i, j]
                y += share * (z - y)
                y += along * g
                z -= g * update.lr
                W[i, j] = y
                M[0, i, j] = z
                V[i, j] = ahead * (z - y)
