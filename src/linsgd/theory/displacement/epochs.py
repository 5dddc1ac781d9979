r"""Displacement under epochs, from the start of an epoch, by linear response to the frozen noise.

With the notation of `linsgd.theory.epochs.response`, mode by mode and in units of
C_ii/(N - 1), for k = q n + p steps

    E Delta^2 = [(A^k - 1) P_0 (A^k - 1)' + V_k]_ww,
    V_k = A^p V_{qn} A^p' + B_p,    V_{qn} = sum_{e < q} A^{en} B_n A^{en}',

and over the one step after it, with E = A - 1 and P_p the law at its phase,

    E (w' - w)^2 = [E P_p E' - E s_p c' - c s_p' E' + (N/b - 1) c c']_ww,

as xi_p has the covariance -C/(N - 1) with each earlier batch of its epoch. In a fixed order z has
period n, and E Delta^2 = (N/b) sum_m (r_{m+p} - r_m)^2 with indices modulo n: 0 at whole epochs.
White noise, which stands for the growth of the noise with the distance from the minimum, gives
-2 [(A^k - 1) P]_ww with its stationary law P, in a fixed order sum_m (r_{m+p} - r_m)^2. To this is
added the squared motion of the mean within an epoch. Order and error are those of the stationary
law. Few rows are summed exactly instead. From a point the displacement follows from the moments.
"""

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.theory.displacement.terms import Answer
from linsgd.theory.epochs import enumeration, orders
from linsgd.theory.epochs.frozen_noise import epoch_law, perturbed
from linsgd.theory.epochs.law import moments, stationary
from linsgd.theory.epochs.response import EpochResponse
from linsgd.theory.epochs.rows import finite_fit
from linsgd.theory.recurrence.recurrence import Coefficients, unit_response
from linsgd.theory.result import Moments, Start


