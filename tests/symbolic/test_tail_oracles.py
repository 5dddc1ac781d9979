"""Spectral functions, moments and thresholds against Gauss quadrature and mpmath.

Gauss quadrature is exact for polynomials.
"""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import roots_genlaguerre, roots_hermitenorm

import linsgd
from linsgd import symbolic
from linsgd.symbolic.symbols import b, d, eta, h, lam, s, sigma, w_star

from .evaluate import assert_close, evaluate, explicit

batches, decays = st.integers(1, 12), st.floats(0, 0.5)


def chi_square(dof, n=12):
    """Nodes and weights of a chi-square law; a point at 0 without degrees of freedom."""
    if dof == 0:
        return np.zeros(1), np.ones(1)
    nodes, weights = roots_genlaguerre(n, dof / 2 - 1)
    return 2 * nodes, weights / weights.sum()


def growth(order, lr, batch, decay, features, variance):
    """h(order): the mean growth of |w|^order in a step."""
    (X, p), (Y, q) = chi_square(batch), chi_square(features - 1)
    a, c = 1 - lr * decay, lr * variance / batch
    square = (a - c * X[:, None]) ** 2 + c**2 * X[:, None] * Y
    return p @ square ** (order // 2) @ q


@pytest.mark.parametrize("order", [2, 4, 6, 8])
@given(batch=batches, features=st.integers(1, 12), decay=decays, lr=st.floats(0.01, 3))
def test_even_spectral_functions_are_means_over_the_radial_law(order, batch, features, decay, lr):
    values = {eta: lr, lam: decay, b: batch, d: features, h: 1.3}
    got = evaluate(explicit(symbolic.spectral_function(order)), values)
    assert_close(got, growth(order, lr, batch, decay, features, 1.3))


@given(batch=batches, decay=decays, lr=st.floats(0.05, 1.5), order=st.floats(0.1, 6))
def test_closed_form_in_one_dimension_is_the_integral(batch, decay, lr, order):
    a, c, k = 1 - mp.mpf(lr) * decay, mp.mpf(lr) / batch, mp.mpf(batch) / 2

    def integrand(root):  # X = root^2 takes the singularity at 0 away
        X = root**2
        return abs(a - c * X) ** order * root ** (batch - 1) * mp.exp(-X / 2)

    integral = mp.quad(
        integrand, [0, mp.sqrt(a / c) / 2, mp.sqrt(a / c), mp.sqrt(a / c) + 4, mp.inf]
    )
    values = {eta: lr, lam: decay, b: batch, h: 1.0, s: order}
    got = evaluate(explicit(symbolic.spectral_function()), values)
    assert_close(got, integral * 2 / (2**k * mp.gamma(k)))


@given(batch=batches, decay=decays, lr=st.floats(0.05, 1.5), order=st.sampled_from([2, 4, 6]))
def test_closed_form_meets_the_polynomials(batch, decay, lr, order):
    values = {eta: lr, lam: decay, b: batch, d: 1, h: 1.0, s: order}
    closed = evaluate(explicit(symbolic.spectral_function()), values)
    assert_close(closed, evaluate(explicit(symbolic.spectral_function(order)), values))


@pytest.mark.cases(2)
@pytest.mark.parametrize("order", [1, 2, 3, 4, 6, pytest.param(8, marks=pytest.mark.nightly)])
@given(batch=batches, decay=decays, inside=st.floats(0.05, 0.9), center=st.floats(-2, 2))
def test_stationary_moments_do_not_change_in_a_step(order, batch, decay, inside, center):
    lr = inside * threshold(max(order + order % 2, 2), batch, 1, decay, 1.3)
    values = {eta: lr, lam: decay, b: batch, h: 1.3, sigma: 0.8, w_star: center}
    derivation = symbolic.moment_recursion(order)
    m = [1.0] + [
        float(evaluate(explicit(derivation, f"m_{j}"), values)) for j in range(1, order + 1)
    ]
    (X, p), (Z, q) = chi_square(batch), roots_hermitenorm(14)
    X, Z = X[:, None], Z[None, :]
    A = 1 - lr * decay - lr * 1.3 / batch * X
    B = lr * 0.8 * 1.3**0.5 / batch * np.sqrt(X) * Z - lr * decay * center
    powers = [
        np.polynomial.polynomial.polypow([1, 1], order)[j] * A**j * B ** (order - j)
        for j in range(order + 1)
    ]
    after = sum(m_j * (p @ power @ q) / q.sum() for m_j, power in zip(m, powers, strict=True))
    size = sum(
        abs(m_j) * (p @ abs(power) @ q) / q.sum() for m_j, power in zip(m, powers, strict=True)
    )
    assert_close(after, m[order], scale=size)


def threshold(order, batch, features, decay, variance):
    """The learning rate at which h(order) = 1, by a root search on the quadrature."""

    def excess(lr):
        return growth(order, lr, batch, decay, features, variance) - 1

    # h(order) is convex in lr, 1 at 0 and below 1 up to the threshold
    high = 1e-3
    while excess(high) <= 0:
        high *= 2
    return brentq(excess, high / 2, high, xtol=1e-300, rtol=1e-15)


@pytest.mark.parametrize("order", [2, 4, 6])
@given(batch=batches, features=st.integers(1, 12))
def test_thresholds_without_decay_are_where_the_growth_is_one(order, batch, features):
    derivation = symbolic.moment_threshold(order)
    want = threshold(order, batch, features, 0.0, 1.3)
    values = {b: batch, d: features}
    if order == 2:
        values |= dict.fromkeys(derivation.result.free_symbols - {b, d}, 0.0) | {h: 1.3}
        values |= {
            letter: 1.3 for letter in derivation.result.free_symbols if letter.name == "h_lambda"
        }
        got = evaluate(derivation.result, values)
    else:
        got = smallest_root(derivation.result.subs(values)) * batch / 1.3
    assert_close(got, want)


def smallest_root(polynomial):
    [letter] = polynomial.free_symbols
    roots = np.roots([float(q) for q in polynomial.as_poly(letter).all_coeffs()])
    return min(root.real for root in roots if abs(root.imag) < 1e-6 * abs(root) and root.real > 0)


@given(batch=batches, features=st.integers(1, 12), decay=decays)
def test_condition_with_decay_holds_at_the_threshold(batch, features, decay):
    lr = threshold(4, batch, features, decay, 1.3)
    values = {eta: lr, lam: decay, b: batch, d: features, h: 1.3}
    derivation = symbolic.moment_threshold(4)
    condition = explicit(symbolic.spectral_function(4))
    assert derivation.steps[-2].formula.lhs == symbolic.spectral_function(4).result
    assert_close(evaluate(condition, values), 1.0)


def test_thresholds_fall_with_the_order():
    at = [threshold(order, 3, 2, 0.1, 1.0) for order in (2, 4, 6)]
    assert at[0] > at[1] > at[2]


@pytest.mark.cases(7)
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 9, 40, 60])
@pytest.mark.parametrize(("lr", "decay"), [(0.4, 0.0), (1.7, 0.3), (2.6, 0.0)])
def test_lyapunov_exponents_are_those_of_theory(batch, lr, decay):
    problem = linsgd.LinearRegression.gaussian([1.3])
    want = linsgd.lyapunov_exponent(
        problem, linsgd.SGD(lr=lr / 1.3, batch_size=batch, weight_decay=decay)
    )
    values = {eta: lr / 1.3, lam: decay, b: batch, h: 1.3}
    with mp.workdps(30 + batch):  # digits that the recursion loses
        got = evaluate(explicit(symbolic.lyapunov_exponent(batch)), values)
    assert abs(got - want.value) <= 1e-10 * abs(want.value)


