#!/bin/sh
# The shared library exports what the header declares and nothing else.
set -eu
library=$1
header=$2
exported=$(nm -D --defined-only "$library" | awk '{print $3}' | sort)
declared=$(tr '\n' ' ' <"$header" | grep -o 'GP_API [^;]*;' | grep -o 'gp_[a-z0-9_]* *(' |
  tr -d ' (' | sort)
if [ -z "$exported" ] || [ "$exported" != "$declared" ]; then
  echo "exported by the library:" && echo "$exported"
  echo "declared in the header:" && echo "$declared"
  exit 1
fi
