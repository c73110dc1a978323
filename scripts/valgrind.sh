#!/bin/sh
# Runs the C tests under valgrind's memcheck: errors, and blocks that are lost for good.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
scripts/setup.sh lint

scripts/configure.sh build/valgrind -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGREENPRINT_CUDA=OFF >/dev/null
cmake --build build/valgrind --parallel "${JOBS:-2}"
GREENPRINT_TESTS=short python3 scripts/run_tests.py --build build/valgrind --pytest --prefix \
  "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
  --suppressions='$PWD/scripts/valgrind.supp'"
