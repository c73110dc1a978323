#!/bin/sh
# scripts/lint.sh check    compilers, clang-tidy, cppcheck, formatters, ruff, shellcheck
# scripts/lint.sh format   formats the C and Python code in place
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
jobs=${JOBS:-2}
python_folders='bindings scripts tests testvectors'

c_files() {
  find core cli tests bindings \( -name build -o -name '*.egg-info' \) -prune -o \
    -type f \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0
}

failed=
# step NAME COMMAND...: runs every check even if one fails, so that one run shows all.
step() {
  name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || failed="$failed, $name"
}

# compile_with COMPILER CUDA: nvcc, which takes its time, is asked once.
compile_with() {
  if ! CC=$1 scripts/configure.sh "build/lint-$1" -DCMAKE_BUILD_TYPE=Release -DGREENPRINT_WERROR=ON \
    -DGREENPRINT_CUDA="$2" \
    >"build/lint-$1.log" 2>&1 ||
    ! cmake --build "build/lint-$1" --parallel "$jobs" >"build/lint-$1.log" 2>&1; then
    tail -n 60 "build/lint-$1.log"
    return 1
  fi
}

# The command alone: nothing else knows of the network.
compile_offline() {
  if ! scripts/configure.sh build/lint-offline -DCMAKE_BUILD_TYPE=Release -DGREENPRINT_WERROR=ON \
    -DGREENPRINT_NETWORK=OFF -DGREENPRINT_BUILD_TESTS=OFF -DGREENPRINT_CUDA=OFF \
    >build/lint-offline.log 2>&1 ||
    ! cmake --build build/lint-offline --parallel "$jobs" >build/lint-offline.log 2>&1 ||
    build/lint-offline/greenprint serve 2>>build/lint-offline.log; then
    tail -n 60 build/lint-offline.log
    return 1
  fi
}

# One file for each process: given several, clang-tidy 14 sees uninitialised va_lists.
tidy() {
  find core cli -name '*.c' -print0 |
    xargs -0 -n 1 -P "$jobs" clang-tidy --quiet -p build/lint-clang --warnings-as-errors='*' \
      2>/dev/null
}

check_cppcheck() {
  cppcheck --quiet -j "$jobs" --std=c11 --inline-suppr --error-exitcode=1 \
    --enable=warning,performance,portability --suppress=missingIncludeSystem \
    -I core -I core/include core cli
}

check_format() { c_files | xargs -0 clang-format --dry-run --Werror; }

# shellcheck disable=SC2086 # folder names without blanks
check_ruff() {
  build/venv/bin/ruff check --quiet $python_folders &&
    build/venv/bin/ruff format --quiet --diff $python_folders
}

check_man() {
  pages=$(find . \( -path ./build -o -path ./.git \) -prune -o -name '*.1' -print)
  [ -n "$pages" ] || { echo 'no manual page found'; return 1; }
  printf '%s\n' "$pages" | while read -r page; do
    warnings=$(groff -man -Tutf8 -ww -z "$page" 2>&1)
    [ -z "$warnings" ] || { printf '%s\n' "$warnings"; return 1; }
  done
}

scripts/setup.sh lint
case "${1:-}" in
  check)
    step 'gcc -Werror' compile_with gcc AUTO
    step 'clang -Werror' compile_with clang OFF
    step 'without the network' compile_offline
    step clang-tidy tidy
    step cppcheck check_cppcheck
    step clang-format check_format
    step ruff check_ruff
    step shellcheck shellcheck scripts/*.sh tests/*/*.sh .ci/run
    step 'man page' check_man
    [ -z "$failed" ] || { printf 'lint: failed: %s\n' "${failed#, }"; exit 1; }
    echo 'lint: clean'
    ;;
  format)
    c_files | xargs -0 clang-format -i
    # shellcheck disable=SC2086
    build/venv/bin/ruff check --quiet --fix --exit-zero --select I $python_folders
    # shellcheck disable=SC2086
    build/venv/bin/ruff format --quiet $python_folders
    ;;
  *)
    echo 'usage: scripts/lint.sh check|format' >&2
    exit 2
    ;;
esac
