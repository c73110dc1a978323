#!/bin/sh
# Builds everything for 64-bit ARM with Debian's cross compiler, compares what that command
# reports with what this machine's does, and runs the C tests under qemu's user emulation, or
# those named: scripts/arm.sh embed vectors. Ends with a count. Says so, and skips, where that
# cannot be.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
emulator=qemu-aarch64

skip() {
  printf 'arm: SKIPPED: %s\n' "$*" >&2
  echo 'total: 0 passed, 0 failed, 1 skipped'
  exit 0
}

case $(uname -m) in
  aarch64 | arm64) skip 'this machine is 64-bit ARM: make test runs all of it without emulation' ;;
esac
scripts/setup.sh build
scripts/setup.sh arm || skip 'what emulating ARM needs (scripts/setup.sh arm) is not to be had here'

scripts/configure.sh build/arm -DCMAKE_BUILD_TYPE=Release -DGREENPRINT_WERROR=ON \
  -DGREENPRINT_CUDA=OFF -DGREENPRINT_NETWORK=OFF -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/aarch64-linux-gnu.cmake" >/dev/null
targets=all
only=.
if [ $# -gt 0 ]; then
  targets="greenprint_cli $(printf 'test_%s ' "$@")"
  only="^unit\.($(printf '%s|' "$@")none)$"
fi
# shellcheck disable=SC2086 # names of targets
cmake --build build/arm --parallel "${JOBS:-2}" --target $targets
python3 tests/arm/reports.py "'$PWD/build/greenprint'" "$emulator '$PWD/build/arm/greenprint'"
python3 scripts/run_tests.py --build build/arm --only "$only" --pytest --prefix "$emulator"
