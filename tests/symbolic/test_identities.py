"""Identities that the derived formulas satisfy, and the arguments that derivations refuse."""

import sys
from time import process_time

import pytest
import sympy
from sympy import Function, simplify
from sympy.core.cache import clear_cache

from linsgd import symbolic
from linsgd.symbolic.derivation import Derivation
from linsgd.symbolic.symbols import (
    REFERENCE,
    b,
    beta,
    d,
    delta,
    eta,
    gamma,
    h,
    h_lambda,
    k,
    omega,
    r,
    sigma,
    sigma_g,
    t,
    theta,
    v,
    x,
    zeta,
)

from .every import EVERY

LETTERS = {
    omega**2: {
        "underdamped": gamma**2 + delta**2,
        "critical": gamma**2,
        "overdamped": gamma**2 - delta**2,
    }
}


@pytest.mark.cases(30)
@pytest.mark.parametrize("name", EVERY)
def test_each_call_returns_a_chain_that_ends_in_its_result(name):
    derivation = EVERY[name]()
    assert isinstance(derivation, Derivation)
    assert derivation.result == derivation[derivation.steps[-1].name]
    assert len({step.name for step in derivation.steps}) == len(derivation.steps)
    assert all(step.why[-1] in ".:," or step.why for step in derivation.steps)
    hash(derivation)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "call",
    [
        lambda: symbolic.displacement("exact", "underdamped"),
        lambda: symbolic.lr_expansion("mean", 4),
        lambda: symbolic.moment_recursion(16),
        lambda: symbolic.moment_threshold(8),
    ],
)
def test_the_longest_derivations_take_less_than_ten_seconds(call):
    for module in (
        module for name, module in sys.modules.items() if name.startswith("linsgd.symbolic.")
    ):
        for function in vars(module).values():
            getattr(function, "cache_clear", lambda: None)()
    clear_cache()
    start = process_time()
    call()
    assert process_time() - start < 10


@pytest.mark.parametrize("regime", ["underdamped", "critical", "overdamped"])
def test_the_sde_propagator_solves_its_equation(regime):
    K = symbolic.propagator(regime, "langevin").result.subs(omega**2, LETTERS[omega**2][regime])
    A = sympy.Matrix([[0, -1], [LETTERS[omega**2][regime], 2 * gamma]])
    assert (K.diff(t) + A * K).applyfunc(simplify) == sympy.zeros(2)
    assert K.subs(t, 0) == sympy.eye(2)


@pytest.mark.parametrize(
    ("regime", "trace"),
    [
        ("underdamped", 2 * r * sympy.cos(theta)),
        ("critical", 2 * r),
        ("overdamped", 2 * r * sympy.cosh(theta)),
        ("alternating", -2 * r * sympy.cosh(theta)),
    ],
)
def test_the_exact_response_solves_its_recursion(regime, trace):
    derivation = symbolic.propagator(regime)
    before, now, after = (derivation[name] for name in ("U_{k-1}", "U_k", "U_{k+1}"))
    assert simplify((after - trace * now + r**2 * before).rewrite(sympy.exp)) == 0
    assert now.subs(k, 0) == 0
    assert simplify(now.subs(k, 1)) == 1


def test_the_taylor_step_drops_what_it_says():
    sde = symbolic.underdamped_sde()
    position = Function("x")(t)
    assert sde["dropped"] == eta**2 * (1 - beta) * position.diff(t, 3) / 6
    assert simplify(sde["taylor"] - sde["dropped"] - sde.steps[3].formula.lhs) == 0
    trial = sympy.exp(-h_lambda * t)  # the whole difference on an exponential, to the order kept
    difference = (trial.subs(t, t + eta) - trial - beta * (trial - trial.subs(t, t - eta))) / eta
    kept = sde["taylor"].subs(position, trial).doit()
    assert simplify(sympy.series(difference - kept, eta, 0, 3).removeO()) == 0


def test_the_two_drifts_have_the_rates_of_the_sde():
    sde = symbolic.underdamped_sde()
    rate = sympy.Symbol("rate")
    polynomial = sde["drift"].charpoly(rate).as_expr()
    assert simplify(polynomial - (rate**2 - 2 * sde["gamma"] * rate + sde["omega"])) == 0