def displacement(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Answer:
    """Return the answer of `linsgd.theory.displacement.terms`, from the start of an epoch."""
    if not isinstance(start, str):
        return _from_point(problem, sgd, k, start)
    domains.choice("start", start, ("stationary",))
    fit = finite_fit(problem, sgd)
    law = stationary(problem, sgd)
    if not np.isfinite(law.position_variance).all():
        return law.status, law.error, np.full((3, k.size), np.inf)
    if law.order == "exact" and not sgd.nesterov:
        return law.status, law.error, _summed(problem, sgd, law, k)
    law = perturbed(problem, sgd, fit)
    return law.status, law.error, _by_response(problem, sgd, law, k)


def _from_point(problem: LinearRegression, sgd: SGD, k: IntArray, start: Start) -> Answer:
    """Return the answer from a point: the displacement is the distance from it."""
    if isinstance(start, Moments):
        domains.refuse("start", "a law", "'stationary', None or a point (w, v) for epochs")
    if sgd.nesterov:
        domains.refuse("nesterov", True, "False for epochs from a point")
    times, where = np.unique(np.concatenate([k - 1, k, k + 1]), return_inverse=True)
    law = moments(problem, sgd, times, start)
    begin = np.zeros(problem.dimension)
    if start is not None:
        begin = np.asarray(start[0], dtype=float)
    moved = np.sum((law.mean - begin) ** 2, axis=1)
    far = law.position_variance.sum(axis=1) + moved
    speed = _mean_square_speed(law)
    before, here, after = where.reshape(3, -1)
    local = sgd.lr**2 * speed[after]
    slope = (far[after] - far[before]) / 2
    return law.status, law.error, np.stack([far[here], local, slope])


def _mean_square_speed(law: Moments) -> FloatArray:
    """Return E|v|^2 (K,) at the steps of a law."""
    moving = np.sum(law.velocity_mean**2, axis=1)
    speed: FloatArray = law.velocity_variance.sum(axis=1) + moving
    return speed


def _summed(problem: LinearRegression, sgd: SGD, law: Moments, k: IntArray) -> FloatArray:
    """Return the three sums (3, K) of few rows, exactly, without Nesterov."""
    exact = enumeration if sgd.sampling == "epoch" else orders
    around = np.concatenate([k - 1, k, k + 1])
    far = exact.squared_displacement(problem, sgd, around)
    before, here, after = far.reshape(3, -1)
    speed = _mean_square_speed(law)
    local = sgd.lr**2 * speed[(k + 1) % len(speed)]
    return np.stack([here, local, (after - before) / 2])


def _by_response(problem: LinearRegression, sgd: SGD, law: Moments, k: IntArray) -> FloatArray:
    """Return the three sums (3, K) by linear response."""
    fit = finite_fit(problem, sgd)
    found = epoch_law(problem, sgd, fit)
    response = found.response
    N = len(fit.rows)
    structured = np.diag(found.structured) / max(N - 1, 1)
    white = np.diag(found.unstructured)
    walk: FixedWalk | ReshuffledWalk = FixedWalk(response)
    if sgd.sampling != "fixed":
        walk = ReshuffledWalk(response, Coefficients.of(sgd))
    centre = problem.to_eigenbasis(law.mean)

    def far(steps: int) -> float:
        moved = centre[steps % response.batches] - centre[0]
        spread = walk.square(steps) @ structured + walk.white(steps) @ white
        return float(spread + np.sum(moved**2))

    def once(steps: int) -> float:
        p = steps % response.batches
        moved = centre[(p + 1) % response.batches] - centre[p]
        spread = walk.one_step(p) @ structured + walk.white(1) @ white
        return float(spread + np.sum(moved**2))

    around = np.unique(np.concatenate([k - 1, k, k + 1]))
    known = {int(s): far(int(s)) for s in around}
    sums = []
    for s in map(int, k):
        slope = (known[s + 1] - known[s - 1]) / 2
        sums.append((known[s], once(s), slope))
    return np.array(sums).T


class ReshuffledWalk:
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
        begun = _carried(whole, self.start)
        total = begun + _carried(moved, spread) + self._own(p)
        found: FloatArray = total[:, 0, 0]
        return found

    def white(self, steps: int) -> FloatArray:
        """Return E Delta^2 (d,) of stationary white noise."""
        epochs, p = divmod(steps, self.response.batches)
        change, _ = self._epochs(epochs)
        inside = self.response.changes[p]
        whole = (inside + np.eye(2)) @ change + inside
        square, product = self.unit[0], self.unit[1]  # E w^2 and E w v
        found: FloatArray = -2 * (whole[:, 0, 0] * square + whole[:, 0, 1] * product)
        return found

    def one_step(self, p: int) -> FloatArray:
        """Return E (w' - w)^2 (d,) over the step at a phase."""
        response = self.response
        c = self.response.unit
        moved = response.changes[p] + np.eye(2)
        law = _carried(moved, self.start) + self._own(p)
        before = response.responses[:p].sum(axis=0)
        E = response.changes[1]
        pulled = (E @ before[..., None])[:, 0, 0]
        kick = c[0]
        square = _carried(E, law)[:, 0, 0] - 2 * pulled * kick
        found: FloatArray = square + (response.ratio - 1) * kick**2
        return found

    def _epochs(self, epochs: int) -> tuple[FloatArray, FloatArray]:
        """Return A^{qn} - 1 and V_{qn} (d, 2, 2) by doubling."""
        E = self.response.changes[-1]
        B = self._own(self.response.batches)
        change = np.zeros_like(E)
        spread = np.zeros_like(B)
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
        s = u.sum(axis=0)
        weight = -1.0
        if p == response.batches:
            kicks = response.kicks
            u = kicks - kicks.mean(axis=0)
            weight = response.ratio / p - 1
        squares = np.einsum("mda,mdb->dab", u, u)
        of_sum = weight * s[:, :, None] * s[:, None, :]
        found: FloatArray = response.ratio * squares + of_sum
        return found


class FixedWalk:
    """The same in an order that repeats."""

    def __init__(self, response: EpochResponse) -> None:
        self.ratio = response.ratio
        self.cyclic = response.cyclic()[:, :, 0]

    def square(self, steps: int) -> FloatArray:
        """Return E Delta^2 (d,)."""
        return self.ratio * self.white(steps)

    def white(self, steps: int) -> FloatArray:
        """Return sum_m (r_{m+p} - r_m)^2 (d,)."""
        p = steps % len(self.cyclic)
        moved = np.roll(self.cyclic, -p, axis=0) - self.cyclic
        found: FloatArray = np.sum(moved**2, axis=0)
        return found

    def one_step(self, p: int) -> FloatArray:
        """Return E (w' - w)^2 (d,), the same at every phase."""
        return self.square(1)


def _carried(A: FloatArray, P: FloatArray) -> FloatArray:
    """Return A P A' (d, 2, 2)."""
    found: FloatArray = A @ P @ np.swapaxes(A, -1, -2)
    return found
