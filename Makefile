# Everything a newcomer needs is `make run`; everything a contributor needs is `make check test`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
TOOLS := .cache/tools
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --require-hashes --only-binary :all:
EDITABLE := $(PIP) install --quiet --no-deps --no-build-isolation --editable .
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --build-deps-for editable
MODULES := agent tests benchmarks tools
PYTEST_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
DEB_ARGS ?=

.PHONY: help
help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.run ## Start the agent in the foreground on examples/quickstart.
	@exec sh examples/quickstart/run.sh $(VENV)/bin/hostkeeper

.PHONY: test
test: $(VENV)/.dev ## Run the whole test suite; PYTEST_ARGS="tests/rules -x" narrows it.
	@sh tools/debs.sh tests/apt.txt $(TOOLS)
	PATH="$$(cd $(TOOLS)/bin && pwd -P):$$PATH" SOAK_ARGS="$(SOAK_ARGS)" sh tools/test.sh $(PYTHON) $(PYTEST_ARGS)

.PHONY: soak
soak: $(VENV)/.dev ## Strike a working agent with faults; SOAK_ARGS="--seconds 28800 --seed 7" does so for a night.
	@sh tools/debs.sh tests/apt.txt $(TOOLS)
	$(PYTHON) -m tests.system.soak $(SOAK_ARGS)

.PHONY: check
check: $(VENV)/.dev ## Check format, lint, types, import floors, schemas, policies and documents.
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target types layout lint floors house

.PHONY: types layout lint floors house
types:
	$(PYTHON) -m mypy $(MODULES)
layout:
	$(PYTHON) -m ruff format --check --quiet .
lint:
	$(PYTHON) -m ruff check --quiet .
floors:
	$(VENV)/bin/lint-imports --no-logo
house:
	$(PYTHON) -m tools.house

.PHONY: format
format: $(VENV)/.dev ## Format the code and repair what the linter can repair.
	$(PYTHON) -m ruff format --quiet .
	$(PYTHON) -m ruff check --quiet --fix .

.PHONY: docs
docs: $(VENV)/.dev ## Write docs/reference anew from the schemas and the code.
	$(PYTHON) -m tools.reference

.PHONY: bench
bench: $(VENV)/.dev ## Measure beside peers and print the table of ratios.
	@sh tools/debs.sh benchmarks/apt.txt $(TOOLS)
	PATH="$$(cd $(TOOLS)/bin && pwd -P):$$PATH" $(PYTHON) -m benchmarks $(BENCH_ARGS)

.PHONY: deb
deb: $(VENV)/.dev ## Build dist/hostkeeper_*.deb for Debian 12 and 13; DEB_ARGS="--arch arm64" for other machines.
	$(PYTHON) -m tools.deb $(DEB_ARGS)

.PHONY: lock
lock: $(VENV)/.dev ## Resolve the dependencies anew and write both locks with hashes.
	$(COMPILE) --upgrade --output-file requirements.lock pyproject.toml
	$(COMPILE) --upgrade --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	sh tools/locks.sh requirements.lock requirements-dev.lock

.PHONY: clean
clean: ## Remove everything that these commands made.
	rm -rf "$$(readlink -f $(TOOLS))"
	rm -rf $(VENV) .cache .run build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PYTHON):
	@sh tools/venv.sh $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(PYTHON)
	$(INSTALL) --requirement requirements.lock
	$(EDITABLE)
	@touch $@

# The dev lock contains the run lock, so one installation serves both.
$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml | $(PYTHON)
	$(INSTALL) --requirement requirements-dev.lock
	$(EDITABLE)
	@touch $(VENV)/.run $@
