# Two commands: `make run` starts the default city, `make test` runs every check and the whole test suite.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SET_UP := $(BIN)/python set_up.py
JOBS ?= 1
WEB := $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)

.PHONY: run test test-long check prove bench bench-signals clean help

run: $(VENV)/.ready ## set everything up and start the default city
	@exec $(BIN)/citybrain up

test: $(VENV)/.ready-dev check ## all checks and the test suite
	$(BIN)/python -m pytest -m "not long"

test-long: $(VENV)/.ready-dev ## what takes minutes: an hour of cologne8 by three seeds, the wheel, kills under load
	$(BIN)/python -m pytest -m long --timeout 1800

check: $(VENV)/.ready-dev ## style, types, dead declarations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

prove: $(VENV)/.ready-dev ## the guard's proof with real timers and on real networks: make prove WORKERS=1
	$(BIN)/python tests/guard/guard_prove.py $(if $(WORKERS),--workers $(WORKERS))

bench: $(VENV)/.ready-dev ## the tables of docs/performance.md
	$(BIN)/python -m bench

bench-signals: $(VENV)/.ready-dev ## the bar for signals, hours the first time: make bench-signals JOBS=4
	$(BIN)/python bench/signals.py --jobs $(JOBS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "City Brain needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml hatch_build.py set_up.py $(WEB)
	@echo "Setting up City Brain in $(VENV) (the first time: about 400 MB and two minutes) ..."
	@$(SET_UP) -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@echo "Setting up the test tools ..."
	@$(SET_UP) -e '.[dev]'
	@touch $@

clean: ## forget the environment (data/ stays)
	rm -rf $(VENV) web/node_modules src/citybrain/cockpit/static

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14
