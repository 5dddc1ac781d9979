"""The optimizer's step on a tile of 64 chains, and what a kernel must know of the optimizer."""

from typing import Any, NamedTuple

from linsgd.jit import Array, inlined, kernel
from linsgd.optimizers.sgd import SGD


class Rule(NamedTuple):
    """The optimizer's numbers in the precision of the chains.

    `weights` are of a new gradient in the buffer: at the first step, which a fresh optimizer makes
    undampened, and after it. `share` is 1 / batch_size.
    """

    lr: Any
    momentum: Any
    weights: tuple[Any, Any]
    weight_decay: Any
    nesterov: bool
    batch_size: int
    share: Any

    @classmethod
    def of(cls, sgd: SGD, fresh: bool, dtype: Any) -> "Rule":
        """Return the rule of `sgd`, started fresh or going on."""
        weights = (dtype(1.0 if fresh else sgd.gradient_weight), dtype(sgd.gradient_weight))
        numbers = dtype(sgd.lr), dtype(sgd.momentum), weights, dtype(sgd.weight_decay)
        return cls(*numbers, sgd.nesterov, sgd.batch_size, dtype(1 / sgd.batch_size))


@inlined
def moved(rule: Rule, weight: Any, w: Any, v: Any, g: Any) -> tuple[Any, Any]:
    """Return position and velocity after a step with gradient g, of the given weight in the buffer."""
    v = rule.momentum * v - weight * g
    return w + rule.lr * (rule.momentum * v - g if rule.nesterov else v), v


@inlined
def descend(rule: Rule, step: int, W: Array, V: Array, G: Array) -> None:
    """Make step number `step` of all lanes: positions W, velocities V = -buf and gradients G are (d, 64) or (64, d)."""
    weight = rule.weights[1] if step > 0 else rule.weights[0]
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            W[i, j], V[i, j] = moved(rule, weight, W[i, j], V[i, j], G[i, j])


@kernel
def copy_state(W: Array, V: Array, out: Array) -> None:
    """Copy positions and velocities (d, 64) to out (2d, 64); by loops, as slice assignments compile slowly."""
    d = len(W)
    for i in range(d):
        for j in range(W.shape[1]):
            out[i, j] = W[i, j]
            out[d + i, j] = V[i, j]
