# Two commands on a fresh machine with Python 3.11 and make: `make run` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing
BENCHMARKING := $(VENV)/.benchmarking

.PHONY: help run test lint format docs up bench truth clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --constraint constraints.txt
	touch $@

$(DEVELOPING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs,object-storage,postgres,workers]' --constraint constraints.txt
	touch $@

$(BENCHMARKING): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]' --constraint constraints.txt
	touch $@

run: $(INSTALLED)  ## set up, run the whole loop on a simulated market, show what it found
	$(BIN)/amc-learning demo

test: $(DEVELOPING) lint  ## set up, then lint, types, import contracts, tests
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --hypothesis-profile ci

lint: $(DEVELOPING)  ## format check, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg

format: $(DEVELOPING)  ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEVELOPING)  ## build the documentation site into site/; open site/index.html
	$(BIN)/zensical build --strict --clean

up: $(INSTALLED)  ## Dagster UI and daemon on loopback
	$(BIN)/amc-learning up

bench: $(BENCHMARKING)  ## benchmarks, written to benchmarks/README.md (half an hour); ONLY=drain for one of them
	$(BIN)/python -m benchmarks $(addprefix --only ,$(ONLY))

truth: $(DEVELOPING)  ## measure every guarantee of docs/methods.md and write docs/evidence.md (about 40 minutes of two cores)
	$(BIN)/python -m amc_learning_tests.truth.evidence --workers 2

clean:  ## remove the environment, caches and every table of the embedded warehouse
	rm -rf $(VENV) site .cache *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find data -mindepth 1 ! -name README.md -delete
