"""Networks of nodes: growths and thresholds against brute force, one node, and the simulation."""

import numpy as np
import pytest

import linsgd
from linsgd import SGD, LinearRegression
from linsgd.theory.decentralised import moment_growth

ONE = LinearRegression.gaussian([1.0])
TWO = [[0.75, 0.25], [0.25, 0.75]]


@pytest.mark.parametrize(("d", "b"), [(1, 1), (3, 4)])
def test_one_node_is_sgd(d, b):
    problem = LinearRegression.gaussian([0.7] * d)
    expected = linsgd.stability(problem, SGD(0.1, b)).lr_mean_square
    for found in (
        linsgd.decentralised_stability(problem, SGD(0.1, b), [[1.0]]),
        linsgd.decentralised_stability(problem, SGD(0.1, b), np.eye(2)),
        linsgd.local_stability(problem, SGD(0.1, b), 1, 5),
    ):
        assert found.lr_mean_square == pytest.approx(expected, rel=1e-10)
    both = linsgd.local_stability(problem, SGD(0.1, b), 2, 1).lr_mean_square
    doubled = linsgd.stability(problem, SGD(0.1, 2 * b)).lr_mean_square
    assert both == pytest.approx(doubled, rel=1e-10)


def test_even_moments_of_one_node_enclose_the_exponent_of_sgd():
    for lr, b in ((0.4, 1), (0.3, 2)):
        found = linsgd.decentralised_exponent(ONE, SGD(lr, b), [[1.0]])
        exact = linsgd.tail_exponent(ONE, SGD(lr, b)).value
        assert found.lower < exact < found.upper
        for order, growth in zip(found.orders, found.growths, strict=True):
            h = linsgd.spectral_function(ONE, SGD(lr, b), float(order)).value
            assert growth == pytest.approx(h, rel=1e-8)


def test_the_second_moment_of_two_nodes_is_the_same_by_both_computations():
    for lr in (0.2, 0.6):
        own = linsgd.decentralised_stability(ONE, SGD(lr), TWO).growth
        assert moment_growth(np.array(TWO), lr, 1, 2) == pytest.approx(own, rel=1e-12)
    found = linsgd.decentralised_exponent(ONE, SGD(0.3), TWO)
    assert found.lower < found.upper
    # heavier than one node on both batches, lighter than a single node
    centralised = linsgd.tail_exponent(ONE, SGD(0.3, 2)).value
    assert found.upper < centralised


def test_a_gossip_that_never_settles_is_unstable_at_every_lr():
    swap = [[0.0, 1.0], [1.0, 0.0]]
    assert linsgd.decentralised_stability(ONE, SGD(0.1), swap).lr_mean_square == 0


@pytest.mark.parametrize("local_steps", [None, 2])
def test_chains_have_the_second_moments_of_the_recursion(local_steps):
    """Nodes' second moments after 4 steps within 6 standard errors; the other scheme differs."""
    lr, G, b, optimum = 0.3, np.array(TWO), 2, 1.5
    problem = LinearRegression.gaussian([1.0], 0.5, [optimum])

    def walked(local):
        P = np.full((2, 2), optimum**2)
        for k in range(1, 5):
            mixed = np.eye(2) if local else G
            A = mixed - lr * np.eye(2)
            P = A @ P @ A.T + lr**2 * np.diag((2 * np.diag(P) + 0.25) / b)
            P = G @ P @ G.T if local and k % local == 0 else P
        return P

    w = linsgd.decentralised_positions(
        problem, SGD(lr, b), G, 4, chains=100_000, seed=1, local_steps=local_steps
    )
    D = w[..., 0] - optimum
    products = np.stack([D[:, 0] ** 2, D[:, 0] * D[:, 1]], axis=1)
    error = products.std(axis=0) / np.sqrt(len(products))
    right, wrong = walked(local_steps)[0], walked(2 if local_steps is None else None)[0]
    assert (np.abs(products.mean(axis=0) - right) < 6 * error).all()
    assert (np.abs(products.mean(axis=0) - wrong) > 6 * error).any()


def test_data_are_simulated_by_their_rows():
    data = LinearRegression.from_data([[1.0, 0.0], [0.0, 1.0]], [1.0, 2.0])
    w = linsgd.decentralised_positions(data, SGD(0.5, 2), np.full((3, 3), 1 / 3), 60, chains=50)
    assert w == pytest.approx(np.broadcast_to([1.0, 2.0], w.shape), abs=1e-2)


@pytest.mark.parametrize(
    ("gossip", "named"),
    [
        ([[0.5, 0.4], [0.5, 0.5]], "gossip"),
        ([[1.5, -0.5], [0.5, 0.5]], "gossip"),
        ([1.0], "gossip"),
    ],
)
def test_what_is_no_gossip_matrix_is_refused(gossip, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        linsgd.decentralised_stability(ONE, SGD(0.1), gossip)


def test_unequal_features_and_momentum_are_refused():
    with pytest.raises(ValueError, match="equal Gaussian features"):
        linsgd.decentralised_stability(LinearRegression.gaussian([1.0, 0.5]), SGD(0.1), TWO)
    with pytest.raises(ValueError, match=r"^sgd = "):
        linsgd.local_stability(ONE, SGD(0.1, momentum=0.5), 2, 2)
