# Loa Làng. `make run`: the demo in the browser. `make test`: everything checked. Both start from nothing but
# Python 3.11 or newer; what they install goes into .venv, and again only when the pins or pyproject.toml change.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=

.PHONY: help run test lint format bench pins messages screenshots clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | while IFS=$$'\t' read -r name about; do \
	  printf '  make %-11s %s\n' "$$name" "$$about"; done

.venv/.installed-%: requirements/%.txt pyproject.toml scripts/make-environment
	@scripts/make-environment $*
	@touch $@

run: .venv/.installed-server ## install, then start the demo: make run ARGS='--port 9000'
	@exec $(BIN)/loa demo $(ARGS)

test: .venv/.installed-dev ## install, then check and test everything: make test ARGS='-k plan'
	@scripts/install-test-packages
	@$(MAKE) --no-print-directory lint
	@scripts/run-tests $(ARGS)

lint: .venv/.installed-dev ## style, types and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-dev ## put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.installed-dev ## measure; a table, and JSON in benchmarks/results/
	$(BIN)/python -m benchmarks $(ARGS)

pins: .venv/.installed-dev ## compile requirements/*.txt anew: make pins ARGS=--upgrade
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet 'uv>=0.9'
	@UV=$(BIN)/uv scripts/compile-pins $(ARGS)

messages: .venv/.installed-dev ## bring the sentences that people see in the panel and the API into vi.po
	$(BIN)/pybabel -q extract -F babel.cfg -k N_ --no-location --omit-header --ignore-dirs='.* _* station loa tests benchmarks build' -o .messages.pot .
	$(BIN)/pybabel -q update -i .messages.pot -o web/translations/vi.po -l vi --no-fuzzy-matching \
	  --ignore-obsolete --no-wrap --ignore-pot-creation-date
	@rm -f .messages.pot

screenshots: .venv/.installed-dev ## photograph the main pages into docs/screenshots/
	@timeout 300 $(BIN)/python scripts/screenshots $(ARGS)

clean: ## remove the environment, caches and results; never an installation's data
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
