"""`check_feature_law` accepts the laws that ship and rejects laws that contradict themselves."""

import numpy as np
import pytest

import linsgd
from linsgd.testing import check_feature_law

LAWS = {
    "gaussian": linsgd.GaussianFeatures([1.0, 0.3, 1e-6]),
    "gaussian, correlated": linsgd.GaussianFeatures([[2.0, 1.0], [1.0, 2.0]]),
    "rademacher": linsgd.RademacherFeatures([1.0]),
    "rademacher with a null direction": linsgd.RademacherFeatures([1.0, 0.0, 0.3]),
    "uniform": linsgd.UniformFeatures([1.0, 0.5]),
    "student, dof 12": linsgd.StudentFeatures([1.0, 0.5], dof=12),
    "student, dof 5": linsgd.StudentFeatures([1.0, 0.5], dof=5),
    "student without a fourth moment": linsgd.StudentFeatures([1.0], dof=3),
    "data": linsgd.FiniteData([[1.0, 2.0], [2.0, 0.0], [0.3, 1.0]], [1.0, 2.0, 3.0]),
}


class Laplace:
    """Independent double-exponential features of unit variance: E z^4 = 6."""

    def __init__(self, d=2):
        self.dimension = d

    def second_moment(self):
        return np.ones(self.dimension)

    def fourth_moment(self, M):
        return 2 * M + np.trace(M) * np.eye(len(M)) + 3 * np.diag(np.diag(M))

    def sample(self, n, rng):
        return rng.laplace(scale=np.sqrt(0.5), size=(n, self.dimension))


@pytest.mark.parametrize("name", LAWS)
def test_the_laws_that_ship_are_accepted(name):
    found = check_feature_law(LAWS[name], samples=2**18)
    assert found.samples == 2**18
    assert found.false_alarm == 1e-6
    if "student" not in name:
        assert found.one_sided == 0
    elif "dof 12" not in name:
        assert found.one_sided > 0


def test_a_law_of_ones_own_is_accepted():
    assert check_feature_law(Laplace()).comparisons == 17


@pytest.mark.parametrize("dof", [5, 9])
def test_heavy_laws_are_rejected_no_more_often_than_is_said(dof):
    """60 checks at a rate of 1e-6 each: one rejection has probability below 1e-4."""
    for seed in range(60):
        check_feature_law(linsgd.StudentFeatures([1.0, 0.5], dof=dof), samples=4000, seed=seed)


def contradicting(**methods):
    """A Laplace law with other methods."""
    return type("Contradicting", (Laplace,), methods)()


CONTRADICTIONS = {
    "variance too large by 3 %": (
        {"sample": lambda self, n, rng: np.sqrt(1.03) * Laplace.sample(self, n, rng)},
        "contradicts second_moment",
    ),
    "variance too small by 3 %": (
        {"sample": lambda self, n, rng: np.sqrt(0.97) * Laplace.sample(self, n, rng)},
        "contradicts second_moment",
    ),
    "correlated": (
        {"sample": lambda self, n, rng: Laplace.sample(self, n, rng) @ [[1, 0.1], [0, 0.995]]},
        "contradicts second_moment",
    ),
    "normals for Laplace variables": (
        {"sample": lambda self, n, rng: rng.standard_normal((n, 2))},
        "contradicts fourth_moment",
    ),
    "Laplace variables for normals": (
        {"fourth_moment": lambda self, M: 2 * M + np.trace(M) * np.eye(2)},
        "contradicts fourth_moment",
    ),
    "one scale shared by the coordinates": (
        {"sample": lambda self, n, rng: rng.standard_normal((n, 2)) * rng.exponential(1, (n, 1))},
        "contradicts",
    ),
    "transposed": (
        {"sample": lambda self, n, rng: Laplace.sample(self, n, rng).T},
        r"sample\(7, rng\) has shape \(2, 7\)",
    ),
    "seeds of its own": (
        {"sample": lambda self, n, rng: Laplace.sample(self, n, np.random.default_rng(0))},
        "the sampler seeds itself",
    ),
    "no seed": (
        {"sample": lambda self, n, rng: Laplace.sample(self, n, np.random.default_rng())},
        "equal seeds give different samples",
    ),
    "integers": (
        {"sample": lambda self, n, rng: rng.integers(0, 2, (n, 2))},
        "numbers of type int64",
    ),
    "not finite": (
        {"sample": lambda self, n, rng: np.full((n, 2), np.inf)},
        "not finite",
    ),
    "a property for a method": (
        {"second_moment": property(lambda self: np.ones(2))},
        "drop its @property",
    ),
    "second moment of another dimension": (
        {"second_moment": lambda self: np.eye(3)},
        r"second_moment\(\) has shape \(3, 3\)",
    ),
    "fourth moment of another shape": (
        {"fourth_moment": lambda self, M: np.ones(2)},
        r"fourth_moment\(M\) has shape \(2,\)",
    ),
    "fourth moment without a trace": (
        {"fourth_moment": lambda self, M: 2 * M + np.sum(M) * np.eye(2)},
        "not self-adjoint",
    ),
    "fourth moment not symmetric": (
        {"fourth_moment": lambda self, M: M @ [[3.0, 1.0], [0.0, 3.0]]},
        "not symmetric",
    ),
    "fourth moment not linear": (
        {"fourth_moment": lambda self, M: M @ M},
        "not linear",
    ),
    "fourth moment too small for any law": (
        {"fourth_moment": lambda self, M: 0.1 * Laplace.fourth_moment(self, M)},
        r"below \(E\|x\|\^2\)\^2",
    ),
    "fourth moment changes its argument": (
        {"fourth_moment": lambda self, M: M.__imul__(2)},
        "changes its argument",
    ),
    "fourth moment is no number": (
        {"fourth_moment": lambda self, M: np.full((2, 2), np.nan)},
        "no number",
    ),
    "no whole dimension": ({"dimension": property(lambda self: 2.0, lambda self, d: None)}, "2.0"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_law_that_contradicts_itself_is_rejected(name):
    methods, message = CONTRADICTIONS[name]
    with pytest.raises(AssertionError, match=message):
        check_feature_law(contradicting(**methods))


def test_a_principal_axes_law_must_be_symmetric_about_0():
    class Skewed(linsgd.GaussianFeatures):
        def white(self, shape, rng):
            return rng.choice([-0.5, 2.0], shape, p=[0.8, 0.2])

        @property
        def excess(self):
            return 0.8 * 0.5**4 + 0.2 * 2.0**4 - 3

    law = Skewed([1.0])
    with pytest.raises(AssertionError, match=r"contradicts symmetry about 0: the mean of tanh"):
        check_feature_law(law)


def test_samples_leave_the_range_of_the_second_moment():
    law = contradicting(
        second_moment=lambda self: np.array([1.0, 0.0]),
        fourth_moment=lambda self, M: np.diag([6.0 * M[0, 0], 0.0]),
    )
    with pytest.raises(AssertionError, match="leaves the range of H"):
        check_feature_law(law, samples=1000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"law": Laplace}, "law = "),
        ({"law": np.ones(2)}, "law = "),
        ({"law": Laplace(), "samples": 10}, "samples = 10"),
        ({"law": Laplace(), "seed": -1}, "seed = -1"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        check_feature_law(**arguments)
