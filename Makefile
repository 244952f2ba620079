# Everything a developer runs. Each target makes .venv first when it is missing or stale. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install lock demo test soak check docs up down bench clean

# The first of these that is new enough makes .venv; make PYTHON=/path/to/python3.12 … names another.
PYTHON ?= python3 python3.13 python3.12 python3.11
BIN := .venv/bin
# Every worker has a PostgreSQL of its own, so more than four do not pay; one more than there are cores, since tests wait for
# browsers, servers and clocks, too. Neighbouring tests stay with one worker, and so do the fixtures of their module; who is
# done first takes over the rest.
WORKERS ?= $(shell n=$$(( $$(getconf _NPROCESSORS_ONLN) + 1 )); echo $$(( n > 4 ? 4 : n )))
# Passed on, for example: make demo ARGS="--pos square --scenario diner", make test ARGS="-k toast"
ARGS ?=

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## Make .venv from the lock file; afterwards the command is .venv/bin/aura-migration.
	@for python in $(PYTHON); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then exec $$python .ci/install.py; fi; \
	done; \
	echo "Python 3.11 or newer is needed, and none of these is: $(PYTHON)." \
	  "Install one, or name it: make install PYTHON=/path/to/python3.11" >&2; exit 1

lock: install ## Resolve the dependency lists again into requirements.lock (ARGS=--upgrade takes newer releases).
	@$(BIN)/python .ci/lock.py write $(ARGS)

demo: install ## Migrate a restaurant per POS from local stand-ins and print the scorecards (ARGS="--help" lists options).
	@$(BIN)/aura-migration demo $(ARGS)

test: install ## Run the tests, except the long forms of the fault tests.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not soak" $(ARGS)

soak: install ## Run the long forms of the fault tests.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m soak $(ARGS)

check: install ## Format, lint, types, import contracts, lock file and generated docs.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/lock.py check
	$(BIN)/python docs/generate.py --check

docs: install ## Write docs/generated from the code.
	@$(BIN)/python docs/generate.py

up: install ## Start database, Dagster code server, webserver and daemon; print the addresses.
	@$(BIN)/aura-migration up $(ARGS)

down: ## Stop what `make up` started, and the embedded database.
	@if [ -x $(BIN)/aura-migration ]; then $(BIN)/aura-migration down; fi

bench: install ## Run the benchmarks and write docs/performance.md; an hour (ARGS="--rounds 1" for menus and orders).
	$(BIN)/python -m benchmarks.menu $(ARGS)
	$(BIN)/python -m benchmarks.people
	$(BIN)/python -m benchmarks.orders $(ARGS)
	$(BIN)/python -m benchmarks.pricing

clean: down ## Remove .venv, caches and build files. Data (.aura) stays.
	rm -rf .venv .venv.lock build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.aura/*' -prune -exec rm -rf {} +
