# The one list of commands. `.ci/run` calls these and knows no others.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
# The first of these that is recent enough makes the environment; `make PYTHON=/path/to/python3.12 …` names another.
PYTHON := python3 python3.13 python3.12 python3.11
RECENT := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
# What follows the command: `make test ARGS="-k saver"`, `make lock ARGS=--upgrade`.
ARGS :=
# How many processes `make soak` kills.
N := 50

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults soak check bench lock format

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.installed-dev ## Make .venv from the lock files, with all that tests and checks need

demo: $(VENV)/.installed ## Run a whole epic on a sample repository: no key, no Docker, no database of yours
	@$(BIN)/genie demo $(ARGS)

# Compiled tests are kept whatever the environment says: to compile them anew takes each process as long as all its imports.
test: $(VENV)/.installed-dev ## Run the tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

faults: $(VENV)/.installed-dev ## Kill, stop, starve and cut off real processes: all fault tests (docs/faults.md)
	@$(BIN)/pytest -n 2 --dist worksteal -m "faults or slow" tests/faults tests/integration/durability tests/integration/going_back tests/integration/slack \
		tests/acceptance/http tests/acceptance/test_cli_say.py tests/acceptance/test_topology.py $(ARGS)

soak: $(VENV)/.installed-dev ## Kill N random processes under twenty epics, and write docs/soak.md (N=1000)
	@$(BIN)/python -m tests.soak --kills $(N) $(ARGS)

check: $(VENV)/.installed-dev ## Lint, formatting, types, floors, guards
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit/test_house.py

bench: $(VENV)/.installed-dev ## Measure, print a table, write benchmarks/results.json
	@$(BIN)/python -m benchmarks.run $(ARGS)

format: $(VENV)/.installed-dev ## Put every file into the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.installed-dev ## Write the lock files anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	$(LOCK) --extra build --output-file requirements.lock $(ARGS)
	$(LOCK) --extra build --extra graphiti --output-file requirements-graphiti.lock --constraints requirements.lock $(ARGS)
	$(LOCK) --extra build --extra claude --extra graphiti --extra dev --output-file requirements-dev.lock --constraints requirements.lock $(ARGS)

$(BIN)/python:
	@for python in $(PYTHON); do \
		if $$python -c '$(RECENT)' 2>/dev/null; then exec $$python -m venv --clear $(VENV); fi; \
	done; \
	echo "Genie needs Python 3.11, 3.12 or 3.13; python3 here is: $$(python3 --version 2>&1)." >&2; \
	echo "Install one of them, or name it: make PYTHON=/path/to/python3.12 setup" >&2; \
	exit 1

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Genie needs into $(VENV) (once; a minute or two) …"
	@$(PIP) --require-hashes --only-binary :all: --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Genie, its tests and its checks need into $(VENV) (once; a minute or two) …"
	@$(PIP) --require-hashes --only-binary :all: --requirement requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.installed $@
