#!/bin/sh
# package_test.sh CMAKE BUILD_FOLDER COMPILER GENERATOR FLAGS
#
# Installs errand-worker from its build folder and builds package/ against that alone.
set -eu
cmake=$1 build=$2 compiler=$3 generator=$4 flags=$5
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$cmake" --install "$build" --prefix "$folder/installed" >"$folder/log" || { cat "$folder/log"; exit 1; }
"$cmake" -S "$here/package" -B "$folder/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" \
  -DCMAKE_PREFIX_PATH="$folder/installed" -DCMAKE_BUILD_TYPE=Debug >"$folder/log" || { cat "$folder/log"; exit 1; }
"$cmake" --build "$folder/build" >"$folder/log" || { cat "$folder/log"; exit 1; }
"$folder/build/consumer"
