"""Numbers from formulas, the same numbers from matrices, and where to draw the points."""

import functools

import mpmath as mp
import numpy as np
from hypothesis import strategies as st
from sympy import Indexed, lambdify

from linsgd.symbolic.symbols import beta, eta, h_lambda, k

REGIMES = ("underdamped", "critical", "overdamped", "alternating")

real = np.vectorize(mp.mpf, otypes=[object])


@functools.cache
def explicit(derivation, name=None):
    """The formula without the letters that its derivation defines."""
    return derivation.explicit(name)


@functools.cache
def function(formula):
    """The formula lambdified, and its letters."""
    letters = tuple(sorted(formula.free_symbols, key=str))
    return lambdify(letters, formula, "mpmath"), letters


def evaluate(formula, values):
    """Call the lambdified formula at {letter: number}; a letter without a number is a KeyError."""
    call, letters = function(formula)
    value = call(*(mp.mpf(values[letter]) for letter in letters))
    return np.array(value.tolist()) if isinstance(value, mp.matrix) else value


def per_mode(formula, spectrum, chi, values):
    """Evaluate a formula in h[l] and chi[l] along the spectrum."""
    numbers = {"h": spectrum, "chi": chi}
    indexed = {str(atom.base): atom for atom in formula.atoms(Indexed)}
    modes = [
        {atom: numbers[name][m] for name, atom in indexed.items()} for m in range(len(spectrum))
    ]
    return np.array([formula.subs(mode).subs(values) for mode in modes])


def assert_close(got, want, scale=None):
    """Assert agreement to 1e-10 of the largest entry, or of `scale`."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert np.max(abs(got - want)) <= 1e-10 * (np.max(abs(want)) if scale is None else scale)


@st.composite
def modes(draw, regime, theory="exact"):
    """{letter: number} of lr, momentum, steps and the curvature of a mode inside `regime`."""
    momentum, lr = draw(st.floats(0.05, 0.98)), draw(st.floats(1e-3, 2.0))
    inside = draw(st.floats(0.02, 0.98))
    if theory == "exact":
        edges = {
            "overdamped": (0.0, (1 - momentum**0.5) ** 2),
            "critical": ((1 - momentum**0.5) ** 2,) * 2,
            "underdamped": ((1 - momentum**0.5) ** 2, (1 + momentum**0.5) ** 2),
            "alternating": ((1 + momentum**0.5) ** 2, 2 * (1 + momentum)),
        }[regime]
    else:
        edge = (1 - momentum) ** 2 / (2 * (1 + momentum))
        edges = {
            "overdamped": (0.0, edge),
            "critical": (edge, edge),
            "underdamped": (edge, 2 * (1 + momentum)),
        }[regime]
    product = edges[0] + inside * (edges[1] - edges[0])
    return {eta: lr, beta: momentum, h_lambda: product / lr, k: draw(st.integers(1, 200))}


def step_matrices(lr, momentum, curvature, dampening=0.0, nesterov=False):
    """One step of torch's SGD as matrices (M, N) of (x, v), written out from torch's loop."""
    lr, momentum, curvature, dampening = map(mp.mpf, (lr, momentum, curvature, dampening))

    def step(x, v, noise):
        gradient = curvature * x + noise
        buffer = momentum * (-v) + (1 - dampening) * gradient
        return real([x - lr * (gradient + momentum * buffer if nesterov else buffer), -buffer])

    return np.column_stack([step(1, 0, 0), step(0, 1, 0)]), step(0, 0, 1)


def drift(lr, momentum, curvature):
    """The drift matrix A of the Langevin equation."""
    lr, momentum, curvature = map(mp.mpf, (lr, momentum, curvature))
    mass = lr * (1 + momentum) / 2
    return real([[0, -1], [curvature / mass, (1 - momentum) / mass]])


def solve(operator, right):
    """Solve operator(C) = right, linear in a matrix C, as one system of linear equations."""
    n = right.size
    columns = [operator(real(np.eye(n)[i]).reshape(right.shape)).ravel() for i in range(n)]
    solution = mp.lu_solve(
        mp.matrix(np.column_stack(columns).tolist()), mp.matrix(right.ravel().tolist())
    )
    return np.array(list(solution)).reshape(right.shape)


def exponential(matrix):
    """The exponential of a matrix."""
    return np.array(mp.expm(mp.matrix(matrix.tolist())).tolist())