def test_the_stationary_density_solves_the_fokker_planck_equation():
    sde, P = symbolic.underdamped_sde(), symbolic.stationary_covariance("langevin").result
    z = sympy.Matrix([x, v])
    density = sympy.exp(-(z.T * P.inv() * z)[0] / 2)
    flux = -sde["drift"] * z * density - sde["diffusion"] / 2 * sympy.Matrix(
        [density.diff(x), density.diff(v)]
    )
    assert simplify(flux[0].diff(x) + flux[1].diff(v)) == 0
    current = symbolic.probability_current()
    assert simplify(flux / density - current.explicit()) == sympy.zeros(2, 1)
    assert current["divergence"] == 0
    assert simplify(current["rotation"] ** 2 - sde["omega"]) == 0


def test_dampening_only_rescales_the_learning_rate_of_the_position():
    """A gradient weighted by 1 - tau is a learning rate smaller by it, and a velocity too."""
    damped = symbolic.stationary_covariance("exact").result
    plain = damped.subs(zeta, 0).subs(eta, eta * (1 - zeta))
    scale = sympy.diag(1, 1 - zeta)
    assert (scale * plain * scale - damped).applyfunc(simplify) == sympy.zeros(2)


def test_the_temperatures_along_each_direction():
    """lr Var(v) / (h Var(w)) = 2 (1 - dampening) / (1 + momentum), for any lr and any noise."""
    P = symbolic.stationary_covariance("exact").result
    assert simplify(eta * P[1, 1] / (h_lambda * P[0, 0]) - 2 * (1 - zeta) / (1 + beta)) == 0


def test_the_excess_loss_is_the_local_displacement():
    """(h / 2) Var(w) = (1 + momentum) / (4 lr) E|w' - w|^2: Yaida's relation, for any noise."""
    P = symbolic.stationary_covariance("exact").result.subs(zeta, 0)
    assert simplify(h_lambda * P[0, 0] / 2 - (1 + beta) / (4 * eta) * eta**2 * P[1, 1]) == 0


def test_nesterov_and_heavy_ball_agree_to_first_order():
    heavy, nesterov = (
        symbolic.stationary_covariance("exact", flag)["position"].subs(zeta, 0)
        for flag in (False, True)
    )
    ratio = sympy.series(simplify(nesterov / heavy), eta, 0, 2).removeO()
    assert simplify(ratio.subs(eta, 0)) == 1
    assert simplify(ratio.coeff(eta, 1)) != 0


def test_the_isotropic_noise_is_that_of_a_flat_spectrum():
    covariance, spectrum = symbolic.stationary_covariance("exact"), symbolic.gradient_noise()
    chi, gain = sympy.Symbol("chi", positive=True), sympy.Symbol("G", positive=True)
    flat = {
        atom: {"h": h, "chi": chi}[str(atom.base)] for atom in spectrum.result.atoms(sympy.Indexed)
    }
    closed = d * spectrum["gain"].function.subs(flat)
    assert simplify(spectrum.result.subs(flat).subs(gain, closed) - covariance["noise"]) == 0


def test_hyperparameters_of_one_stationary_law():
    """The SDE's law depends on lr (1 + momentum) and b (1 - momentum^2) only."""
    P = symbolic.stationary_covariance("langevin").explicit()
    product, temperature = sympy.symbols("A B", positive=True)
    law = P.subs({eta: product / (1 + beta), b: temperature / (1 - beta**2)}).applyfunc(simplify)
    assert beta not in law.free_symbols


def test_the_second_moment_is_that_of_the_covariance():
    """The moment recursion and Lyapunov's equation give one number, in d = 1 without momentum."""
    covariance = symbolic.stationary_covariance("exact").explicit("position")
    undecayed = covariance.subs({d: 1, zeta: 0, beta: 0, h_lambda: h})
    moment = (
        symbolic.moment_recursion(2).explicit().subs(sympy.Symbol("lambda", nonnegative=True), 0)
    )
    assert simplify(undecayed - moment) == 0


