# Each target has a plain command behind it; PYTHON may name another interpreter (3.11 or later).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test proof bench lab install lint clean

run: install
	$(BIN)/deployer run local

test: install
	$(BIN)/python tools/prepare.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/interrogate -q deployer_lib
	# More workers than cores: most tests wait for an application, a kernel or a clock.
	$(BIN)/pytest -n 3 --dist loadgroup -m "not proof"

proof: install
	$(BIN)/python tools/prepare.py proof
	$(BIN)/pytest -n 2 --dist loadgroup -m proof
	$(BIN)/python tools/proof.py

bench: install
	$(BIN)/python tools/bench.py
	$(BIN)/python tools/bench_load.py
	$(BIN)/python tools/bench_cluster.py
	$(BIN)/python tools/bench_scan.py

lab: install
	$(BIN)/python tools/lab.py

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Deployer needs Python 3.11 or later; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	# uv does in seconds what takes pip minutes; where it can't reach the index that pip is told of, pip does it.
	sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p}' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean:
	rm -rf $(VENV) .deployer .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find outputs -mindepth 1 -maxdepth 1 ! -name example -exec rm -rf {} +
