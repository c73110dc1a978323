#!/bin/sh
# Builds with sanitizers and runs the C tests, and the tests of the command, in them.
#
#   build/sanitize   AddressSanitizer (leaks included) and UndefinedBehaviorSanitizer
#   build/threads    ThreadSanitizer; C tests only
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
scripts/setup.sh build
scripts/setup.sh python
jobs=${JOBS:-2}
python=build/venv/bin/python

build_into() {
  folder=$1
  shift
  scripts/configure.sh "$folder" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGREENPRINT_WERROR=ON "$@" >/dev/null
  cmake --build "$folder" --parallel "$jobs"
}

# Some kernels lay out memory in a way that older ThreadSanitizers cannot map.
fixed_addresses() {
  if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

echo '== AddressSanitizer, UndefinedBehaviorSanitizer'
# Tests ask for more memory than there is: malloc then answers NULL, as it does elsewhere.
build_into build/sanitize -DGREENPRINT_SANITIZE=ON
ASAN_OPTIONS=allocator_may_return_null=1:strict_string_checks=1:detect_stack_use_after_return=1 \
  UBSAN_OPTIONS=print_stacktrace=1 \
  "$python" scripts/run_tests.py --build build/sanitize --pytest tests/cli

echo '== ThreadSanitizer'
build_into build/threads -DCMAKE_C_FLAGS=-fsanitize=thread
GREENPRINT_TESTS=short TSAN_OPTIONS=allocator_may_return_null=1:halt_on_error=1 \
  fixed_addresses "$python" scripts/run_tests.py --build build/threads --pytest
