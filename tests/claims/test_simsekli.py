"""Numbers behind the claims about stable noise and about networks, by other means."""

import math

import numpy as np
import pytest

import linsgd
from linsgd.claims import registry
from linsgd.claims.simsekli_2019 import divergent, networks
from linsgd.claims.simsekli_2019.digits_networks import network_gradients, softmax_gradients
from linsgd.claims.simsekli_2019.stable_noise import StableSGD, stationary_scale, survival
from linsgd.estimate import tail_controls


@pytest.mark.parametrize("gradients", [softmax_gradients, network_gradients])
def test_the_recipe_on_drawn_normal_noise_gives_the_predicted_index(gradients):
    live, width, added = networks._live(gradients())
    rng = np.random.default_rng(0)
    # normal noise of the covariance of batches, from the rows themselves
    noise = rng.normal(size=(1000, len(live))) @ live / math.sqrt(len(live) * networks.BATCH)
    used = noise[:, : live.shape[1] // width * width].reshape(1000, -1, width)
    logs = np.log(np.abs(used.sum(axis=2)) + added).mean(axis=1)
    singles = np.log(np.abs(used) + added).mean(axis=(1, 2))
    found = (logs - singles) / math.log(width)
    error = found.std() / math.sqrt(1000)
    assert abs(found.mean() - networks._normal_index(live, width, added)) < 5 * error


def test_the_controls_name_the_artefacts_of_a_network():
    gradients = network_gradients()
    chosen = np.random.default_rng(0).integers(len(gradients), size=(600, 100))
    found = tail_controls(gradients[chosen].mean(axis=1))
    causes = {str(cause) for cause in found.causes}
    assert {"zeros", "correlation", "anisotropy"} <= causes
    assert "tail" not in causes
    assert found["zeros masked"].value < 1.2 < found["per coordinate"].value


@pytest.mark.parametrize("lr", [0.05, 0.4])
def test_the_stationary_scale_is_a_fixed_point(lr):
    alpha, factor = 1.5, 1 - lr
    scale = float(stationary_scale(alpha, np.array([factor]), np.array([lr]))[0])
    again = (abs(factor * scale) ** alpha + lr**alpha) ** (1 / alpha)
    assert again == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_survival_is_that_of_simulated_chains(alpha):
    chains = StableSGD(
        alpha=alpha, factors=np.array([0.9]), scales=np.array([0.15]), steps=20
    ).sample(range(20_480), 3)
    stayed = float(np.mean(chains[1] <= 1.0))
    exact = survival(alpha, 0.9, 0.15, 1.0, 20)
    assert abs(stayed - exact) < 5 * math.sqrt(exact * (1 - exact) / 20_480)
    assert survival(alpha, 0.9, 0.15, 1.0, 1) == pytest.approx(
        1 - 2 * float(linsgd.Stable(alpha, 0.15).sf(1.0)), rel=1e-9
    )


def test_exits_of_normal_noise_fall_exponentially_in_the_batch():
    (claim,) = registry.claims("simsekli_2019/normal_exit_is_exponential_in_the_batch")
    one, two, four = -np.log1p(-claim.prediction)
    # log rate is nearly linear in b: twice the batch costs the same factor again and again
    slope = math.log(one / two)
    assert math.log(two / four) > 1.5 * slope
    assert math.log(two / four) == pytest.approx(2 * slope, rel=0.25)


@pytest.mark.parametrize("variance", [0.1, 3.0])
def test_the_index_of_a_divergent_recursion_by_drawing(variance):
    rng = np.random.default_rng(0)
    radii = np.exp(np.sqrt(variance) / 2 * rng.normal(size=(20_000, 30)))
    x = radii * rng.normal(size=radii.shape)
    found = (np.log(np.abs(x.sum(axis=1))) - np.log(np.abs(x)).mean(axis=1)) / math.log(30)
    error = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - divergent.block_inverse_mean(variance, 30)) < 5 * error


def test_the_steps_of_a_divergent_recursion_by_walking():
    rng, d, lr = np.random.default_rng(1), 100, 0.03
    w, x = rng.normal(size=(2, 20_000, d))
    after = w - lr * x * np.sum(x * w, axis=1, keepdims=True)
    logs = np.log(np.sum(after**2, axis=1) / np.sum(w**2, axis=1))
    mean, variance = divergent.step_moments(lr, d)
    assert abs(logs.mean() - mean) < 5 * math.sqrt(variance / len(logs))
    assert logs.var() == pytest.approx(variance, rel=0.1)
    # the mean square diverges above 2/(d + 2)
    assert np.mean(np.exp(logs)) == pytest.approx(1 - 2 * lr + (d + 2) * lr**2, abs=0.01)
    assert min(divergent.LRS) > 2 / (d + 2)
