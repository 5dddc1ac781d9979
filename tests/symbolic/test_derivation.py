"""A derivation as an object: copied and pickled whole, read by SymPy, given numbers, printed."""

import copy
import pickle

import numpy as np
import pytest
import sympy
from sympy import Matrix, Symbol

import linsgd
from linsgd import symbolic
from linsgd.symbolic.symbols import b, beta, eta, h, h_lambda, lam, sigma, t

from .every import EVERY

ONE = linsgd.LinearRegression.gaussian([1.1], noise_std=0.7)
ISOTROPIC = linsgd.LinearRegression.gaussian([1.1, 1.1, 1.1], noise_std=0.7)
UNEVEN = linsgd.LinearRegression.gaussian([1.1, 0.3], noise_std=0.7, optimum=[1.0, 2.0])
MOMENTUM = linsgd.SGD(lr=0.05, batch_size=4, momentum=0.9)


class TestCopies:
    @pytest.mark.cases(20)
    @pytest.mark.parametrize("name", EVERY)
    def test_every_derivation_survives_a_pickle(self, name):
        derivation = EVERY[name]()
        loaded = pickle.loads(pickle.dumps(derivation))
        assert loaded == derivation
        assert hash(loaded) == hash(derivation)
        assert [sympy.srepr(step.formula) for step in loaded] == [
            sympy.srepr(step.formula) for step in derivation
        ]

    @pytest.mark.parametrize("name", ["stationary_covariance exact True", "gradient_noise"])
    @pytest.mark.parametrize("method", [copy.copy, copy.deepcopy])
    def test_copies_are_equal(self, name, method):
        derivation = EVERY[name]()
        assert method(derivation) == derivation
        assert method(derivation.steps[-1]) == derivation.steps[-1]

    def test_sympys_own_pickle_of_the_same_formulas_loses_them(self):
        """The twin: without care an equation of a matrix becomes False."""
        lost = sympy.Eq(Symbol("P"), sympy.eye(2) * h, evaluate=False)
        assert pickle.loads(pickle.dumps(lost)) is sympy.false
        unevaluated = symbolic.update_rule(True)["transition"]
        assert pickle.loads(pickle.dumps(symbolic.stationary_covariance().result)) != (
            symbolic.stationary_covariance().result
        )
        assert unevaluated == pickle.loads(pickle.dumps(symbolic.update_rule(True))).result

    def test_an_equation_stays_one_whatever_is_put_into_it(self):
        equation = symbolic.stationary_covariance("langevin").formula
        assert isinstance(equation.subs(beta, 0.9), symbolic.Equation)
        assert isinstance(pickle.loads(pickle.dumps(equation)), symbolic.Equation)
        assert symbolic.Equation(h, h).lhs == h  # and not True


class TestSymPy:
    variance = symbolic.stationary_covariance("langevin")

    def test_a_derivation_is_taken_for_its_explicit_result(self):
        first_order = symbolic.autocorrelation("diffusion")
        assert sympy.sympify(self.variance) == self.variance.explicit()
        assert sympy.simplify(first_order - sympy.exp(-h_lambda * t / (1 - beta))) == 0
        assert sympy.diff(first_order, t) == first_order.explicit().diff(t)
        assert sympy.latex(sympy.sympify(first_order)) == sympy.latex(first_order.explicit())

    def test_solve_and_lambdify(self):
        threshold = symbolic.moment_threshold(4)
        roots = sympy.solve(threshold.subs(b=1, d=1, h=1), eta)
        assert len(roots) == 3
        decay = sympy.lambdify([h_lambda, t, beta], symbolic.autocorrelation("diffusion"))
        assert decay(1.0, 2.0, 0.5) == pytest.approx(np.exp(-4.0))

    def test_it_iterates_over_its_steps(self):
        assert list(self.variance) == list(self.variance.steps)
        assert len(self.variance) == len(self.variance.steps)
        assert self.variance.steps[0] in self.variance


