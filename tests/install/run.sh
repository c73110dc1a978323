#!/bin/sh
# run.sh BUILD: installs a built tree into a folder of its own and uses it as a stranger
# would: through pkg-config, find_package and add_subdirectory, shared and static, from C
# and C++.
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
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
if [ -e "$build/libgreenprint_cuda.so" ]; then
  printf '#include <greenprint_cuda.h>\nint main(void) { gp_cuda_watermark_free(0); return 0; }\n' \
    >"$work/cuda.c"
  eval "cc $work/cuda.c -o $work/cuda $(pkg-config --cflags --libs greenprint) -lgreenprint_cuda"
  "$work/cuda"
fi
unset LD_LIBRARY_PATH
"$work/static"

unset PKG_CONFIG_PATH

# logged COMMAND...: shows what a command said only if it fails.
logged() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }

logged cmake -S "$here" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix"
logged cmake --build "$work/consumer"
for program in c_shared cxx_shared c_static cxx_static; do
  "$work/consumer/$program"
done

# The shared library, on a machine without the headers of the libraries it uses.
mkdir "$work/nothing"
PKG_CONFIG_LIBDIR=$work/nothing
export PKG_CONFIG_LIBDIR
logged cmake -S "$here" -B "$work/bare" -DCMAKE_PREFIX_PATH="$prefix" \
  -DKINDS=shared -DABSENT=static -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
unset PKG_CONFIG_LIBDIR
logged cmake --build "$work/bare"
"$work/bare/c_shared"

# As a folder of another project, which must not install it.
logged cmake -S "$here" -B "$work/outer" -DGREENPRINT_SOURCE="$source"
logged cmake --build "$work/outer" --target c_static
"$work/outer/c_static"
logged cmake --install "$work/outer" --prefix "$work/outer prefix"
[ ! -e "$work/outer prefix/include" ] || { echo "installed by another project"; exit 1; }

# Folders given as absolute paths.
logged cmake -S "$source" -B "$work/absolute" -DGREENPRINT_BUILD_TESTS=OFF \
  -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=/opt/a/lib -DCMAKE_INSTALL_INCLUDEDIR=/opt/b
flags=$(sed '/^Requires/d' "$work/absolute/greenprint.pc" >"$work/nothing/absolute.pc" &&
  PKG_CONFIG_LIBDIR=$work/nothing pkg-config --cflags --libs absolute)
case $flags in
  '-I/opt/b -L/opt/a/lib -lgreenprint'*) ;;
  *) echo "wrong flags for absolute folders: $flags"; exit 1 ;;
esac
