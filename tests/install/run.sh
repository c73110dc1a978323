#!/bin/sh
# run.sh BUILD: installs a built tree into a folder of its own and uses it as a stranger
# would, through pkg-config and through find_package, shared and static, from C and C++.
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix="$work/the prefix"
cmake --install "$build" --prefix "$prefix" >"$work/log"

for file in bin/greenprint include/greenprint.h share/man/man1/greenprint.1 \
  share/bash-completion/completions/greenprint share/zsh/site-functions/_greenprint \
  share/fish/vendor_completions.d/greenprint.fish; do
  [ -f "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
"$prefix/bin/greenprint" version >/dev/null

pc=$(find "$prefix" -name greenprint.pc)
libraries=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
LD_LIBRARY_PATH=$libraries
export PKG_CONFIG_PATH LD_LIBRARY_PATH
# pkg-config escapes blanks for a shell to read, hence eval.
eval "cc $here/consumer.c -o $work/shared $(pkg-config --cflags --libs greenprint)"
"$work/shared"
eval "cc $here/consumer.c -o $work/static $(pkg-config --cflags greenprint) \
  '$libraries/libgreenprint.a' $(pkg-config --static --libs-only-l greenprint | sed 's/-lgreenprint//')"
unset LD_LIBRARY_PATH
"$work/static"

cmake -S "$here" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" >>"$work/log"
cmake --build "$work/consumer" >>"$work/log" || { cat "$work/log"; exit 1; }
for program in c_shared cxx_shared c_static cxx_static; do
  "$work/consumer/$program"
done
