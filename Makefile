# Two commands on a fresh machine: `make demo` runs the main job, `make test` the tests.
# Where no GPU is present, `make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu` avoids gigabytes of CUDA.

PYTHON ?= python3
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
PEERS ?= torch==2.13.0 torchvision==0.28.0 ptychi==2.2.0 ptychodus==1.7.0 cdtools-py==0.3.2
WORKERS ?= 2
BIN := .venv/bin

.PHONY: setup demo test test-slow test-peers check gate docs site clean

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

# The field's own tools open what we write, in an environment of their own; see tests/peers/conftest.py.
test-peers: .venv-peers/.installed
	.venv-peers/bin/python -m pytest tests/peers -p no:cacheprovider

.venv-peers/.installed: pyproject.toml Makefile
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --upgrade pip
	.venv-peers/bin/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) $(PEERS)
	.venv-peers/bin/python -m pip install --quiet pytest --editable '.[testing]'
	touch $@

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
	PYTHONPATH=tests/helpers $(BIN)/python tests/contracts/helpers/write_code_examples.py
	$(BIN)/python docs/generate.py

# Pages and docstrings as a site; a warning is an error.
site: setup
	$(BIN)/python -m sphinx -b html -W --keep-going -q -d site/.doctrees docs site

clean:
	rm -rf .venv .venv-peers demo gate site
