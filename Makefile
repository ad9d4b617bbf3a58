# The two commands a newcomer needs: make demo, make test. All others: make help.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# In the order of collection, the longest first: reordered, files of few but long tests come last.
PARALLEL := -n $(JOBS) --dist loadscope --no-loadscope-reorder

# What must work without NumPy (docs/decisions/0002-dependencies.md).
BASE_TESTS := $(wildcard tests/core/kernel tests/core/metering/test_register*.py \
    tests/protocols tests/drivers tests/formats/uplink tests/gateway)
COMPUTE_TESTS := $(wildcard tests/core tests/markets)

# The many processes of a run would each compile every module again.
export PYTHONDONTWRITEBYTECODE :=

# What other targets run without a database: not even collected on PostgreSQL, and in one run of
# everything left to them on SQLite too.
WITHOUT_DATABASE := $(COMPUTE_TESTS) tests/docs
TESTED_ELSEWHERE ?=

.DEFAULT_GOAL := help
.PHONY: help setup setup-server demo test test-core test-sqlite test-postgresql debian \
        lint lint-style lint-types lint-imports lint-tree bench drill docs base compute ci locks clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile

setup: ## make .venv with the quartier command and all that tests and checks need
	@$(PYTHON) tools/bootstrap.py dev

setup-server:
	@$(PYTHON) tools/bootstrap.py server

demo: setup-server ## serve a sample building with a year of data and its bills
	@$(BIN)/quartier demo

debian:
	@tools/debian_packages

test: setup debian ## run every test, on SQLite and on PostgreSQL
	@$(MAKE) --no-print-directory test-sqlite
	@$(MAKE) --no-print-directory test-postgresql

test-sqlite:
	QUARTIER_TEST_DB=sqlite $(PYTEST) $(PARALLEL) $(TESTED_ELSEWHERE:%=--ignore=%)

test-postgresql:
	QUARTIER_TEST_DB=postgresql $(PYTEST) $(PARALLEL) $(WITHOUT_DATABASE:%=--ignore=%) -m db

test-core: setup ## run the tests of the arithmetic alone: seconds, no database
	QUARTIER_TEST_DB=none $(PYTEST) $(PARALLEL) $(COMPUTE_TESTS)

lint: lint-style lint-types lint-imports lint-tree ## check style, types, imports and the tree

lint-style: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lint-types: setup
	QUARTIER_HOME=$(CURDIR)/.mypy_cache/home $(BIN)/mypy

lint-imports: setup
	$(BIN)/lint-imports

lint-tree: setup
	QUARTIER_TEST_DB=none $(PYTEST) -q tests/architecture/test_tree.py \
	    tests/architecture/test_dependencies.py

bench: setup debian ## measure, each figure beside the floor measured in the same run
	$(BIN)/python -m tests.servers.postgresql QUARTIER_BENCH_DATABASE_URL $(BIN)/quartier bench

drill: setup debian ## run the long drills and all properties at their full counts
	QUARTIER_DRILL=1 QUARTIER_TEST_DB=sqlite $(PYTEST) $(PARALLEL) -m "drill or hypothesis"

docs: setup ## check links, vocabulary and the worked tables of docs/
	QUARTIER_TEST_DB=none $(PYTEST) tests/docs

base:
	@$(PYTHON) tools/bootstrap.py base
	QUARTIER_TEST_DB=none .venv-base/bin/python -m pytest $(PARALLEL) $(BASE_TESTS) \
	    --ignore=tests/gateway/charging

compute:
	@$(PYTHON) tools/bootstrap.py compute
	QUARTIER_TEST_DB=none .venv-compute/bin/python -m pytest $(PARALLEL) $(COMPUTE_TESTS)

ci: export TESTED_ELSEWHERE := $(WITHOUT_DATABASE)
ci: lint base compute docs test drill ## run all of it once, as CI does

locks: ## write locks/ again from pyproject.toml, with the newest versions it allows
	@$(PYTHON) tools/bootstrap.py lock

clean: ## remove what was made here: environments, caches, the demo
	rm -rf .venv .venv-base .venv-compute .tools demo build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
