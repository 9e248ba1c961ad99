# What a developer types; CI runs these targets and nothing else. Python 3.11 or later, Linux.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup lint fix test reported fuzz defences bench soak images demo clean

help:  ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv with the exact versions of constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "passrate needs Python 3.11 or later; name one: make setup PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -e '.[train,lora,dev]' -c constraints.txt
	@touch $@

lint: $(READY)  ## check format, style and types, and look for known vulnerabilities where the network allows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tests.advisories

fix: $(READY)  ## format, and mend what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(READY)  ## run the tests, several at once; ARGS="tests/test_link.py -k shape", ARGS="-n 0" for one by one
	$(BIN)/python -m pytest -n auto $(ARGS)

reported: $(READY)  ## judge inputs after public bug reports, and count the right rewards by kind; ARGS="KIND..."
	$(BIN)/python -m tests.reported $(ARGS)

fuzz: $(READY)  ## try 20,000 strange requests, messages and texts, in some minutes; ARGS="--cases N"
	$(BIN)/python -m tests.fuzz $(ARGS)

defences: $(READY)  ## remove each defence in a copy and watch its tests fail, in some minutes; ARGS="NAME..."
	$(BIN)/python -m tests.defences $(ARGS)

bench: $(READY)  ## measure what an evaluation costs; ARGS="--quick --works NAME,... --plot FILE.png"
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(READY)  ## 100,000 evaluations under faults, and whether anything grows; ARGS="--backend embedded"
	$(BIN)/python -m tests.bench.soak $(ARGS)

images: $(READY)  ## build the sandbox images for the Docker backend; ARGS="--base TAG|FILE --ca FILE"
	$(BIN)/passrate images build $(ARGS)

demo: $(READY)  ## train a tiny model against the sandbox, in some minutes
	$(BIN)/passrate demo $(ARGS)

clean:  ## remove what these targets made
	rm -rf $(VENV) build dist demo-out *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