class TestLetters:
    variance = symbolic.stationary_covariance("langevin")

    def test_letters_by_name(self):
        found = self.variance.symbols
        assert found["eta"] is eta
        assert found["sigma_g"] == Symbol("sigma_g", positive=True)
        assert symbolic.moment_recursion(2).symbols["lam"] is lam
        assert list(found) == sorted(found)

    def test_numbers_by_name(self):
        values = {"eta": 0.1, "beta": 0.9, "b": 4, "h": 2.0, "h_lambda": 2.0, "sigma": 0.7}
        want = 0.1 * 0.7**2 / (2 * 4 * 0.1)
        assert float(self.variance.subs("position", **values)) == pytest.approx(want)
        matrix = self.variance.subs(**values)
        assert isinstance(matrix, sympy.MatrixBase)
        assert float(matrix[0, 0]) == pytest.approx(want)

    def test_a_defined_letter_may_be_given_a_number(self):
        given = self.variance.subs("position", sigma_g=1, eta=0.1, beta=0.9)
        assert given.free_symbols == {h_lambda}
        assert float(given.subs(h_lambda, 1)) == pytest.approx(0.5)

    def test_letters_without_a_number_stay(self):
        assert self.variance.subs("position", eta=0.1).free_symbols == {beta, b, h, h_lambda, sigma}

    def test_a_function_of_the_letters(self):
        function = self.variance.lambdify("position")
        arguments = {"b": 4, "beta": 0.9, "eta": np.array([0.1, 0.2]), "h": 1.0, "sigma": 1.0}
        np.testing.assert_allclose(function(**arguments, h_lambda=1.0), [0.125, 0.25])
        matrix = self.variance.lambdify(letters=["eta", "beta", "sigma_g", "h_lambda"])
        np.testing.assert_allclose(matrix(0.1, 0.9, 1.0, 1.0), [[0.5, 0], [0, 1 / 0.19]])
        decayed = symbolic.moment_recursion(1).lambdify("e", modules="mpmath")
        assert float(decayed(0.1, 0.5, 2)) == pytest.approx(0.1)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda d: d.subs(lr=0.1), "values = 'lr' is outside its domain: one of 'P', 'b'"),
            (lambda d: d.lambdify(letters=["eta"]), r"letters = \('eta',\) .* also b, beta, h"),
            (lambda d: d["energy"], "name = 'energy'"),
            (lambda d: d.explicit("energy"), "name = 'energy'"),
        ],
    )
    def test_unknown_letters_are_named(self, call, message):
        with pytest.raises(ValueError, match=message):
            call(self.variance)


class TestNumbersOfAProblem:
    @pytest.mark.parametrize("theory", ["exact", "langevin", "diffusion"])
    def test_stationary_variance(self, theory):
        sgd = linsgd.SGD(lr=0.05, batch_size=4, momentum=0.9, weight_decay=0.1)
        got = symbolic.stationary_covariance(theory).at(ISOTROPIC, sgd, "position")
        want = linsgd.stationary_moments(ISOTROPIC, sgd, theory).position_variance[0]
        assert float(got) == pytest.approx(want, rel=1e-12, abs=0)

    def test_the_mode_counts(self):
        derivation = symbolic.stationary_covariance("langevin")
        law = linsgd.stationary_moments(UNEVEN, MOMENTUM, "langevin")
        for mode in (0, 1):
            got = derivation.at(UNEVEN, MOMENTUM, "velocity", mode=mode)
            assert float(got) == pytest.approx(law.velocity_variance[mode], rel=1e-12, abs=0)

    def test_dampening_weight_decay_and_the_optimum(self):
        sgd = linsgd.SGD(lr=0.1, momentum=0.5, dampening=0.3)
        got = symbolic.stationary_covariance().at(ONE, sgd, "velocity")
        want = linsgd.stationary_moments(ONE, sgd).velocity_variance[0]
        assert float(got) == pytest.approx(want, rel=1e-12, abs=0)
        shifted = linsgd.LinearRegression.gaussian([1.1], noise_std=0.7, optimum=[2.0])
        sgd = linsgd.SGD(lr=0.1, batch_size=3, weight_decay=0.2)
        law = linsgd.stationary_moments(shifted, sgd)
        second = symbolic.moment_recursion(2).at(shifted, sgd)
        want = law.position_variance[0] + (law.mean[0] - 2.0) ** 2
        assert float(second) == pytest.approx(want, rel=1e-12, abs=0)

    def test_steps_and_times_stay_letters(self):
        path = symbolic.propagator("underdamped").at(ONE, MOMENTUM)
        assert {letter.name for letter in path.free_symbols} == {"k"}
        mean = linsgd.moments(ONE, MOMENTUM, [7], ([1.0], [0.5]))
        moved = np.array(path.subs(dict.fromkeys(path.free_symbols, 7)).evalf(), complex)
        np.testing.assert_allclose(
            (moved @ [1.0, 0.5]).real,
            [mean.mean[0, 0], mean.velocity_mean[0, 0]],
            rtol=1e-9,
        )

    def test_thresholds(self):
        got = symbolic.moment_threshold(2).at(ISOTROPIC, MOMENTUM)
        want = linsgd.stability(ISOTROPIC, MOMENTUM).lr_mean_square
        assert float(got) == pytest.approx(want, rel=1e-9, abs=0)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: symbolic.stationary_covariance().at(UNEVEN, MOMENTUM), "problem.eigenvalues"),
            (
                lambda: symbolic.stationary_covariance().at(
                    linsgd.LinearRegression.from_features(linsgd.UniformFeatures([1.0])), MOMENTUM
                ),
                "problem.features",
            ),
            (
                lambda: symbolic.modified_loss().at(
                    linsgd.LinearRegression.from_data([[1.0], [2.0]], [1.0, 1.0]), MOMENTUM
                ),
                "problem = 'a data set'",
            ),
            (
                lambda: symbolic.stationary_covariance().at(
                    linsgd.LinearRegression.gaussian([1.0], optimum=[1.0]),
                    linsgd.SGD(lr=0.1, weight_decay=0.1),
                ),
                "sgd.weight_decay = 0.1",
            ),
            (
                lambda: symbolic.moment_recursion(2).at(
                    linsgd.LinearRegression.gaussian([1.0], noise="laplace"), linsgd.SGD(lr=0.1)
                ),
                "problem.noise",
            ),
            (
                lambda: symbolic.spectral_function().at(ISOTROPIC, linsgd.SGD(lr=0.1)),
                "problem.dimension = 3",
            ),
            (lambda: symbolic.spectral_function(2).at(ONE, MOMENTUM), "sgd.momentum = 0.9"),
            (
                lambda: symbolic.spectral_function().at(ONE, linsgd.SGD(lr=1.5, weight_decay=1.0)),
                r"lr \* weight_decay = 1.5",
            ),
            (lambda: symbolic.lyapunov_exponent(2).at(ONE, linsgd.SGD(lr=0.1)), "sgd.batch_size"),
            (
                lambda: symbolic.underdamped_sde().at(
                    ONE, linsgd.SGD(lr=0.1, momentum=0.9, dampening=0.1)
                ),
                "sgd.dampening",
            ),
            (
                lambda: symbolic.update_rule().at(
                    ONE, linsgd.SGD(lr=0.1, momentum=0.9, nesterov=True)
                ),
                "sgd.nesterov = True",
            ),
            (lambda: symbolic.update_rule(True).at(ONE, MOMENTUM), "sgd.nesterov = False"),
            (lambda: symbolic.propagator("critical").at(ONE, MOMENTUM), r"lr \* h_lambda = 0.055"),
            (lambda: symbolic.propagator("overdamped").at(ONE, MOMENTUM), r"lr \* h_lambda"),
            (
                lambda: symbolic.propagator("overdamped").at(ONE, linsgd.SGD(lr=0.1)),
                "sgd.momentum = 0.0",
            ),
            (lambda: symbolic.update_rule().at(ONE, MOMENTUM, mode=1), "mode = 1"),
            (lambda: symbolic.update_rule().at(None, MOMENTUM), "problem = None"),
            (lambda: symbolic.update_rule().at(ONE, "sgd"), "sgd = 'sgd'"),
        ],
    )
    def test_what_a_formula_does_not_cover_is_refused_by_name(self, call, message):
        with pytest.raises(ValueError, match=f"^{message}.* is outside its domain"):
            call()

    def test_reshuffled_epochs_are_refused(self):
        data = linsgd.LinearRegression.from_data([[1.0], [2.0]], [1.0, 1.0])
        epochs = linsgd.SGD(lr=0.1, momentum=0.5, sampling="epoch")
        with pytest.raises(ValueError, match=r"sgd.sampling = 'epoch'"):
            symbolic.update_rule().at(data, epochs)
        again = linsgd.SGD(lr=0.1, momentum=0.5, replacement=False)
        assert isinstance(symbolic.update_rule().at(data, again), sympy.MatrixBase)

    def test_the_critical_propagator_covers_its_line(self):
        edge = (1 - np.sqrt(0.81)) ** 2 / 1.1
        critical = symbolic.propagator("critical").at(ONE, linsgd.SGD(lr=edge, momentum=0.81))
        assert {letter.name for letter in critical.free_symbols} == {"k"}


