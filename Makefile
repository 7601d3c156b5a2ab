# make soak        a whole run on this machine, a few minutes, no Docker
# make test        what CI runs
# make test-long   the long tests: every fault and magnitude, every kill
# make lint bench  style and types; figures
# make accuracy    how often the judge is right, on series whose truth is known
# make dashboards  Grafana's JSON from the code
SHELL := /bin/bash
.DEFAULT_GOAL := help
PLAN ?= smoke
ARGS ?=
PYTEST = .venv/bin/python -m pytest -q

.PHONY: help setup setup-tests soak soak-2h test test-long lint format bench accuracy dashboards pictures lock release audit clean

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*##\(.*\)/\1 \2/p' $(MAKEFILE_LIST) | awk '{n=$$1; $$1=""; printf "  make %-10s %s\n", n, $$0}'

setup:  ## .venv with locked packages, and the missing server packages
	@scripts/setup.sh

setup-tests:  ## the same, and what only tests need: npm, Chromium
	@scripts/setup.sh --tests

soak: setup  ## run PLAN (smoke) here and judge it; ARGS="--duration 10m --fault memory_leak:mb_per_s=2"
	@.venv/bin/harness run $(PLAN) $(ARGS)

test: setup-tests  ## the tests that CI runs
	$(PYTEST) -m "not long"

test-long: setup-tests  ## the long tests only
	$(PYTEST) -m long --timeout 3600
	HARNESS_FUZZ_CASES=1000 $(PYTEST) -m "not long" --timeout 3600 --hypothesis-profile searching $$(grep -rl "from hypothesis" tests --include="test_*.py")

soak-2h: setup  ## a real run of two hours in which the restartable parts are killed at random
	@.venv/bin/harness kills --soak 2h $(ARGS)

lint: setup  ## ruff, formatting, types, rule files, shell
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	promtool check rules prometheus/rules/*.yml prometheus/standing.yml

format: setup  ## let ruff mend what it can
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup-tests  ## measured ratios, each against its goal
	@.venv/bin/python -m benchmarks

accuracy: setup  ## the growth judge's error rates on thousands of made-up series; writes docs/accuracy.md
	@.venv/bin/python -m accuracy $(ARGS)

dashboards: setup  ## write dashboards/generated from the code
	@.venv/bin/python -m dashboards.grafana_files

pictures: setup-tests  ## make a failing run and photograph its report for the README
	@.venv/bin/harness run smoke --fault memory_leak:mb_per_s=2 || [ $$? -eq 10 ]
	@.venv/bin/python scripts/pictures.py "$$(ls -d runs/*-smoke | tail -n 1)"

lock: setup  ## resolve pyproject.toml again into the lock files (needs uv: pip install uv)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' \
		--group dev pyproject.toml -o requirements.lock --upgrade
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' \
		--group build --constraint requirements.lock pyproject.toml -o requirements.runtime.lock

	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' \
		--group release -o requirements.release.lock

release: setup  ## dist/: the wheel, its bill of materials (CycloneDX) from the lock, and their checksums
	@scripts/release.sh

audit:  ## known weaknesses of the locked packages; fails too where the data cannot be reached
	@scripts/release.sh audit

clean:  ## remove .venv and caches (never runs/)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
