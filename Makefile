# Heed on a fresh machine: Python 3.11 and make are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
export PORT
# Every command and every test that starts a process compiles all it imports again where this is set.
unexport PYTHONDONTWRITEBYTECODE
export HEED_CHROMIUM ?= $(or $(shell command -v chromium),/usr/bin/chromium)
# Small products of matrices wait for each other's threads longer than they take; and one thread adds up alike
# on every machine.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Of each of the two runs beside each other: with one more, all wait longer for each other than for anything else.
WORKERS ?= $(shell getconf _NPROCESSORS_ONLN)
# What tests write they soon forget: in memory, where that is roomy, they wait for no disk.
IN_MEMORY := $(shell test "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 4000000 2>/dev/null && echo /dev/shm)
TEST_FILES := TMPDIR=$(or $(TMPDIR),$(IN_MEMORY),/tmp)
# A file stays with one worker, which makes its demo company, its server or its Spark once.
PYTEST := $(ONE_THREAD) $(TEST_FILES) $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

CORE_TESTS := tests/stream tests/evidence tests/whole tests/test_*.py
# Those with the longest files first: in the end, nobody waits for one of them.
SHELL_TESTS := tests/sources tests/measures tests/ledger tests/people tests/customers tests/segments \
	tests/conversations tests/proving tests/desk tests/daily tests/site

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint style types all-tests core-tests sqlite-tests postgresql-tests browser-tests chromium bench bench-evidence calibrate screenshots lock

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 20

setup: $(VENV)/.ready ## make .venv with the heed command in it

$(VENV)/.ready: requirements.txt pyproject.toml
	@echo "Heed: making $(VENV) (about a minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Heed needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Heed: $(VENV) is ready"

demo: setup ## a demo company, the server and the worker; prints a sign-in link
	@$(BIN)/heed demo

# Beside each other: the ends of stages, processes that are waited for and the database leave processors idle.
test: setup chromium ## everything that must hold
	@$(MAKE) --no-print-directory --jobs=4 style types all-tests postgresql-tests
	@echo "Heed: all of it holds"

lint: style types ## lint, format, contracts between packages, types

style: setup
	@echo "Heed: lint, contracts"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: setup
	@echo "Heed: types"
	@$(BIN)/mypy

# One run of what browser-tests, core-tests and sqlite-tests run: no worker waits for the end of a stage.
all-tests: setup chromium ## the pages in Chromium, the core, the shell on SQLite
	@echo "Heed: the pages in Chromium, the core, the shell on SQLite"
	@$(PYTEST) tests/browser $(CORE_TESTS) $(SHELL_TESTS)

core-tests: setup ## the stream and the evidence, without a database
	@echo "Heed: the core"
	@$(PYTEST) $(CORE_TESTS)

sqlite-tests: setup ## the shell on SQLite
	@echo "Heed: the shell on SQLite"
	@$(PYTEST) $(SHELL_TESTS)

postgresql-tests: setup ## the shell on a real PostgreSQL
	@echo "Heed: the shell on PostgreSQL"
	@HEED_TEST_DATABASE=postgresql $(PYTEST) $(SHELL_TESTS)

browser-tests: setup chromium ## a real browser on a real server
	@echo "Heed: the pages in Chromium"
	@$(PYTEST) tests/browser

chromium:
	@test -x "$(HEED_CHROMIUM)" || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Heed: installing Chromium for the browser tests"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
		echo "The browser tests need Chromium. Install it (Debian: sudo apt-get install chromium), or set HEED_CHROMIUM to its path."; \
		exit 1; \
	fi

bench: setup ## every figure beside its target; takes long
	@$(BIN)/python -m benchmarks

bench-evidence: setup ## what the evidence is worth on public data, beside its peers
	@$(ONE_THREAD) $(BIN)/python -m benchmarks.evidence

calibrate: setup ## how often what Heed claims is true of simulated companies; writes its page
	@$(ONE_THREAD) $(BIN)/python -m benchmarks.calibration

screenshots: setup chromium ## the pictures of the README, from the demo company
	@$(BIN)/python scripts/screenshots.py

lock: ## resolve the dependencies again
	@$(BIN)/uv pip compile pyproject.toml --group dev --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.txt