@pytest.mark.parametrize(
    ("lr", "batch", "order"), [(0.5, 1, 1.3), (0.9, 3, 4.0), (0.2, 10, 7.7), (1.5, 40, 0.5)]
)
def test_the_closed_form_is_that_of_theory(lr, batch, order):
    problem = linsgd.LinearRegression.gaussian([1.3])
    want = linsgd.spectral_function(
        problem, linsgd.SGD(lr=lr, batch_size=batch, weight_decay=0.1), order
    )
    got = evaluate(
        explicit(symbolic.spectral_function()), {eta: lr, lam: 0.1, b: batch, h: 1.3, s: order}
    )
    assert_close(got, want.value)


@pytest.mark.parametrize(
    ("order", "batch", "features"),
    [(2, 3, 1), (4, 1, 1), (4, 7, 1), (4, 2, 6), (6, 5, 1), (6, 2, 4)],
)
def test_thresholds_are_those_of_theory(order, batch, features):
    problem = linsgd.LinearRegression.gaussian([1.3] * features)
    want = linsgd.moment_threshold(problem, linsgd.SGD(lr=1.0, batch_size=batch), order).value
    condition = spectral_polynomial(order, batch, features)
    assert smallest_root(condition) * batch / 1.3 == pytest.approx(want, rel=1e-10, abs=0)


