r"""The velocity that an optimizer keeps, in linsgd's sign: v = -buf.

SGD with momentum     minus its momentum buffers; 0 for a parameter that had no gradient yet
SGD without momentum  (w_k - w_{k-1}) / lr, as torch keeps no buffer then
any other optimizer   none: its moments are not the displacement over a learning rate
"""

from collections.abc import Mapping, Sequence
from typing import Any

from linsgd import domains
from linsgd.deep.parameters import edges
from linsgd.deep.pytorch import torch

REMAINING = "displacements, steps, projections of position and loss remain"


def missing_velocity(optimizer: Any) -> str:
    """Return why the optimizer has no velocity, or ''; refuse what is not an optimizer."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        domains.refuse_type("optimizer", optimizer, "a torch.optim.Optimizer")
    if type(optimizer) is torch.optim.SGD:
        return ""
    kind = domains.type_name(type(optimizer))
    return f"{kind} keeps no velocity; {REMAINING}"


class Velocity:
    """Writes the velocity of SGD into a row.

    Parameters
    ----------
    optimizer : torch.optim.SGD
        The optimizer.
    parameters : mapping of str to Parameter
        Those of the model; the velocity of one that the optimizer does not move is 0.
    """

    def __init__(self, optimizer: Any, parameters: Mapping[str, Any]) -> None:
        self._optimizer = optimizer
        self._parameters = list(parameters.values())
        self._places = edges(self._parameters)
        group_of = {id(p): group for group in optimizer.param_groups for p in group["params"]}
        self._groups = [group_of.get(id(p)) for p in self._parameters]

    def write(self, row: Any, step: Any) -> None:
        """Write v into `row` (P,), given the last displacement `step` (P,)."""
        groups = self._optimizer.param_groups
        one_lr = groups[0]["lr"] if len(groups) == 1 else None
        if one_lr is not None and groups[0]["momentum"] == 0:
            torch.div(step, one_lr, out=row)
            return
        pieces = self._pieces(step)
        torch.cat(pieces, out=row)
        row.neg_()

    def _pieces(self, step: Any) -> Sequence[Any]:
        """Return buf of each parameter, flat; without momentum minus the step over lr."""
        pieces = []
        for p, group, place in zip(self._parameters, self._groups, self._places, strict=True):
            if group is None:
                pieces.append(torch.zeros_like(step[place]))
            elif group["momentum"] == 0:
                pieces.append(-step[place] / group["lr"])
            else:
                buffer = self._optimizer.state[p].get("momentum_buffer")
                known = torch.zeros_like(step[place]) if buffer is None else buffer.reshape(-1)
                pieces.append(known)
        return pieces
