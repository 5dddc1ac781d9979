"""The functional scaling law and the one-pass chains of the risk curves' claims."""

import numpy as np
import pytest

from linsgd.claims.risk_curves import functional_scaling
from linsgd.claims.risk_curves.one_pass import OnePass, one_pass
from linsgd.problems.power_law import PowerLaw


def test_the_functional_law_is_gradient_flow_with_a_kick_of_noise_after_each_step():
    law, lr = functional_scaling.LAW, np.array([0.3, 0.2, 0.05, 0.4])
    second, spectrum = law.optimum() ** 2, law.eigenvalues()
    for rate in lr:
        second = np.exp(-2 * spectrum * rate) * second + rate**2 / 4 * spectrum
    assert functional_scaling.functional_law(lr) == pytest.approx(spectrum @ second / 2, rel=1e-12)


def test_the_chains_of_one_pass_follow_their_hyperparameters():
    """One chain in plain loops, with the same draws."""
    rng = np.random.default_rng([3, 0])
    chains = OnePass(
        root=np.array([[1.0, 0.2], [0.0, 0.5], [0.3, 0.1]]),
        target=np.array([1.0, -1.0, 0.5]),
        noise_std=0.4,
        lr=np.array([0.1, 0.2]),
        momentum=np.array([0.5, 0.9]),
        batch=np.array([1, 3]),
        steps=(1, 2),
        kept=np.array([0.0, 0.75]),
    )
    found = chains.sample(range(256), 3)[:, 17, 0]
    w, buffer, average = np.zeros(2), np.zeros(2), np.zeros(2)
    R, t = chains.root, chains.target
    best = np.linalg.solve(R.T @ R, R.T @ t)
    for k in range(2):
        z = rng.standard_normal((256, chains.batch[k], 3))[17]
        e = 0.4 * rng.standard_normal((256, chains.batch[k]))[17]
        gradients = [
            (z_i @ R @ w - z_i @ t - e_i) * (z_i @ R) for z_i, e_i in zip(z, e, strict=True)
        ]
        buffer = chains.momentum[k] * buffer + np.mean(gradients, axis=0)
        w = w - chains.lr[k] * buffer
        average = chains.kept[k] * average + (1 - chains.kept[k]) * w
        off = R @ (average - best)
        assert found[k] == pytest.approx(off @ off / 2, rel=1e-12)


def test_the_fingerprint_sees_every_hyperparameter():
    law = PowerLaw(exponent=1.0, source=0.5, dimension=3, noise_std=1.0)
    kinds = [
        one_pass(law, 0.1, 2, (3,)),
        one_pass(law, 0.2, 2, (3,)),
        one_pass(law, 0.1, 3, (3,)),
        one_pass(law, 0.1, 2, (3,), momentum=0.5),
        one_pass(law, 0.1, 2, (3,), kept=np.full(3, 0.5)),
        one_pass(law, 0.1, 2, (4,)),
    ]
    assert len({each.fingerprint() for each in kinds}) == len(kinds)
