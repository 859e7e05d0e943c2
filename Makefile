# Needs nothing but a Python >= 3.11 and PyPI. Every target honours the BEMIDB_* and AWS_* variables of the environment.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# dbt's pins and mypy's exclude each other: a small environment of its own.
DBT := tests/integration/clients/dbt
DBT_STAMP := $(VENV)/dbt/.installed
PIP_COMPILE := $(BIN)/pip-compile --quiet --no-header --strip-extras --allow-unsafe --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
IMAGE ?= bemidb-py
# Processes of pytest: each has a server and a Postgres of its own.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install run psql test test-all lint format types docs record bench lock image clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv and install the locked dependencies into it

# --no-deps: the lock is complete, and pip need not resolve it again. The .pth file puts our packages on the path.
$(STAMP): requirements-dev.lock
	@test -n "$(PYTHON)" || { echo "No Python >= 3.11 found: install one, or say PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@$(BIN)/python -c "import pathlib, sysconfig; \
		pathlib.Path(sysconfig.get_path('purelib'), 'bemidb.pth').write_text('$(CURDIR)\n')"
	@touch $(STAMP)

$(DBT_STAMP): $(DBT)/requirements.lock | $(STAMP)
	$(BIN)/python -m venv --without-pip $(VENV)/dbt
	$(BIN)/python -m pip --python $(VENV)/dbt/bin/python install --quiet --disable-pip-version-check \
		--no-deps --require-hashes -r $<
	@touch $@

run: $(STAMP) ## Sync the TPC-H sample into a lake and serve it on BEMIDB_PORT (5432); Ctrl-C ends it
	@$(BIN)/python -m sample

psql: $(STAMP) ## Open psql against the server of `make run`
	@$(BIN)/python -m sample psql $(ARGS)

test: $(STAMP) ## Run the tests but the slow ones
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-all: $(STAMP) $(DBT_STAMP) ## Run all the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP) ## Check style, format and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

format: $(STAMP) ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(STAMP) ## Check types with mypy --strict
	$(BIN)/mypy

docs: $(STAMP) ## Write docs/configuration.md from the settings classes, docs/engine.md from the tables of the emitter
	$(BIN)/python -m tools.configuration
	$(BIN)/python -m tools.engine

record: $(STAMP) ## Write PostgreSQL's answers into tests/compat/wire (ARGS="name ...": only those)
	$(BIN)/python -m tests.support.record $(ARGS)

bench: $(STAMP) ## Run the benchmarks and write benchmarks/results.md
	$(BIN)/python -m benchmarks.run $(ARGS)

lock: $(STAMP) ## Resolve the dependencies of pyproject.toml again (UPGRADE=--upgrade for newer versions)
	$(PIP_COMPILE) $(UPGRADE) -o requirements.lock pyproject.toml
	$(PIP_COMPILE) $(UPGRADE) --extra sample --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml
	$(PIP_COMPILE) $(UPGRADE) -o $(DBT)/requirements.lock $(DBT)/requirements.in

image: ## Build the container image (needs Docker)
	docker build --tag $(IMAGE) .

clean: ## Remove the virtual environment, caches and the sample's data
	rm -rf $(VENV) .bemidb .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