class TestText:
    def test_a_line_for_each_step_and_none_too_long(self):
        for name in ("stationary_covariance exact", "displacement exact underdamped"):
            derivation = EVERY[name]()
            lines = repr(derivation).splitlines()
            assert lines[0] == derivation.title
            assert len(lines) == 1 + len(derivation)
            assert max(map(len, lines)) <= 102
        assert "Var(v) = sigma_g**2/(1 - beta**2)" in str(
            symbolic.stationary_covariance("langevin")
        )

    def test_matrices_are_lists_of_rows(self):
        step = symbolic.update_rule().steps[-1]
        text = "[[1 - eta*h_lambda*(1 - zeta), beta*eta], [-h_lambda*(1 - zeta), beta]]"
        assert repr(step) == f"transition: {text}"

    @pytest.mark.cases(20)
    @pytest.mark.parametrize("name", EVERY)
    def test_the_whole_derivation_as_latex(self, name):
        derivation = EVERY[name]()
        text = derivation.to_latex()
        assert text.startswith("\\begin{align}\n& \\text{")
        assert text.endswith("\n\\end{align}")
        # a row for each reason and one for each formula, all but the last ended
        assert text.count(" \\\\\n") == 2 * len(derivation) - 1
        assert text.count("{") == text.count("}")
        assert text.count("\\notag") == len(derivation)
        assert all(symbolic.latex(step.value) in text for step in derivation)

    def test_words_are_escaped_for_latex(self):
        step = symbolic.Step("n", "h_2 < 1 & 50 % of |x|^p", h)
        text = symbolic.Derivation("title", (step,)).to_latex()
        assert (
            r"\text{h\_2 \textless{} 1 \& 50 \% of \textbar{}x\textbar{}\textasciicircum{}p}"
            in text
        )

    def test_words_are_escaped_for_html(self):
        step = symbolic.Step("n", "1 < 2 & <script>", Matrix([h]))
        page = symbolic.Derivation("a < b", (step,))._repr_html_()
        assert "1 &lt; 2 &amp; &lt;script&gt;" in page
        assert "<b>a &lt; b</b>" in page
