r"""The discrete algorithm x' = x - lr L'(x) + noise as a Markov chain.

The transition density is integrated by Gauss panels (`position_chain`), with momentum over pairs of
positions (`pair_chain`). Stationary law and passage times are found without subtraction
(`elimination`). From a start x between the nodes x_j of weights w_j a passage takes

    1 + sum_j p(x, x_j) w_j u_j

steps, u_j those from the nodes. The batches of a finite sum have no density: their jumps are
widened by Gaussian noise in proportion to the spacing, and the answers, which err by its square and
its fourth power, are extrapolated to none.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from linsgd import domains
from linsgd.domains import FloatArray
from linsgd.optimizers.sgd import SGD
from linsgd.problems.potentials import FiniteSum
from linsgd.theory.fokker_planck.jumps import Jumps
from linsgd.theory.fokker_planck.log_number import (
    UNRESOLVED,
    LogNumber,
    extrapolated,
    log_number,
)
from linsgd.theory.fokker_planck.pair_chain import PairChain
from linsgd.theory.fokker_planck.position_chain import PositionChain

POINTS = 600
LARGEST_CHANGE = 0.5  # of log of a number between two resolutions
REACH, SHORTER = 9.0, 8.0  # of velocities, in standard deviations, at the two resolutions
MOST_LEAVE = 1e-10  # of the stationary steps, beyond the domain
ROUNDING = 1e-12  # of sums over all nodes

Chain: TypeAlias = PositionChain | PairChain


class MarkovKernel:
    r"""The chain x' = update(x) + momentum (x - previous x) + std(x) z on an interval.

    Parameters
    ----------
    update : callable
        The mean of the next position from rest, vectorised: x - lr L'(x) for SGD.
    std : float or callable
        Standard deviation of the step's noise, positive: lr sqrt(C(x)/batch_size) for SGD. The
        z are independent standard normal variables.
    domain : tuple of float
        The interval (low, high), wide enough that steps beyond its ends are negligible: they are
        drawn again.
    points : int
        About the number of nodes, from 40 to 3000. The noise must be at least twice the distance of
        nodes, 1.3 times with momentum, also at the coarse resolution of 3/4 of them.
    momentum : float
        In [0, 1). The cost grows as points/(1 - momentum^2)^(3/2), so that few points serve.

    Raises
    ------
    ValueError
        If a value lies outside its domain, or the points are too far apart for the noise.

    See Also
    --------
    Diffusion1D : The diffusion in its place.

    References
    ----------
    .. [1] W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
       distributions for Markov chains", Operations Research 33 (1985).

    Examples
    --------
    >>> import linsgd
    >>> chain = linsgd.fokker_planck.MarkovKernel(
    ...     lambda x: x - 0.05 * (x**3 - x), 0.1, (-2.5, 2.5), points=200
    ... )
    >>> f"{chain.mean_first_passage_time(-1.0, 1.0).value:.6f}"
    '1318.318774'
    """

    def __init__(
        self,
        update: Callable[[FloatArray], FloatArray],
        std: Any,
        domain: tuple[float, float],
        points: int = POINTS,
        momentum: float = 0.0,
    ) -> None:
        if not callable(update):
            domains.refuse_type("update", update, "a function of an array")
        fixed = None if callable(std) else domains.real("std", std, "(0, inf)")
        scale = std if fixed is None else lambda x: np.full(x.shape, fixed)
        self._momentum = domains.real("momentum", momentum, "[0, 1)")
        self._prepare(Jumps.gaussian(update, scale), domain, points)

    @classmethod
    def of_batches(
        cls, potential: FiniteSum, sgd: SGD, domain: tuple[float, float], points: int = POINTS
    ) -> "MarkovKernel":
        """Return the chain of SGD on a finite sum, whose minibatches are the noise.

        Parameters
        ----------
        potential : FiniteSum
            In one dimension, of at most 1000 different batches.
        sgd : SGD
            lr and batch_size; independent batches drawn with replacement, without momentum.
        domain, points
            As for the class.

        Raises
        ------
        ValueError
            If an argument lies outside its domain or asks for anything else.

        Examples
        --------
        >>> import linsgd
        >>> two = linsgd.potentials.FiniteSum([[0, -1, 0.5], [0, 1, 0.5]])
        >>> chain = linsgd.fokker_planck.MarkovKernel.of_batches(
        ...     two, linsgd.SGD(lr=0.5), (-1.3, 1.3), points=200
        ... )
        >>> round(chain.spectral_gap().value, 6)  # lr times the curvature
        0.5
        """
        domains.exact_type("potential", potential, (FiniteSum,))
        domains.exact_type("sgd", sgd, (SGD,))
        if potential.dimension != 1:
            domains.refuse("potential", potential, "finite sums in one dimension")
        for name in ("momentum", "dampening", "weight_decay", "nesterov"):
            if getattr(sgd, name):
                domains.refuse(name, getattr(sgd, name), "0 or False on batches of a finite sum")
        if sgd.sampling != "independent" or not sgd.replacement:
            given = f"{sgd.sampling!r}, replacement {sgd.replacement}"
            domains.refuse("sampling", given, "'independent' with replacement on a potential")
        chain = cls.__new__(cls)
        chain._momentum = 0.0
        chain._prepare(Jumps.of_batches(potential, sgd), domain, points)
        return chain

    def stationary_law(self) -> tuple[FloatArray, FloatArray]:
        """Return the nodes (M,) and the stationary density (M,) at them, per unit of x.

        The jumps of batches are widened: theirs is the density of a smoothed law.
        """
        chain = self._chains()[0]
        return chain.nodes, chain.stationary / chain.weights

    def occupation(self, low: float, high: float) -> LogNumber:
        """Return the stationary probability of an interval.

        Parameters
        ----------
        low, high : float
            Inside the domain, low < high.
        """
        low = domains.real("low", low, f"[{self.low!r}, {self.high!r}]")
        high = domains.real("high", high, f"({low!r}, {self.high!r}]")
        return self._limit([chain.occupation(low, high) for chain in self._chains((low, high))])

    def mean_first_passage_time(self, start: float, target: float) -> LogNumber:
        """Return the mean number of steps from rest at a point until the chain passes another.

        Parameters
        ----------
        start, target : float
            Inside the domain, different. Passing means being at the target or beyond it.
        """
        inside = f"[{self.low!r}, {self.high!r}]"
        start = domains.real("start", start, inside)
        target = domains.real("target", target, inside)
        if start == target:
            domains.refuse("target", target, f"any point but the start {start}")
        return self._limit([chain.passage(start, target) for chain in self._chains((target,))])

    def spectral_gap(self) -> LogNumber:
        """Return 1 - |mu| for the second largest eigenvalue mu of the chain, per step.

        Notes
        -----
        A mu near 1 keeps its digits however small the gap is. With momentum, mu is sought near 1.
        """
        return self._limit([chain.gap() for chain in self._chains()])

    def _prepare(self, jumps: Jumps, domain: tuple[float, float], points: int) -> None:
        try:
            low, high = domain
        except (TypeError, ValueError):
            domains.refuse("domain", domain, "a pair (low, high) of numbers")
        self.low = domains.real("domain[0]", low)
        self.high = domains.real("domain[1]", high, f"({self.low!r}, inf)")
        self.points = domains.integer("points", points, "[40, 3000]")
        self._jumps = jumps
        self._whole: list[Chain] = []
        self._check_wide()

    def _chains(self, cuts: tuple[float, ...] = ()) -> list[Chain]:
        """Return the chains of all resolutions, the finest first, with edges at the cuts."""
        if cuts:
            return self._built(cuts)
        if not self._whole:
            self._whole = self._built(())
        return self._whole

    def _built(self, cuts: tuple[float, ...]) -> list[Chain]:
        counts = [self.points, self.points * 3 // 4]
        if self._momentum:
            target = cuts[0] if len(cuts) == 1 else None
            sizes = zip(counts, (REACH, SHORTER), strict=True)
            ends = (self._momentum, self.low, self.high)
            return [PairChain(self._jumps, *ends, n, reach, target) for n, reach in sizes]
        if self._jumps.std is None:
            counts.append(self.points // 2)
        return [PositionChain(self._jumps, self.low, self.high, n, cuts) for n in counts]

    def _limit(self, found: list[float]) -> LogNumber:
        """Return the number whose values at the resolutions are given."""
        values = np.array(found)
        if not np.all(values > 0):
            return UNRESOLVED
        logs = np.log(values).tolist()
        if max(logs) - min(logs) > LARGEST_CHANGE:
            return UNRESOLVED
        if len(logs) == 2:
            return log_number(logs[0], logs[1], ROUNDING)
        # what steps without a density give is not smooth in the spacing: the whole correction
        return log_number(extrapolated(logs).log, logs[0], rounding=ROUNDING)

    def _check_wide(self) -> None:
        """Refuse a domain that steps leave, by the coarsest chain."""
        coarse = self._chains()[-1]
        leak = coarse.leak()
        if not leak <= MOST_LEAVE:
            given = f"({self.low:g}, {self.high:g}), which {leak:.2g} of the steps leave"
            domains.refuse("domain", given, f"left by at most {MOST_LEAVE:g}: widen it")
