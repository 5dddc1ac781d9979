"""The base of every optimizer but `SGD`: a learning rate, and independent minibatches."""

from dataclasses import dataclass
from typing import ClassVar

from linsgd import domains
from linsgd.problems.linear_regression import LinearRegression


@dataclass(frozen=True, slots=True)
class Minibatch:
    """An optimizer on independent minibatches, rows of data drawn with replacement.

    Parameters
    ----------
    lr : float
        Learning rate, in (0, 1e75].
    batch_size : int
        Samples a step, from 1 to 10^9.
    weight_decay : float
        The L2 coefficient of the loss, in [0, 1e75]: its gradient enters the step as that of the
        loss does.

    Raises
    ------
    ValueError
        If a value lies outside its domain.
    """

    lr: float
    batch_size: int = 1
    weight_decay: float = 0.0
    replacement: ClassVar[bool] = True
    sampling: ClassVar[str] = "independent"

    def __post_init__(self) -> None:
        self._keep(
            lr=domains.real("lr", self.lr, f"(0, {domains.LARGEST:g}]"),
            batch_size=domains.integer("batch_size", self.batch_size, "[1, 1000000000]"),
            weight_decay=domains.real(
                "weight_decay", self.weight_decay, f"[0, {domains.LARGEST:g}]"
            ),
        )

    def check(self, problem: LinearRegression) -> None:
        """Raise ValueError if `problem` is none; its batches can be drawn from any."""
        domains.exact_type("problem", problem, (LinearRegression,))

    def _keep(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def pair_of_betas(name: str, betas: object) -> tuple[float, float]:
    """Return two decay rates, each in [0, 1)."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        domains.refuse(name, betas, "two numbers in [0, 1)")
    first, second = (domains.real(f"{name}[{i}]", beta, "[0, 1)") for i, beta in enumerate(betas))
    return first, second
