# Two commands: `make app` opens the map, `make test` runs every check. Both set up what they need.

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(if $(shell command -v $(name) 2>/dev/null && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo yes),$(name))))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: app test browser bench demo docs

app: $(VENV)/.engine data/schutterwald.gpkg
	$(BIN)/feederplan app

test: $(VENV)/.dev data/schutterwald.gpkg browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
# The engine is compiled beside the type check: both workers of the tests would else compile it.
	$(BIN)/python tools/warm_engine.py & warm=$$!; $(BIN)/mypy && $(BIN)/lint-imports && wait $$warm
	$(BIN)/pytest --numprocesses 2 --dist loadfile

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

# The demo area is committed; this rebuilds it from pandapower when it is missing.
data/schutterwald.gpkg: | $(VENV)/.app
	$(BIN)/python tools/make_demo.py

demo: $(VENV)/.app
	$(BIN)/python tools/make_demo.py

# Reference pages made from the code.
docs: $(VENV)/.app
	$(BIN)/python tools/make_docs.py

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "feederplan needs Python 3.11 or newer; none was found"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.app

# The engine's kernels are compiled here, not while the map waits for its first answer.
$(VENV)/.engine: $(wildcard gridmodel/engine/*.py) data/schutterwald.gpkg | $(VENV)/.app
	$(BIN)/python tools/warm_engine.py
	@touch $@

# A real browser for the browser tests, where one can be had; they are skipped with a reason otherwise.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || \
	echo "no Chromium here: browser tests will be skipped"
