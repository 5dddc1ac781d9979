"""Claims whose truth is known: chains of independent draws of a named law."""

from dataclasses import dataclass

import numpy as np
import sympy

from linsgd.judge.acceptance import Acceptance
from linsgd.judge.claim import Claim, Enclosure, Simulation, Source
from linsgd.judge.intervals import KnownSkewness
from linsgd.judge.observables import Linear

MILD = KnownSkewness(0.0)


@dataclass(frozen=True)
class Draws:
    """An experiment whose chains are independent draws of d coordinates."""

    law: str
    d: int = 1
    cost: int = 1

    def fingerprint(self):
        return f"{self.law} {self.d}"

    def sample(self, chains, seed):
        rows = [
            np.random.default_rng([seed, block])
            for block in range(chains.start // 256, chains.stop // 256)
        ]
        draws = {
            "normal": lambda rng: rng.normal(1.0, 1.0, (256, self.d)),
            "event": lambda rng: (rng.random((256, self.d)) < 0.3).astype(float),
            "diverged": lambda rng: np.where(rng.random((256, self.d)) < 0.01, np.inf, 1e200),
            "uniform": lambda rng: rng.random((256, self.d)),
        }[self.law]
        return np.concatenate([draws(rng) for rng in rows])[None]


def claim(
    law="normal",
    prediction=(1.0,),
    width=0.05,
    premise=MILD,
    mutants=None,
    slug="mean",
    cost=1,
):
    prediction = np.array(prediction)
    d = prediction.size
    wrong = {"half": prediction / 2, "double": prediction * 2} if mutants is None else mutants
    return Claim(
        id=f"synthetic/{slug}",
        problem="synthetic",
        statement="The mean is what it is.",
        citation="none",
        latex=r"\mu",
        mathml="<math></math>",
        source=Source.NEW,
        formula=sympy.Symbol("mu"),
        regime="independent draws",
        components=tuple(f"coordinate {i}" for i in range(d)),
        prediction=prediction,
        acceptance=Acceptance.interval(prediction, width, "a twentieth"),
        mutants=wrong,
        evidence=Simulation(
            experiment=Draws(law, d, cost),
            observable=Linear(np.zeros(d), np.eye(d)),
            premise=premise,
        ),
    )


def numerical(lower, upper):
    made = claim()
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    ends = np.array([lower]), np.array([upper])
    return Claim(**fields | {"evidence": Enclosure(enclose=lambda: ends)})
