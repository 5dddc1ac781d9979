r"""The knowledge beforehand of the observables of SGD's chains, and the chains that are drawn.

A linear observable has the exact law's variance. Of a quadratic one the skewness is known, from the
draws of all rows (`linsgd.theory.discrete.draws`): no sample would show a row that is hardly ever
drawn. Its variance is estimated, to say beforehand how many chains it takes. Where single rows make
it so skewed that plain chains are no use, chains are drawn in strata, by how often they draw those
rows (`linsgd.montecarlo.strata`); then each chain carries a weight, and the rest of the rows sets
the skewness. What is left out of it, the feedback of the state on its own noise and the place of a
draw in time, is not rare: the sample shows it, and a sample more skewed than was stated takes as
many chains as it says.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from linsgd import domains
from linsgd.claims.experiment import StratifiedChains
from linsgd.claims.products import products
from linsgd.domains import FloatArray
from linsgd.judge.claim import Draft, Simulation
from linsgd.judge.intervals import BLOCK, ENOUGH, KnownSkewness, KnownVariance, Premise, Unknown
from linsgd.judge.judge import EFFORT, LOOKS, doubt
from linsgd.judge.observables import (
    Displacement,
    LaggedProduct,
    Linear,
    Observable,
    Quadratic,
    Stack,
    Total,
    Weighted,
)
from linsgd.montecarlo.strata import Strata, stratum_probabilities
from linsgd.problems.labels import GaussianNoise, LaplaceNoise, RademacherNoise
from linsgd.theory.discrete.draws import LARGEST_GAIN, LIGHT_FEATURES, Draws, draws
from linsgd.theory.discrete.quadratic_forms import form_variance

if TYPE_CHECKING:
    from linsgd.claims.case import Case

FEW = 2**17  # chains: where more would be needed, strata are tried
INFLUENCE = 8.0  # what one draw adds, in variances: below it a row needs no strata
WITHIN = 16.0  # rows of a stratum have an influence within this factor of the largest
OF_STRATA = 8.0  # the least skewness of weighted chains, which that of their sample may exceed
OFTEN = 6.0  # draws of the marked rows on average: beyond it they are not rare
SHARES = np.array([0.25, 0.4, 0.2, 0.08, 0.04, 0.03])  # of the mean, carried by 0, 1, ..., 5 draws
LIGHT_NOISE = (GaussianNoise, RademacherNoise, LaplaceNoise, type(None))

Directions = NDArray[np.float64]


def measurement(case: "Case", observable: Observable) -> Simulation:
    """Return how an observable of a case's chains is measured.

    Parameters
    ----------
    case : Case
        The optimizer, the problem and its exact law.
    observable : Observable
        Linear or quadratic in the states.

    Returns
    -------
    Simulation
        In plain chains or in strata, with what is known beforehand.

    Raises
    ------
    ValueError
        If the observable is of another kind, whose premise must be given.
    """
    read = np.hstack([*_directions(observable)])
    if case.sgd.sampling == "independent" and _is_linear(observable):
        return _plain(case, observable, KnownVariance(_variance(case, observable)))
    if type(case.problem.features) not in LIGHT_FEATURES or (
        type(case.problem.noise) not in LIGHT_NOISE
    ):
        return _plain(case, observable, Unknown("the moments of this law are not known"))
    single = _draws(case)
    skewness = _of_read(single, read)
    mild = single.gain <= LARGEST_GAIN
    if mild and ENOUGH * skewness**2 <= FEW:
        return _plain(case, observable, _skewed(case, observable, skewness))
    marked = _marked(case, single)
    if marked.any():
        rest = draws(case.problem, case.sgd, case.law, case.start, left_out=marked)
        if rest.gain <= LARGEST_GAIN:
            return _stratified(case, observable, marked, _of_read(rest, read))
    if mild:
        return _plain(case, observable, _skewed(case, observable, skewness))
    rows = ", ".join(map(str, np.flatnonzero(single.strong)[:5]))
    return _plain(case, observable, Unknown(f"row {rows} multiplies its own residual"))


def first_decidable(drafts: Iterable[Draft]) -> Draft:
    """Return the first draft that quick effort decides for sure, else the last draft.

    Parameters
    ----------
    drafts : iterable of Draft
        One claim at several settings of the optimizer, the preferred one first.

    Returns
    -------
    Draft
        A simulated claim.
    """
    for draft in drafts:
        assert isinstance(draft.evidence, Simulation)
        affordable = EFFORT["quick"] / draft.evidence.experiment.cost
        if not doubt(draft, int(min(affordable, LOOKS[-1] * BLOCK))):
            break
    return draft


def _skewed(case: "Case", observable: Observable, skewness: float) -> KnownSkewness:
    """Return the premise of plain chains, with an estimate of the variance where there is one."""
    if case.sgd.sampling != "independent":
        return KnownSkewness(skewness)
    forms = products(case, observable)
    variance = form_variance(case.problem, case.sgd, case.law, case.start, forms)
    return KnownSkewness(skewness, variance)


def _plain(case: "Case", observable: Observable, premise: Premise) -> Simulation:
    return Simulation(experiment=case.experiment, observable=observable, premise=premise)


def _stratified(
    case: "Case", observable: Observable, marked: NDArray[np.bool_], skewness: float
) -> Simulation:
    """Measure in strata by the draws of the marked rows."""
    plain, rows = case.experiment, np.flatnonzero(marked)
    begin = case.steps[-1] - _window(case, marked)
    probability = stratum_probabilities(
        case.problem, case.sgd, len(rows), case.steps[-1] - begin, len(SHARES)
    )
    possible = probability > 0
    wanted = BLOCK * (probability + 3 * SHARES)[possible] / 4
    chains = np.maximum(np.floor(wanted), 2).astype(int)
    chains[0] += BLOCK - chains.sum()
    return Simulation(
        experiment=StratifiedChains(
            problem=plain.problem,
            sgd=plain.sgd,
            steps=plain.steps,
            start=plain.start,
            strata=Strata(rows, begin, tuple(map(int, chains))),
        ),
        observable=Weighted(observable),
        premise=KnownSkewness(max(skewness, OF_STRATA)),
    )


def _marked(case: "Case", single: Draws) -> NDArray[np.bool_]:
    """Return the rows (N,) whose draws are to be counted; none where that is not possible."""
    none = np.zeros_like(single.strong)
    if case.sgd.sampling != "independent" or not case.named.finite:
        return none
    influence = single.influence
    marked = single.strong | (influence >= max(INFLUENCE, influence.max() / WITHIN))
    if not marked.any():
        return none
    often = case.sgd.batch_size * _window(case, marked) * marked.sum() / len(marked)
    return marked if often <= OFTEN and not marked.all() else none


def _window(case: "Case", marked: NDArray[np.bool_]) -> int:
    """Return how many of the last steps count draws: twice the rows' memory before the first look.

    A draw that is forgotten by itself may have been multiplied by a second one.
    """
    first = 2 * int(_draws(case).memory[marked].max())
    return min(case.steps[-1], case.steps[-1] - case.steps[0] + first)


@lru_cache(maxsize=8)
def _draws(case: "Case") -> Draws:
    return draws(case.problem, case.sgd, case.law, case.start)


def _of_read(single: Draws, directions: Directions) -> float:
    """Return the skewness of what is read: of w, of v or the larger one."""
    d = len(directions) // 2
    w = single.position if directions[:d].any() else 0.0
    v = single.velocity if directions[d:].any() else 0.0
    return max(w, v)


def _is_linear(observable: Observable) -> bool:
    parts = observable.parts if isinstance(observable, Stack) else (observable,)
    return all(isinstance(part, Linear) for part in parts)


def _variance(case: "Case", observable: Observable) -> FloatArray:
    """Return the exact variance (m,) of linear observables."""
    parts = observable.parts if isinstance(observable, Stack) else (observable,)
    law, variances = case.law, []
    for part in parts:
        assert isinstance(part, Linear)
        ww, wv, vv = (
            matrix[part.at]
            for matrix in (
                law.position_covariance(),
                law.cross_covariance(),
                law.velocity_covariance(),
            )
        )
        covariance = np.block([[ww, wv], [wv.T, vv]])
        variances.append(((covariance @ part.directions) * part.directions).sum(axis=0))
    return np.concatenate(variances)


def _directions(observable: Observable) -> list[Directions]:
    """Return the directions (2 d, p) along which an observable reads the states."""
    if isinstance(observable, Linear | Displacement):
        return [observable.directions]
    if isinstance(observable, Quadratic | LaggedProduct):
        return [observable.left, observable.right]
    if isinstance(observable, Stack | Total):
        return [directions for part in observable.parts for directions in _directions(part)]
    return domains.refuse(
        "observable", observable, "linear and quadratic ones, unless a premise is given"
    )
