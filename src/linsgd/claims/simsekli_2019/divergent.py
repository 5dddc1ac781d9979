r"""An index below 2 from a recursion that has no stationary law at all.

SGD of batch 1 on isotropic Gaussian features without label noise multiplies |w - w*|^2 in each step
by an independent factor

    G = 1 - 2 lr z^2 + lr^2 z^2 (z^2 + q),    z ~ N(0, 1), q ~ chi2_{d-1},

so that log|w_K - w*|^2 is a sum of K independent terms and nearly normal, of variance K Var log G.
Over m chains of one coordinate the block estimate of 1/alpha has the mean

    [E log(R_1^2 + ... + R_m^2) - E log R^2]/(2 log m),
    E log S = int_0^inf (e^-t - E e^{-t S})/t dt,

which falls below 2 as the variance grows with K: it measures the time since the start. Published
estimates of multi-pass SGD (d = 100, batch 1, 1000 steps) lie there.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import sympy
from scipy.stats import chi2

from linsgd.claims.gradient_draws import OverDraws
from linsgd.claims.problems import NamedProblem
from linsgd.claims.simsekli_2019.paper import simsekli
from linsgd.domains import FloatArray
from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Draft, Simulation, Source
from linsgd.judge.experiment import canonical
from linsgd.judge.intervals import BLOCK, KnownVariance

DIMENSION = 100
LRS = (0.0247, 0.0310, 0.0394)  # above 2/(d + 2), beyond which E|w|^2 diverges
PUBLISHED = (1.853, 1.429, 0.935)  # after 1000 steps, read from the authors' data
STEPS, EARLY = 1000, 250
CHAINS = 30  # of a block, about the root of the number of steps
TOLERANCE = 0.05
CITATION = (
    "K. Lehman Pavasovic, A. Durmus, U. Simsekli: Approximate heavy tails in offline (multi-pass) "
    "stochastic gradient descent. 2023 (arXiv:2310.18455), by its data; the block length is not "
    "known and the last iterate stands for an average"
)

m, K = sympy.symbols("m K", positive=True)
INDEX, S_M, S_1 = sympy.symbols("alpha_hat S_m S_1")
E = sympy.Function("E")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RadialChains:
    """Chains of one coordinate of w - w*, from a random direction, in blocks of `members`.

    Attributes
    ----------
    lrs : tuple of float
        Learning rates, which share the draws.
    dimension, steps, early, members : int
        d, the steps at the end, those at which the last lr is seen too, and chains a block.
    """

    lrs: tuple[float, ...]
    dimension: int
    steps: int
    early: int
    members: int

    @property
    def cost(self) -> int:
        """Steps of a block for each learning rate."""
        return self.steps * self.members * len(self.lrs)

    def fingerprint(self) -> str:
        """Return a hash of what is simulated."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()

    def sample(self, chains: range, seed: int) -> FloatArray:
        """Return coordinates (members, len(chains), len(lrs) + 1) at the end and early.

        Each is divided by its typical growth, which the block estimate does not see.
        """
        drifts = [step_moments(lr, self.dimension)[0] for lr in self.lrs]
        blocks = []
        for number in range(chains.start // BLOCK, chains.stop // BLOCK):
            rng = np.random.default_rng([seed, number])
            logs = np.zeros((len(self.lrs) + 1, self.members, BLOCK))
            for step in range(self.steps):
                z = rng.standard_normal((self.members, BLOCK)) ** 2
                q = rng.chisquare(self.dimension - 1, (self.members, BLOCK))
                for i, lr in enumerate(self.lrs):
                    logs[i] += np.log(1 - lr * z * (2 - lr * (z + q))) - drifts[i]
                if step + 1 == self.early:
                    logs[-1] = logs[len(self.lrs) - 1]
            first = rng.standard_normal((self.members, BLOCK))
            others = rng.chisquare(self.dimension - 1, (self.members, BLOCK))
            direction = first / np.sqrt(first**2 + others)
            blocks.append((np.exp(logs / 2) * direction).transpose(1, 2, 0))
        return np.concatenate(blocks, axis=1)


@simsekli.claim(on="law", core=False)
def a_divergent_recursion_gives_the_published_indices(named: NamedProblem) -> Draft:
    """Apply the block estimator to chains above the threshold, after 1000 and 250 steps."""
    spreads = [step_moments(lr, DIMENSION)[1] for lr in LRS]
    variances = STEPS * np.array(spreads)
    early = EARLY * spreads[-1]
    theory = np.array([block_inverse_mean(v, CHAINS) for v in [*variances, early]])
    published = np.append(1 / np.array(PUBLISHED), theory[-1])
    late = np.array([block_inverse_mean(4 * v, CHAINS) for v in [*variances, early]])
    everywhere = np.append(variances, early)
    # log of a sum of independent exponentials varies no more than one of its terms
    logs = everywhere / 4 + np.pi**2 / 8
    deviation = np.sqrt(logs) + np.sqrt(logs / CHAINS)
    return Draft(
        statement=(
            "The published indices below 2 of multi-pass SGD are those of a recursion without "
            "stationary law: the block estimate matches them after as many steps, and falls with "
            "the number of steps."
        ),
        source=Source.FOLLOW_UP,
        citation=CITATION,
        formula=sympy.Eq(
            E(1 / INDEX), (E(sympy.log(S_M)) - E(sympy.log(S_1))) / (2 * sympy.log(m))
        ),
        regime=(
            f"isotropic Gaussian features, d = {DIMENSION}, batch 1, no label noise, blocks of "
            f"{CHAINS} chains; the variance of the logarithms is known"
        ),
        components=(
            *(f"1/alpha after {STEPS} steps, lr {lr:g}" for lr in LRS),
            f"1/alpha after {EARLY} steps, lr {LRS[-1]:g}",
        ),
        prediction=published,
        acceptance=Acceptance.interval(
            published, TOLERANCE, "0.05 in 1/alpha: what an unknown block length changes"
        ),
        mutants={
            "a law with moments of order 2": np.full(4, 0.5),
            "no dependence on the steps": np.append(published[:-1], published[-2]),
            "four times the steps": late,
        },
        evidence=_measurement(deviation),
        approximation_error=float(np.abs(theory - published).max()) / TOLERANCE,
    )


def _measurement(deviation: FloatArray) -> Simulation:
    """Return the simulation of blocks whose 1/alpha has a known standard deviation."""
    chains = RadialChains(lrs=LRS, dimension=DIMENSION, steps=STEPS, early=EARLY, members=CHAINS)
    return Simulation(
        experiment=chains,
        observable=OverDraws(np.eye(4), ((0, CHAINS),) * 4),
        premise=KnownVariance((deviation / np.log(CHAINS)) ** 2),
    )


def step_moments(lr: float, dimension: int) -> tuple[float, float]:
    """Return mean and variance of log G."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    q = chi2.ppf((np.arange(4000) + 0.5) / 4000, dimension - 1)
    z = nodes[:, None] ** 2
    logs = np.log1p(-lr * z * (2 - lr * (z + q)))
    mean = float(weights @ logs.mean(axis=1))
    square = float(weights @ (logs**2).mean(axis=1))
    return mean, square - mean**2


def block_inverse_mean(variance: float, chains: int) -> float:
    """Return [E log(S_1 + ... + S_m) - E log S_1]/(2 log m), log S normal of a variance."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(160)
    weights = weights / weights.sum()
    step = 0.01
    log_t = np.arange(-60.0, 60.0, step) + step / 2
    t = np.exp(log_t)
    sizes = np.exp(np.sqrt(variance) * nodes)
    transform = np.exp(-np.multiply.outer(t, sizes)) @ weights
    log_sum = step * float(np.sum(np.exp(-t) - transform**chains))
    return log_sum / (2 * float(np.log(chains)))
