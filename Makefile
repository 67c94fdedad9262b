# One word per chore. Each sets up what it needs in .venv, once; Python 3.11 and pip are enough to begin with.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# A process for each core. The tests of a file stay together: they share what is dear to set up, and in interop/ a record.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test check format unit interop reliability fuzz bench peers build clean

help: ## print these words
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 13

demo: .venv/.package ## install the package alone and let it show itself
	$(BIN)/dicomnet demo

test: check ## style, types and every test: what must pass before a change goes in
	$(PYTEST)

check: .venv/.dev ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev ## put the code into its one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: .venv/.dev ## the tests that need nothing but this checkout
	$(PYTEST) tests

interop: .venv/.dev ## the tests against real peers; those not installed are skipped, with the reason
	$(PYTEST) interop

reliability: .venv/.dev ## hostile peers, kills, power cuts and crowds, all of it; as root it can mount; half an hour
	@$(BIN)/python -m reliability

fuzz: .venv/.fuzz ## bytes that atheris chooses, a minute for each target; FUZZ='--seconds 600' takes longer
	@$(BIN)/python -m fuzz $(FUZZ)

bench: .venv/.bench ## how we do beside the peers that are installed, measured here; BENCH='--scale 0.2' is quicker
	@$(BIN)/python -m bench $(BENCH)
	@$(BIN)/python -m bench.measures

peers: .venv/.bench ## the peers that package registries have, into .bench/
	@$(BIN)/python -m bench.install

build: .venv/.dev ## wheel and source archive, into dist/
	$(BIN)/python -m build

clean: ## remove what the chores left; the next one sets up again
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .venv/.package .venv/.dev .venv/.bench .venv/.fuzz
	find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +

# Debian splits ensurepip off its Python: there the pip that is installed brings the one inside .venv.
.venv/bin/python:
	$(PYTHON) -m venv .venv >/dev/null 2>&1 || { $(PYTHON) -m venv --without-pip .venv \
		&& $(PYTHON) -m pip --python .venv/bin/python install --quiet pip; }

.venv/.package: pyproject.toml | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ .venv/.package

.venv/.fuzz: pyproject.toml | .venv/bin/python
	$(PIP) --editable '.[fuzz]'
	@touch $@ .venv/.package

.venv/.bench: pyproject.toml | .venv/bin/python
	$(PIP) --editable '.[bench]'
	@touch $@ .venv/.package
