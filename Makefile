# make demo: everything set up, sample libraries harvested, the page served.   make test: set up, all tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export TONGCANG_PORT ?= 8000

.PHONY: demo test servers setup setup-dev check simulate bench bench-engines bench-parity bench-requests clean

demo: setup
	$(BIN)/tongcang demo

test: setup-dev
	@$(BIN)/python -m tests.servers --fetch || echo 'Tests that need it are skipped. make servers installs it.' >&2
	$(BIN)/pytest -q -n auto

# Real servers for tests: Elasticsearch from Maven Central, Java and PostgreSQL from the system's packages (as root).
servers: setup-dev
	$(BIN)/python -m tests.servers

setup: $(VENV)/.demo

setup-dev: $(VENV)/.dev

check: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Policies of routing compared in simulated worlds that the study calibrates.
simulate: setup
	$(BIN)/tongcang simulate

# From a file to searchable union records, at 100,000 records, on the embedded default.
bench: setup-dev
	$(BIN)/python -m bench.pipeline

# Both engines beside each other at a million union records; starts an Elasticsearch (make servers).
bench-engines: setup-dev
	$(BIN)/python -m bench.engines

# A thousand questions and more to both engines, over 100,000 generated records.
bench-parity: setup-dev
	$(BIN)/python -m bench.parity

# Requests created and routed in a second, and a rota of a hundred holders.
bench-requests: setup-dev
	$(BIN)/python -m bench.requests

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Tongcang needs Python 3.11 or later: try make PYTHON=python3.12 (or another that you have).' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo 'Python cannot make a virtual environment here. On Debian and Ubuntu: apt install python3-venv.' >&2; exit 1; }

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) demo-data build .servers
