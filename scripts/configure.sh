#!/bin/sh
# configure.sh FOLDER OPTION...: runs cmake for a build folder. One that came along when the
# checkout was copied or moved belongs to another source folder, and starts afresh.
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$folder/CMakeCache.txt" 2>/dev/null) || home=
if [ -n "$home" ] && [ "$(cd "$home" 2>/dev/null && pwd -P)" != "$(pwd -P)" ]; then
  set -- --fresh "$@"
fi
exec cmake -S . -B "$folder" "$@"