def spectral_polynomial(order, batch, features):
    """(1 - h) / c without weight decay, in c = lr rho / b."""
    from linsgd.symbolic.tails import a, c

    spectral = symbolic.spectral_function(order).result.subs({a: 1, b: batch, d: features})
    return ((1 - spectral) / c).expand()


# where weight decay overshoots


@pytest.mark.parametrize(("lr", "decay"), [(0.5, 3.0), (1.2, 1.0), (0.1, 18.0)])
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 9])
def test_overshot_steps_are_those_of_theory(batch, lr, decay):
    problem = linsgd.LinearRegression.gaussian([1.3])
    sgd = linsgd.SGD(lr=lr, batch_size=batch, weight_decay=decay)
    values = {eta: lr, lam: decay, b: batch, h: 1.3, s: 2.7}
    kappa = linsgd.spectral_function(problem, sgd, 2.7).value
    assert_close(evaluate(explicit(symbolic.spectral_function(s, overshoot=True)), values), kappa)
    got = evaluate(explicit(symbolic.lyapunov_exponent(batch, overshoot=True)), values)
    want = linsgd.lyapunov_exponent(problem, sgd)
    assert abs(got - want.value) <= want.upper - want.value + 1e-12 * max(1, abs(want.value))


def test_polynomials_need_no_overshoot():
    with pytest.raises(ValueError, match="overshoot"):
        symbolic.spectral_function(4, overshoot=True)
    assert_close(
        growth(4, 0.5, 3, 3.0, 2, 1.3), evaluate(explicit(symbolic.spectral_function(4)), OVERSHOT)
    )


OVERSHOT = {eta: 0.5, lam: 3.0, b: 3, d: 2, h: 1.3}


# Goldie's constant


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("order", "batch", "decay"),
    [(2, 1, 0.0), (2, 2, 0.4), (2, 7, 0.0), (4, 1, 0.3), (4, 2, 0.0), (4, 20, 0.0), (6, 3, 0.0)],
)
def test_constants_at_even_exponents_are_those_of_theory(order, batch, decay):
    problem = linsgd.LinearRegression.gaussian([1.3], noise_std=0.8)
    lr = linsgd.moment_threshold(
        problem, linsgd.SGD(lr=1.0, batch_size=batch, weight_decay=decay), order
    ).value
    want = linsgd.tail_constant(problem, linsgd.SGD(lr=lr, batch_size=batch, weight_decay=decay))
    derivation = symbolic.tail_constant(order, batch)
    values = {eta: lr, lam: decay, h: 1.3, sigma: 0.8}
    assert float(evaluate(explicit(derivation), values)) == pytest.approx(
        want.value, rel=1e-9, abs=0
    )
    assert_close(
        evaluate(explicit(symbolic.spectral_function(order)), values | {b: batch, d: 1}), 1.0
    )


def test_constants_at_other_exponents_are_refused():
    for arguments in ((3, 1), (2, 0), (2, 101)):
        with pytest.raises(ValueError, match=r"order|batch"):
            symbolic.tail_constant(*arguments)


def test_a_threshold_is_an_expression_to_be_solved():
    polynomial = symbolic.moment_threshold(4).result.subs({b: 1, d: 1})
    want = linsgd.moment_threshold(
        linsgd.LinearRegression.gaussian([1.0]), linsgd.SGD(lr=1.0), 4
    ).value
    assert smallest_root(polynomial) == pytest.approx(want, rel=1e-10, abs=0)
