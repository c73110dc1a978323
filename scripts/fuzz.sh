#!/bin/sh
# fuzz.sh SECONDS [NAME...]: builds the fuzzers of tests/fuzz and runs each, or those named,
# for so many seconds, two at a time (JOBS). Prints a line for each; ends with status 1 when
# one found something, and says where the input is.
#
#   build/fuzz            the programs
#   build/fuzz-corpus     what they learnt, beginning with tests/fuzz/seeds; kept between runs
#   build/fuzz-findings   inputs that broke something, and logs
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."
jobs=${JOBS:-2}

# Every input is small, so that whoever takes much time or memory has believed what it claims.
# The longest line that a small gzip file may hold has 64 MiB, and its ids take twice as much.
max_length=16384
malloc_limit_mb=256
rss_limit_mb=1024
timeout_s=30

# stat_of NAME LOG: a figure of -print_final_stats=1.
stat_of() { sed -n "s/^stat::$1: *//p" "$2" | tail -n 1; }

# run_one SECONDS NAME
run_one() {
  name=$2
  corpus=build/fuzz-corpus/$name
  log=build/fuzz-findings/$name.log
  mkdir -p "$corpus"
  cp tests/fuzz/seeds/"$name"/* "$corpus"/
  set -- -max_total_time="$1" -max_len=$max_length -timeout=$timeout_s \
    -rss_limit_mb=$rss_limit_mb -malloc_limit_mb=$malloc_limit_mb \
    -print_final_stats=1 -artifact_prefix=build/fuzz-findings/"$name"-
  if [ -f tests/fuzz/dictionaries/"$name".dict ]; then
    set -- "$@" -dict=tests/fuzz/dictionaries/"$name".dict
  fi
  status=0
  build/fuzz/fuzz_"$name" "$@" "$corpus" >"$log" 2>&1 || status=$?
  executions=$(stat_of number_of_executed_units "$log")
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  printf '%-16s %9s executions, coverage %5s edges, %5s inputs, slowest %s s, ' "$name" \
    "${executions:-?}" "${coverage:-?}" "$(find "$corpus" -type f | wc -l)" \
    "$(stat_of slowest_unit_time_sec "$log")"
  if [ "$status" -eq 0 ]; then
    echo 'no finding'
    return 0
  fi
  found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  reason=$(grep -m 1 -E 'BROKEN PROMISE|ERROR:|runtime error:' "$log" || true)
  printf 'FINDING: %s\n    input: %s\n    log:   %s\n' "${reason:-status $status}" \
    "${found:-none was written}" "$log"
  return 1
}

if [ "${1:-}" = --one ]; then
  run_one "$2" "$3"
  exit
fi

seconds=${1:-}
case $seconds in
  '' | *[!0-9]*)
    echo 'usage: scripts/fuzz.sh SECONDS [NAME...]' >&2
    exit 2
    ;;
esac
shift

scripts/setup.sh fuzz
CC=clang scripts/configure.sh build/fuzz -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGREENPRINT_FUZZ=ON \
  -DGREENPRINT_WERROR=ON -DGREENPRINT_BUILD_CLI=OFF -DGREENPRINT_BUILD_TESTS=OFF >/dev/null
cmake --build build/fuzz --parallel "$jobs"

if [ $# -eq 0 ]; then
  for program in build/fuzz/fuzz_*; do
    set -- "$@" "${program##*/fuzz_}"
  done
fi
mkdir -p build/fuzz-findings
status=0
printf '%s\n' "$@" | xargs -n 1 -P "$jobs" scripts/fuzz.sh --one "$seconds" || status=1
if [ "$status" -eq 0 ]; then
  echo "fuzz: $# fuzzers, $seconds s each, no finding"
else
  echo "fuzz: something was found; run build/fuzz/fuzz_NAME with the input to see it"
fi
exit "$status"
