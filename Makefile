# The everyday commands. What is built, and how, stands in CMakeLists.txt; what they
# need on the machine is installed by scripts/setup.sh, where it is missing.

MAKEFLAGS += --no-print-directory
BUILD := build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CMAKE_FLAGS ?=
export JOBS

.PHONY: all help demo test vectors bench bench-quick bench-instructions bench-tokenizers lint \
	format sanitize valgrind fuzz evaluate evaluate-weights calibration distillation \
	tokenizers-parity arm install clean

all:
	@scripts/setup.sh build
	@scripts/configure.sh $(BUILD) -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX='$(PREFIX)' $(CMAKE_FLAGS)
	@cmake --build $(BUILD) --parallel $(JOBS)

help:
	@echo 'make              build build/greenprint and the library'
	@echo 'make demo         mark a text of a real language model and find the mark again'
	@echo 'make test         every test; ends with a count'
	@echo 'make vectors      check that the reference still makes the committed test vectors'
	@echo 'make bench        what marking and scoring cost (minutes); writes docs/performance.md'
	@echo 'make bench-quick  a first look at that, in a minute'
	@echo 'make bench-instructions  instructions of the hot paths against the committed counts'
	@echo 'make lint         compilers, clang-tidy, cppcheck, formatters, ruff, shellcheck'
	@echo 'make format       format the C and Python code in place'
	@echo 'make sanitize     C and command tests under AddressSanitizer, UBSan, ThreadSanitizer'
	@echo 'make valgrind     C tests under valgrind'
	@echo 'make arm          C tests for 64-bit ARM under qemu, and its reports against ours'
	@echo 'make fuzz         each fuzzer for SECONDS=30, or those in FUZZ="name name"'
	@echo 'make evaluate     detection and text quality on a real model (minutes)'
	@echo 'make evaluate-weights  what a reference model saves on predictable text (minutes)'
	@echo 'make calibration  false positives on human texts, or DATA=file.jsonl; writes docs/calibration.md'
	@echo 'make distillation students of marked text, audited (hours); writes docs/distillation.md'
	@echo 'make tokenizers-parity   200,000 texts: our token ids against the real libraries (an hour)'
	@echo 'make bench-tokenizers    speed of tokenizing beside tokenizers and tiktoken'
	@echo 'make install      install to PREFIX (default /usr/local), below DESTDIR if set'
	@echo 'make clean        remove build/, the Python environment included'

demo: all
	@scripts/setup.sh python
	@$(BUILD)/venv/bin/python scripts/demo.py

test: all
	@scripts/setup.sh test
	@$(BUILD)/venv/bin/python scripts/run_tests.py

vectors:
	@scripts/setup.sh python
	@$(BUILD)/venv/bin/python testvectors/reference/generate.py --check

bench: all
	@scripts/setup.sh docs
	@$(BUILD)/venv/bin/python tests/bench/performance.py

bench-quick: all
	@$(BUILD)/bench_greenprint --seconds 0.03 --patience 1

bench-instructions: all
	@scripts/setup.sh lint
	@python3 tests/bench/instructions.py $(if $(RECORD),--record)

lint:
	@scripts/lint.sh check

format:
	@scripts/lint.sh format

sanitize:
	@scripts/sanitize.sh

valgrind:
	@scripts/valgrind.sh

arm: all
	@scripts/arm.sh $(TESTS)

SECONDS ?= 30
fuzz:
	@scripts/fuzz.sh '$(SECONDS)' $(FUZZ)

evaluate: all
	@scripts/setup.sh python
	@$(BUILD)/venv/bin/python tests/evaluation/detection.py

evaluate-weights: all
	@scripts/setup.sh python
	@$(BUILD)/venv/bin/python tests/evaluation/reference_weights.py

calibration: all
	@scripts/setup.sh docs
	@$(BUILD)/venv/bin/python tests/calibration/false_positives.py \
	  $(if $(DATA),--data '$(DATA)' --write $(BUILD)/calibration,--write docs)

distillation: all
	@scripts/setup.sh docs
	@$(BUILD)/venv/bin/python tests/distillation/teacher.py
	@$(BUILD)/venv/bin/python tests/distillation/experiment.py words
	@$(BUILD)/venv/bin/python tests/distillation/experiment.py more-words
	@$(BUILD)/venv/bin/python tests/distillation/experiment.py answers
	@$(BUILD)/venv/bin/python tests/distillation/experiment.py teacher
	@$(BUILD)/venv/bin/python tests/distillation/report.py --write docs

tokenizers-parity: all
	@scripts/setup.sh python
	@$(BUILD)/venv/bin/python tests/tokenizers/parity.py --strings 200000 $(if $(SEED),--seed $(SEED))

bench-tokenizers: all
	@scripts/setup.sh python
	@$(BUILD)/venv/bin/python tests/tokenizers/speed.py

install: all
	@cmake --install $(BUILD)

clean:
	rm -rf $(BUILD)
