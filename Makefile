# Everything sets itself up in .venv: uv when it is there, else venv and pip.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev

.PHONY: demo test test-long lint format check clean
.PHONY: benchmark-overhead benchmark-tokens benchmark-fidelity benchmark-shaping benchmark-observe
.PHONY: benchmark-techniques benchmark-toolcache benchmark-lint benchmark-audit benchmark-batch
.PHONY: benchmark-recall benchmark-reference-recall benchmark-compaction

demo: $(RUN)
	@$(BIN)/contextkit demo

test: $(DEV)
	$(BIN)/pytest -n 2 -m "not long"

test-long: $(DEV)
	$(BIN)/pytest -n 2 --timeout 1800

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint test

benchmark-overhead: $(DEV)
	$(BIN)/python benchmarks/overhead.py

benchmark-tokens: $(DEV)
	$(BIN)/python benchmarks/tokens.py --write

benchmark-fidelity: $(DEV)
	$(BIN)/python benchmarks/fidelity.py

benchmark-shaping: $(DEV)
	$(BIN)/python benchmarks/shaping.py

benchmark-observe: $(DEV)
	$(BIN)/python benchmarks/observe.py

benchmark-recall: $(DEV)
	$(BIN)/python benchmarks/recall_tau.py

benchmark-reference-recall: $(DEV)
	$(BIN)/python benchmarks/reference_recall.py

benchmark-compaction: $(DEV)
	$(BIN)/python benchmarks/compaction.py --write

benchmark-techniques: $(DEV)
	$(BIN)/python benchmarks/techniques.py --write

benchmark-toolcache: $(DEV)
	$(BIN)/python benchmarks/toolcache.py --write

benchmark-lint: $(DEV)
	$(BIN)/python benchmarks/lint.py --write

benchmark-audit: $(DEV)
	$(BIN)/python benchmarks/audit.py --write

benchmark-batch: $(DEV)
	$(BIN)/python benchmarks/batch.py --write

rules: $(DEV)
	$(BIN)/python -m contextkit.lint.docs docs/rules.md

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# $(call install,WHAT,STAMP): make the environment if need be, install WHAT into it, remember that it was done.
define install
	@if command -v uv >/dev/null 2>&1; then \
		{ [ -x $(BIN)/python ] || uv venv --quiet --seed --python "$$(command -v $(PYTHON))" $(VENV); } && \
		uv pip install --quiet --python $(BIN)/python -e '$(1)'; \
	else \
		{ [ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV); } && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '$(1)'; \
	fi
	@touch $(2)
endef

$(RUN): pyproject.toml
	$(call install,.,$@)

$(DEV): pyproject.toml
	$(call install,.[dev],$@)
	@touch $(RUN)
