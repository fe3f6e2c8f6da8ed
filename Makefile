# Every target works on a machine that has only Python 3.11+, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install dev demo test check lint docs format bench chaos lock clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(STAMP) ## Create .venv with everything Kervan needs, hash-checked

# The pip of the venv fetches uv; uv installs the locked set and the project in one step. It brings
# certificates of its own; behind a proxy that signs for itself only the machine's will do.
UV_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock -e .

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(UV_INSTALL) || UV_NATIVE_TLS=1 UV_SYSTEM_CERTS=1 $(UV_INSTALL)
	@touch $(STAMP)

dev: $(STAMP) ## Run the whole stack on this machine; Ctrl-C stops it
	@exec $(BIN)/kervan dev

demo: $(STAMP) ## Watch a handful of orders live their whole life
	@exec $(BIN)/kervan demo

test: $(STAMP) ## Run all tests
	$(BIN)/pytest -n 4

check: $(STAMP) ## Format, lint, types, import rules, migrations, all tests
	$(BIN)/ruff format --check .
	$(MAKE) lint
	$(BIN)/pytest -n 4

lint: $(STAMP) ## Lint, types, import rules, migrations
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/squawk db/migrations/*.sql

docs: $(STAMP) ## Write the pages of docs/ that come from the code
	$(BIN)/python -m ops.docs

format: $(STAMP) ## Rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure
	@exec $(BIN)/kervan bench

chaos: $(STAMP) ## Kill things and prove that nothing was lost
	@exec $(BIN)/kervan chaos

lock: $(STAMP) ## Resolve the dependencies again
	$(BIN)/uv pip compile --quiet pyproject.toml --universal --all-extras --group dev \
		--generate-hashes --no-header --no-emit-index-url -o requirements.lock

clean: ## Remove the environment and caches (never the data in .kervan)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
