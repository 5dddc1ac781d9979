r"""Displacement under epochs, from the start of an epoch, by linear response to the frozen noise.

With the notation of `linsgd.theory.discrete.epoch_noise`, mode by mode and in units of
C_ii/(N - 1), for k = q n + p steps

    E Delta^2 = [(A^k - 1) P_0 (A^k - 1)' + V_k]_ww,
    V_k = A^p V_{qn} A^p' + B_p,    V_{qn} = sum_{e < q} A^{en} B_n A^{en}',

and over the one step after it, with E = A - 1 and P_p the law at its phase,

    E (w' - w)^2 = [E P_p E' - E s_p c' - c s_p' E' + (N/b - 1) c c']_ww,

as xi_p has the covariance -C/(N - 1) with each earlier batch of its epoch. In a fixed order z has
period n, and E Delta^2 = (N/b) sum_m (r_{m+p} - r_m)^2 with indices modulo n: 0 at whole epochs.
White noise, which stands for the growth of the noise with the distance from the minimum, gives
-2 [(A^k - 1) P]_ww with its stationary law P, in a fixed order sum_m (r_{m+p} - r_m)^2. To this is
added the squared motion of the mean within an epoch. The orders are those of the stationary law.
"""

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.discrete.epoch_noise import EpochResponse
from linsgd.theory.discrete.epochs import epoch_law, finite_fit, perturbed
from linsgd.theory.recurrence.recurrence import Coefficients, unit_response
from linsgd.theory.result import MomentsStatus, Start


def displacement(
    problem: LinearRegression, sgd: SGD, k: IntArray, start: Start
) -> tuple[MomentsStatus, FloatArray]:
    """Return the status and the three sums (3, K) of `linsgd.theory.displacement.terms`."""
    if not isinstance(start, str):
        domains.refuse("start", start, "'stationary' for epochs")
    domains.choice("start", start, ("stationary",))
    fit = finite_fit(problem, sgd)
    law = perturbed(problem, sgd, fit)
    if not np.isfinite(law.position_variance).all():
        return law.status, np.full((3, k.size), np.inf)
    found = epoch_law(problem, sgd, fit)
    response, N = found.response, len(fit.rows)
    own = np.diag(found.structured) / max(N - 1, 1), np.diag(found.unstructured)
    walk = (
        _Fixed(response) if sgd.sampling == "fixed" else _Reshuffled(response, Coefficients.of(sgd))
    )
    centre = problem.to_eigenbasis(law.mean)

    def far(steps: int) -> float:
        moved = centre[steps % response.batches] - centre[0]
        spread = walk.square(steps) @ own[0] + walk.white(steps) @ own[1]
        return float(spread + np.sum(moved**2))

    def once(steps: int) -> float:
        p = steps % response.batches
        moved = centre[(p + 1) % response.batches] - centre[p]
        spread = walk.one_step(p) @ own[0] + walk.white(1) @ own[1]
        return float(spread + np.sum(moved**2))

    known = {int(s): far(int(s)) for s in np.unique(np.concatenate([k - 1, k, k + 1]))}
    sums = [(known[s], once(s), (known[s + 1] - known[s - 1]) / 2) for s in map(int, k)]
    return law.status, np.array(sums).T


class _Reshuffled:
    """Mean squares of each mode in units of C_ii/(N - 1), and those of unit white noise."""

    def __init__(self, response: EpochResponse, coefficients: Coefficients) -> None:
        self.response = response
        kappa = response.curvature
        held = np.where(kappa > 0, kappa, 1.0)
        law = unit_response(held, held, coefficients)
        self.unit: FloatArray = np.where(kappa > 0, law, 0.0)
        own = np.diagonal(response.reshuffled(), axis1=2, axis2=3)
        self.start: FloatArray = np.moveaxis(own, -1, 0)  # (d, 2, 2)

    def square(self, steps: int) -> FloatArray:
        """Return E Delta^2 (d,) over steps from the start of an epoch."""
        epochs, p = divmod(steps, self.response.batches)
        change, spread = self._epochs(epochs)
        inside = self.response.changes[p]
        moved = inside + np.eye(2)
        # A^k - 1 = A^p (A^{qn} - 1) + (A^p - 1)
        whole = moved @ change + inside
        total = _carried(whole, self.start) + _carried(moved, spread) + self._own(p)
        found: FloatArray = total[:, 0, 0]
        return found

    def white(self, steps: int) -> FloatArray:
        """Return E Delta^2 (d,) of stationary white noise."""
        epochs, p = divmod(steps, self.response.batches)
        change, _ = self._epochs(epochs)
        inside = self.response.changes[p]
        whole = (inside + np.eye(2)) @ change + inside
        found: FloatArray = -2 * (whole[:, 0, 0] * self.unit[0] + whole[:, 0, 1] * self.unit[1])
        return found

    def one_step(self, p: int) -> FloatArray:
        """Return E (w' - w)^2 (d,) over the step at a phase."""
        response, c = self.response, self.response.unit
        moved = response.changes[p] + np.eye(2)
        law = _carried(moved, self.start) + self._own(p)
        before = response.responses[:p].sum(axis=0)
        E = response.changes[1]
        pulled = (E @ before[..., None])[:, 0, 0]
        square = _carried(E, law)[:, 0, 0] - 2 * pulled * c[0]
        found: FloatArray = square + (response.ratio - 1) * c[0] ** 2
        return found

    def _epochs(self, epochs: int) -> tuple[FloatArray, FloatArray]:
        """Return A^{qn} - 1 and V_{qn} (d, 2, 2) by doubling."""
        E, B = self.response.changes[-1], self._own(self.response.batches)
        change, spread = np.zeros_like(E), np.zeros_like(B)
        for bit in bin(epochs)[2:]:
            spread = spread + _carried(change + np.eye(2), spread)
            change = 2 * change + change @ change
            if bit == "1":
                spread = B + _carried(E + np.eye(2), spread)
                change = E + change + E @ change
        return change, spread

    def _own(self, p: int) -> FloatArray:
        """Return the diagonal of B_p (d, 2, 2)."""
        response = self.response
        u = response.responses[:p]
        if p == 0:
            return np.zeros_like(self.start)
        s, weight = u.sum(axis=0), -1.0
        if p == response.batches:
            kicks = response.kicks
            u, weight = kicks - kicks.mean(axis=0), response.ratio / p - 1
        squares = np.einsum("mda,mdb->dab", u, u)
        found: FloatArray = response.ratio * squares + weight * s[:, :, None] * s[:, None, :]
        return found


class _Fixed:
    """The same in an order that repeats."""

    def __init__(self, response: EpochResponse) -> None:
        self.ratio = response.ratio
        self.cyclic = response.cyclic()[:, :, 0]

    def square(self, steps: int) -> FloatArray:
        """Return E Delta^2 (d,)."""
        return self.ratio * self.white(steps)

    def white(self, steps: int) -> FloatArray:
        """Return sum_m (r_{m+p} - r_m)^2 (d,)."""
        moved = np.roll(self.cyclic, -(steps % len(self.cyclic)), axis=0) - self.cyclic
        found: FloatArray = np.sum(moved**2, axis=0)
        return found

    def one_step(self, p: int) -> FloatArray:
        """Return E (w' - w)^2 (d,), the same at every phase."""
        return self.square(1)


def _carried(A: FloatArray, P: FloatArray) -> FloatArray:
    """Return A P A' (d, 2, 2)."""
    found: FloatArray = A @ P @ np.swapaxes(A, -1, -2)
    return found
