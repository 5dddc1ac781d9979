# Each target installs what it needs into .venv; Python 3.11 or later and make are enough to begin.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: validate test lint docs bench evidence

validate: .venv/validate.installed ## judge the core claims, on a Gaussian problem and on the diabetes data
	$(BIN)/linsgd validate --out linsgd-report

test: .venv/test.installed ## run the tests, without those that take minutes or a GPU
	$(BIN)/pytest -n auto --dist loadgroup

lint: .venv/lint.installed ## style, types and the walls between the rooms
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: .venv/docs.installed ## build the documentation; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "The documentation is at docs/_build/html/index.html"

bench: .venv/bench.installed ## time the ensembles against NumPy and JAX, predictions against SciPy and stepping
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/moments.py
	$(BIN)/python benchmarks/tails.py
	$(BIN)/python benchmarks/risk.py
	$(BIN)/python benchmarks/langevin.py > benchmarks/LANGEVIN.txt
	$(BIN)/python benchmarks/stable.py
	$(BIN)/python benchmarks/optimizers.py

evidence: .venv/validate.installed ## judge every claim at full effort and keep the report
	$(BIN)/linsgd validate --campaign full --out validation/full

.venv/pip.installed:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" # the first to know dependency groups
	@touch $@

.venv/validate.installed: .venv/pip.installed pyproject.toml
	$(BIN)/pip install --quiet --editable ".[data]"
	@touch $@

.venv/docs.installed: .venv/pip.installed pyproject.toml
	$(BIN)/pip install --quiet --editable ".[docs]"
	@touch $@

.venv/%.installed: .venv/pip.installed pyproject.toml
	$(BIN)/pip install --quiet --editable ".[all]" --group $*
	@touch $@
