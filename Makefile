# Needs python3.11 or newer with venv, make and a network; everything else lands in .venv.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help report test claims bench audit docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

report: .venv/all ## Releases and audits on bundled data, as one HTML report and JSON in report/
	$(BIN)/privlib demo --out report

test: .venv/dev ## Everything that CI runs
	scripts/check

claims: .venv/dev ## The long acceptance runs: issue line, figure, target
	$(BIN)/python tests/claims.py
	$(BIN)/python tests/claims_noise.py
	$(BIN)/python tests/claims_audit.py
	$(BIN)/python tests/claims_ldp_audit.py
	$(BIN)/python tests/claims_ldp_client.py
	$(BIN)/python tests/claims_ldp_estimates.py
	$(BIN)/python tests/claims_ldp_plan.py
	$(BIN)/python tests/claims_sharing.py
	$(BIN)/python tests/claims_sharing_parsers.py

bench: .venv/bench ## Speed and accuracy beside the peers; writes docs/benchmarks.md
	$(BIN)/python tests/benchmarks/run.py
	$(BIN)/python tests/benchmarks/gpu.py

audit: .venv/all ## The long audits; refreshes audits/results
	$(BIN)/python audits/refresh.py

docs: .venv/dev ## The documentation site, in site/
	$(BIN)/zensical build --strict --clean

clean: ## Remove what the other targets made, except .venv
	rm -rf report site dist build .coverage* .hypothesis .pytest_cache .mypy_cache .ruff_cache .cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says which extra is installed from which requirements; bench contains dev, and dev contains all.
.venv/all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing privlib with the extra all"
	@$(PIP) --editable '.[all]'
	@touch .venv/all

.venv/dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing privlib with the extra dev"
	@$(PIP) --editable '.[dev]'
	@touch .venv/all .venv/dev

.venv/bench: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing privlib with the extra bench"
	@$(PIP) --editable '.[bench]'
	@touch .venv/all .venv/dev .venv/bench

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("privlib needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