def test_no_letter_is_negative_at_the_reference_point():
    assert all(value > 0 for value in REFERENCE.values())
    assert sigma_g not in REFERENCE
    assert sigma in REFERENCE


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: symbolic.propagator("damped"), "regime"),
        (lambda: symbolic.propagator("alternating", "langevin"), "regime"),
        (lambda: symbolic.propagator("critical", "diffusion"), "theory"),
        (lambda: symbolic.stationary_covariance("sgd"), "theory"),
        (lambda: symbolic.stationary_covariance("langevin", nesterov=True), "nesterov"),
        (lambda: symbolic.update_rule("yes"), "nesterov"),
        (lambda: symbolic.autocorrelation("exact", "slow"), "regime"),
        (lambda: symbolic.displacement("euler"), "theory"),
        (lambda: symbolic.lr_expansion("variance"), "quantity"),
        (lambda: symbolic.lr_expansion("mean", 5), "order"),
        (lambda: symbolic.lr_expansion("mean", 1.5), "order"),
        (lambda: symbolic.spectral_function(3), "order"),
        (lambda: symbolic.spectral_function(0), "order"),
        (lambda: symbolic.moment_recursion(0), "order"),
        (lambda: symbolic.moment_threshold(3), "order"),
        (lambda: symbolic.moment_threshold(4, nesterov=True), "order"),
        (lambda: symbolic.modified_loss()["energy"], "name"),
    ],
)
def test_bad_input_is_refused_by_name(call, name):
    with pytest.raises(ValueError, match=f"{name} = .* is outside its domain"):
        call()


class TestPrintedSteps:
    """The steps that nothing is derived from say what is derived."""

    def test_the_second_difference_is_the_update_rule(self):
        letters = [sympy.Symbol(name) for name in ("x_{k-1}", "x_k", "x_{k+1}")]
        before, now, after = letters
        formula = symbolic.underdamped_sde().steps[0].formula
        g = sympy.Symbol("g", real=True)
        step = symbolic.update_rule()
        moved = step["position"].subs(zeta, 0).subs(sympy.Symbol("v_k"), (now - before) / eta)
        assert simplify(formula.lhs.subs(after, moved) - formula.rhs) == 0
        assert simplify(formula.lhs.subs(after, moved + eta) - formula.rhs) != 0
        assert g in step["position"].free_symbols

    def test_the_printed_sde_has_the_derived_drift_and_noise(self):
        sde = symbolic.underdamped_sde()
        position, velocity, wiener = (Function(name)(t) for name in ("x", "v", "W"))
        noise = wiener.diff(t)
        rates = sde.formula.rhs
        assert sde.formula.lhs == sympy.Matrix([position.diff(t), velocity.diff(t)])
        drift = -sde["drift"] * sympy.Matrix([position, velocity])
        assert (sde.explicit("sde").subs(noise, 0) - drift).applyfunc(simplify) == sympy.zeros(2, 1)
        assert rates[0].coeff(noise) == 0
        assert simplify(rates[1].coeff(noise) ** 2 - sde["diffusion"][1, 1]) == 0

    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_the_printed_update_has_the_moments_of_the_recursion(self, order):
        derivation = symbolic.moment_recursion(order)
        names = {letter.name: letter for letter in derivation["update"].free_symbols}
        X, Z, u = names["X"], names["Z"], sympy.Symbol("u", positive=True)
        power = sympy.expand(derivation["update"].subs(X, u**2) ** order)
        mean = sympy.Integer(0)
        for (normal, root), factor in sympy.Poly(power, Z, u).terms():
            # u^2 = X is chi-square, E X^n = b (b + 2) ...; E Z^2 = 1 and odd powers vanish
            chi_square = sympy.prod(b + 2 * i for i in range(root // 2))
            mean += factor * chi_square * {0: 1, 2: 1}.get(normal, 0)
        for j in range(order, 0, -1):
            mean = mean.subs(x**j, sympy.Symbol(f"m_{j}", real=True)).expand()
        kept = {sympy.Symbol(f"kappa_{order}", real=True): derivation[f"kappa_{order}"]}
        assert simplify(mean - derivation["recursion"].subs(kept)) == 0

    @pytest.mark.parametrize(("theory", "lag"), [("exact", k), ("langevin", t), ("diffusion", t)])
    def test_correlations_are_printed_over_their_own_lag(self, theory, lag):
        assert symbolic.autocorrelation(theory).formula.lhs == Function("R")(lag)
