# Two commands on a fresh machine: `make demo` runs the main job, `make test` the tests.
# Where no GPU is present, `make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu` avoids gigabytes of CUDA.

PYTHON ?= python3
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
WORKERS ?= 2
BIN := .venv/bin

.PHONY: setup demo test test-slow check gate docs clean

setup: .venv/.installed

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[dev,torch]'
	touch $@

demo: setup
	$(BIN)/ptycho study run examples/demo/study.yaml --output demo

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

# Twenty kills, every breakage of the backend contract against every promise, whole fine-tunings: about half an hour.
test-slow: setup
	$(BIN)/python -m pytest -m slow -s

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/ptycho schema check
	$(BIN)/python docs/generate.py --check

# Each passage judges what it makes itself, so its folder begins empty.
gate: setup
	rm -rf gate
	$(BIN)/ptycho gate --output gate

docs: setup
	$(BIN)/ptycho schema write
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv demo gate
