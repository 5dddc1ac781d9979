"""T, twice the excess risk, along a run on the nodes of the spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linsgd.domains import FloatArray, IntArray
from linsgd.optimizers.averages import IterateAverage
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.power_law import PowerLaw
from linsgd.theory.recurrence.gradient_covariance import ModeNoise
from linsgd.theory.recurrence.recurrence import Coefficients
from linsgd.theory.risk.averages import AveragedNodes
from linsgd.theory.risk.contour import Step, nodes_at, settling_time, totals_at
from linsgd.theory.risk.coverage import sample_noise
from linsgd.theory.risk.homogenized import homogenized, homogenized_walk
from linsgd.theory.risk.modes import Nodes, NoiseFactors, contracts
from linsgd.theory.risk.recursion import walked
from linsgd.theory.risk.run import Run, Schedules
from linsgd.theory.risk.spectrum import Start, infinite_measures, panels_of, problem_measures

FINE, COARSE = 10, 8  # Gauss nodes a panel; the difference of the two curves is the error
CHUNK = 50_000  # steps whose hyperparameters are held at once
WORTH = 20_000  # steps of a constant stretch beyond which the contour is cheaper than walking
MOST_WALKED = 10**9
OVERFLOW = 1e300


class NodeCurve:
    """T along a run, on n nodes a panel."""

    def __init__(
        self,
        problem: LinearRegression | PowerLaw,
        run: Run,
        n: int = FINE,
        start: Start | None = None,
    ) -> None:
        self.run = run
        self.looks = run.looks()
        panels = panels_of(run, self.looks)
        if isinstance(problem, LinearRegression):
            measures, constant = problem_measures(problem, run.sgd.weight_decay, panels, n, start)
            noise = sample_noise(problem, run.sgd)
            assert isinstance(noise, ModeNoise)
            self.noise = NoiseFactors(noise.own, noise.common, noise.label)
        else:
            lr = run.lr(self.looks).max()
            momentum = run.momentum(self.looks).max()
            travel = float(lr) * max(run.steps, 1) / (1 - float(momentum))
            measures, constant = infinite_measures(problem, run, panels, n, travel)
            self.noise = NoiseFactors(1.0, 1.0, problem.noise_std**2)
        self.nodes = Nodes.of(measures, run.sgd.weight_decay, constant)

    @classmethod
    def of(cls, problem: LinearRegression | PowerLaw, sgd: SGD, steps: int = 1) -> NodeCurve:
        """Return the curve of constant hyperparameters."""
        return cls(problem, Run.of(sgd, Schedules(), steps))

    def at(self, times: IntArray) -> FloatArray:
        """Return T at the increasing times (K,)."""
        found = np.full(times.shape, np.inf)
        nodes = self.nodes
        for start, stop, constant in self.run.stretches():
            inside = (times >= start) & (times < stop)
            nodes = self._pass(nodes, start, stop, constant, times[inside], found, inside)
            if not nodes.total < OVERFLOW:
                return found
        found[times == self.run.steps] = nodes.total
        return found

    def averaged(self, average: IterateAverage, times: IntArray) -> FloatArray:
        """Return twice the risk of an average of the iterates at the increasing times (K,)."""
        found = np.full(times.shape, np.inf)
        nodes = self._nodes_after(average.first)
        if not nodes.total < OVERFLOW:
            return found
        state = AveragedNodes.begun(nodes)
        for first in range(average.first, self.run.steps, CHUNK):
            last = min(first + CHUNK, self.run.steps)
            steps = np.arange(first, last)
            path, state = state.walked(self.hyperparameters(steps), average.kept(steps))
            here = (times >= first) & (times < last)
            found[here] = path[times[here] - first]
            if not state.nodes.total < OVERFLOW:
                return found
        found[times == self.run.steps] = state.total
        return found

    def homogenized(self, times: IntArray, feedback: bool = True) -> FloatArray:
        """Return T of homogenised SGD at the times (K,), or without the risk's own noise."""
        common = self.noise.common if feedback else 0.0
        noise = NoiseFactors(0.0, common, self.noise.label)
        if self.run.is_constant:
            batch = self.run.sgd.batch_size
            return homogenized(self.nodes, self.run.sgd.lr, noise.of_batch(batch), times)
        steps = np.arange(self.run.steps)
        batch_sizes = self.run.batch_size(steps)
        factors = np.divide.outer(np.array(noise[1:]), batch_sizes).T
        path = homogenized_walk(self.nodes, self.run.lr(steps), np.ascontiguousarray(factors))
        return path[times]

    def hyperparameters(self, steps: IntArray) -> FloatArray:
        """Return c_w, c_v, A_wv, A_vv, own, common and label of each step (K, 7)."""
        noise = np.divide.outer(np.array(self.noise), self.run.batch_size(steps))
        return np.column_stack([self.run.updates(steps), *noise])

    def unstable_from(self) -> int | None:
        """Return the first step whose hyperparameters, kept for ever, let second moments grow."""
        rates = self.run.lr(self.looks)
        batch_sizes = self.run.batch_size(self.looks)
        momenta = self.run.momentum(self.looks)
        kinds = np.column_stack([batch_sizes, momenta])
        beyond = np.zeros(rates.size, dtype=bool)
        # for each batch size and momentum the largest learning rates are compared with the edge
        unique, kind = np.unique(kinds, axis=0, return_inverse=True)
        for i, (batch, momentum) in enumerate(unique):
            here = kind.ravel() == i
            largest = float(rates[here].max())
            if not self._contracts(largest, float(batch), float(momentum)):
                edge = self.critical_lr(float(batch), float(momentum))
                beyond[here] = rates[here] >= edge
        return int(self.looks[beyond.argmax()]) if beyond.any() else None

    def homogenized_critical_lr(self, batch_size: float | None = None) -> float:
        """Return 2 b/tr H, where the kernel of homogenised SGD has mass 1."""
        batch = self.run.sgd.batch_size if batch_size is None else batch_size
        moved = self.nodes.h > 0
        fed = (self.nodes.fed * self.nodes.weight)[moved]  # sums of h^2
        trace = float(np.sum(fed / self.nodes.h[moved]))
        return 2 * batch / (self.noise.common * trace)

    def homogenized_unstable_from(self) -> int | None:
        """Return the first step at whose learning rate homogenised SGD grows."""
        edges = self.homogenized_critical_lr(1.0) * self.run.batch_size(self.looks)
        beyond = self.run.lr(self.looks) >= edges
        return int(self.looks[beyond.argmax()]) if beyond.any() else None

    def critical_lr(self, batch_size: float | None = None, momentum: float | None = None) -> float:
        """Return the learning rate at the edge of mean-square stability, by bisection."""
        sgd = self.run.sgd
        batch = sgd.batch_size if batch_size is None else batch_size
        m = sgd.momentum if momentum is None else momentum
        unit = Coefficients(1.0, m, sgd.gradient_weight, sgd.nesterov)
        low = 0.0
        high = unit.largest_stable_curvature() / float(self.nodes.kappa.max())
        for _ in range(60):
            middle = (low + high) / 2
            if self._contracts(middle, batch, m):
                low = middle
            else:
                high = middle
        return high

    def _contracts(self, lr: float, batch_size: float, momentum: float) -> bool:
        """Return whether second moments stay bounded under constant hyperparameters."""
        if lr == 0:
            return True
        sgd = self.run.sgd
        coefficients = Coefficients(lr, momentum, sgd.gradient_weight, sgd.nesterov)
        return contracts(self.nodes, coefficients, self.noise.of_batch(batch_size))

    def _nodes_after(self, steps: int) -> Nodes:
        """Return the nodes after a number of steps."""
        nodes = self.nodes
        for start, stop, constant in self.run.stretches():
            if start >= steps or not nodes.total < OVERFLOW:
                break
            none = np.zeros(0, dtype=np.int64)
            end = min(stop, steps)
            nodes = self._pass(nodes, start, end, constant, none, np.zeros(0), none)
        return nodes

    def _pass(
        self,
        nodes: Nodes,
        start: int,
        stop: int,
        constant: bool,
        times: IntArray,
        found: FloatArray,
        inside: NDArray[np.bool_] | IntArray,
    ) -> Nodes:
        """Fill in T at the times within a stretch; return the nodes at its end."""
        totals = np.full(times.shape, np.inf)
        walk_to = stop
        if constant and stop - start > WORTH:
            walk_to = self._far_from(nodes, start, stop)
        begun, first = nodes, start
        while first < walk_to and nodes.total < OVERFLOW:
            last = min(first + CHUNK, walk_to)
            path, nodes = walked(nodes, self.hyperparameters(np.arange(first, last)))
            here = (times >= first) & (times < last)
            totals[here] = path[times[here] - first]
            first = last
        if walk_to < stop:
            step = self._step(start)
            far = times >= walk_to
            totals[far] = totals_at(begun, step, times[far] - start)
            nodes = nodes_at(begun, step, float(stop - start))
        found[inside] = totals
        return nodes

    def _far_from(self, nodes: Nodes, start: int, stop: int) -> int:
        """Return the step from which a constant stretch is passed by the contour, or `stop`."""
        step = self._step(start)
        coefficients = self.run.coefficients(start)
        if coefficients.lr == 0 or not contracts(nodes, coefficients, step.noise):
            return min(stop, start + MOST_WALKED)
        settling = int(min(settling_time(nodes, step), 1e15)) + 1
        return min(start + max(WORTH // 10, settling), stop)

    def _step(self, at: int) -> Step:
        factors = self.hyperparameters(np.array([at]))
        c_w, c_v, q, m, own, common, label = factors[0]
        return Step(c_w, c_v, q, m, NoiseFactors(own, common, label))
