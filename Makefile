# Nearpeer: `make demo` shows it, `make test` proves it. Only Python 3.11+ (with venv) and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
PORT ?= 8700
OPEN ?= yes
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup test crash check safety-report second-look demo bench bench-quick screenshot requirements format

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(BIN)/uv:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Nearpeer needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)

$(VENV)/base.stamp: requirements/base.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/base.stamp
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	@touch $@

# `.venv/bin/nearpeer` runs this clone from any folder; -P keeps that folder's own files from being taken for ours.
$(BIN)/nearpeer: Makefile | $(BIN)/uv
	@printf '%s\n' '#!/bin/sh' 'root=$$(cd "$$(dirname "$$0")/../.." && pwd)' 'PYTHONPATH="$$root" exec "$$root/$(BIN)/python" -P -m bot "$$@"' > $@
	@chmod +x $@

setup: $(VENV)/base.stamp $(BIN)/nearpeer  ## make .venv with what Nearpeer needs to run

test: $(VENV)/dev.stamp  ## set up and run the tests
	$(BIN)/python -m pytest $(ARGS)

crash: $(VENV)/dev.stamp  ## prove that nothing is lost when processes die (ONLY=points|random|machine|faults|telegram|slack KILLS=200)
	@$(BIN)/python -m tests.crash $(if $(ONLY),--only $(ONLY)) $(if $(KILLS),--kills $(KILLS)) $(if $(POINT),--point $(POINT)) $(if $(AT_ONCE),--at-once $(AT_ONCE))

safety-report: $(VENV)/dev.stamp  ## what the shipped packs say to our own corpus: totals only, and no measure of quality
	@$(BIN)/python -m tests.safety.report

second-look: $(VENV)/dev.stamp  ## train the optional second look anew from our own sentences; the same file each time
	@$(BIN)/python -m tests.safety.train_second_look

check: $(VENV)/dev.stamp  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp  ## write the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: $(VENV)/base.stamp  ## the little school in a browser (PORT=8700 OPEN=yes)
	@exec $(BIN)/python -m bot demo --port $(PORT) $(if $(filter no,$(OPEN)),--no-open)

# The peers have a place of their own: one of them wants older libraries than Nearpeer.
$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/dev.stamp
	$(PYTHON) -m venv --without-pip $(VENV)/bench
	$(BIN)/uv pip install --quiet --python $(VENV)/bench/bin/python --compile-bytecode --require-hashes -r requirements/bench.txt
	@touch $@

bench: $(VENV)/bench.stamp  ## measure the speed goals beside their peers, 30 minutes (ONLY=P2); docs/performance.md
	$(BIN)/python -m bench $(ONLY)

bench-quick: $(VENV)/bench.stamp  ## the same at a tiny size, to see that everything runs; keeps nothing
	$(BIN)/python -m bench --quick $(ONLY)

screenshot: $(VENV)/dev.stamp  ## take the picture of the demo for the README (needs chromium)
	PYTHONPATH=. $(BIN)/python docs/screenshot.py

requirements: | $(BIN)/uv  ## pin what pyproject.toml asks for, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group pyproject.toml:bench -o requirements/bench.txt
