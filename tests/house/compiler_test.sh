#!/usr/bin/env bash
# compiler_test.sh ROOT CMAKE: a configure with GCC, or a Clang that is too old, stops with the reason.
set -euo pipefail
root=$1 cmake=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

refused() {  # TEXT COMMAND...
  local text=$1 output
  shift
  if output=$("$@" 2>&1); then printf 'not refused: %s\n' "$*"; exit 1; fi
  if ! grep -qF -- "$text" <<<"$(tr -s ' \n' ' ' <<<"$output")"; then printf 'without the reason:\n%s\n' "$output"; exit 1; fi
}
as() { "$cmake" "-DCMAKE_CXX_COMPILER_ID=$1" "-DCMAKE_CXX_COMPILER_VERSION=$2" -P "$root/cmake/compiler.cmake"; }

refused "destroys some temporaries of a co_await statement twice" as GNU 12.2.0
refused "Errand needs Clang 19, found Clang 14.0.6" as Clang 14.0.6
# Where GCC is installed, the real thing as well.
if command -v g++ >/dev/null; then
  refused "Errand is not built with GCC" "$cmake" -S "$root" -B "$folder" -G Ninja -DCMAKE_CXX_COMPILER=g++
fi
echo "refused, with the reason"
