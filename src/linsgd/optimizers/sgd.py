"""The optimizer: torch.optim.SGD's update, with how its batches are drawn.

One step with minibatch gradient g (weight decay included) is

    buf' = momentum buf + (1 - dampening) g        (a fresh optimizer's first step: buf' = g)
    w'   = w - lr buf'                             (Nesterov: w' = w - lr (g + momentum buf'))

and linsgd's velocity is v = -buf, so that without Nesterov v' = (w' - w) / lr.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from linsgd import domains
from linsgd.problems.features import FiniteData
from linsgd.problems.linear_regression import LinearRegression

Sampling: TypeAlias = Literal["independent", "epoch", "fixed"]


@dataclass(frozen=True, slots=True)
class SGD:
    """Stochastic gradient descent with the semantics and the names of torch.optim.SGD.

    Parameters
    ----------
    lr : float
        Learning rate, in (0, 1e75].
    batch_size : int
        Samples a step, from 1 to 10^9.
    momentum : float
        In [0, 1).
    dampening : float
        In [0, 1); without effect when momentum is 0, as in torch.
    nesterov : bool
        Needs momentum > 0 and dampening 0.
    weight_decay : float
        The L2 coefficient of the loss, in [0, 1e75].
    replacement : bool, optional
        For finite data: whether a row may come twice in one batch. False makes each batch a simple
        random sample, independent between steps. The default is True, and False inside an epoch.
    sampling : {"independent", "epoch", "fixed"}
        "epoch" reshuffles the data and walks through it, dropping an incomplete last batch, as
        torch's DataLoader with shuffle=True and drop_last=True; "fixed" shuffles once and repeats
        that order.

    Raises
    ------
    ValueError
        If a value lies outside its domain.

    Examples
    --------
    >>> SGD(lr=0.1, batch_size=4, momentum=0.9).replacement
    True
    """

    lr: float
    batch_size: int = 1
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    replacement: bool | None = None
    sampling: Sampling = "independent"

    def __post_init__(self) -> None:
        domains.choice("sampling", self.sampling, ("independent", "epoch", "fixed"))
        values = {
            "lr": domains.real("lr", self.lr, f"(0, {domains.LARGEST:g}]"),
            "batch_size": domains.integer("batch_size", self.batch_size, "[1, 1000000000]"),
            "momentum": domains.real("momentum", self.momentum, "[0, 1)"),
            "dampening": domains.real("dampening", self.dampening, "[0, 1)"),
            "nesterov": domains.boolean("nesterov", self.nesterov),
            "weight_decay": domains.real(
                "weight_decay", self.weight_decay, f"[0, {domains.LARGEST:g}]"
            ),
            "replacement": self._replacement(),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            given = f"True with momentum = {self.momentum} and dampening = {self.dampening}"
            domains.refuse("nesterov", given, "momentum in (0, 1) and dampening 0")

    def _replacement(self) -> bool:
        if self.replacement is None:
            return self.sampling == "independent"
        if self.sampling != "independent" and domains.boolean("replacement", self.replacement):
            given = f"True with sampling = {self.sampling!r}"
            domains.refuse("replacement", given, "False inside an epoch")
        return domains.boolean("replacement", self.replacement)

    @property
    def gradient_weight(self) -> float:
        """The weight of a fresh gradient in the buffer: 1 - dampening, or 1 without momentum."""
        return 1.0 - self.dampening if self.momentum > 0 else 1.0

    def check(self, problem: LinearRegression) -> None:
        """Raise ValueError if the batches cannot be drawn from `problem`."""
        domains.exact_type("problem", problem, (LinearRegression,))
        data = problem.features
        if not isinstance(data, FiniteData):
            if not self.replacement:
                domains.refuse(
                    "replacement", False, "True, unless the problem is a finite data set"
                )
        elif not self.replacement and self.batch_size > len(data.y):
            domains.refuse("batch_size", self.batch_size, f"[1, {len(data.y)}] without replacement")
