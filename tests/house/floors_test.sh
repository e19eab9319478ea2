#!/usr/bin/env bash
# floors_test.sh ROOT: tools/check_floors finds each kind of fault in a small tree, and none in a good one.
set -euo pipefail
root=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/tools "$tree"/src/errand/{base,json,job,store/sqlite,engine,odd}
cp "$root/tools/floors.txt" "$tree/tools/"
cd "$tree/src/errand"
list() { printf 'errand_library(%s SOURCES a.cpp target_a.cpp DEPENDS %s)\nerrand_test(%s SOURCES a_test.cpp)\n' "$1" "$2" "$1" >"$1/CMakeLists.txt"; }
list base ""; list json base; list job "base json"; list store/sqlite base; list engine "base job"
echo '#include "errand/base/x.h"' | tee json/a.h store/sqlite/a.h engine/a.h job/a.h >/dev/null
echo '#include "errand/json/x.h"' >>job/a.h
echo '#include "errand/job/x.h"' >>engine/a.h

status=0
output=$("$root/tools/check_floors" "$tree") || { echo "a good tree is refused: $output"; exit 1; }

expect() {  # TEXT: the output has a line with it
  if ! grep -qF -- "$1" <<<"$output"; then printf 'not named: %s\nin:\n%s\n' "$1" "$output"; exit 1; fi
}
echo '#include "errand/engine/engine.h"' >base/up.h
echo '#include "errand/store/sqlite/open.h"' >engine/sideways.cpp
echo '#include "errand/nowhere/x.h"' >json/nowhere.h
echo '#include <thread>' >job/thread.cpp
echo '#include "errand/base/x.h"' >odd/a.h
echo '#include "errand/engine/engine.h"' >base/up_test.cpp
list engine "base job json"
output=$("$root/tools/check_floors" "$tree") && { echo "a bad tree passes"; exit 1; } || status=$?
[ "$status" -eq 1 ] || { echo "status $status"; exit 1; }
expect "src/errand/base/up.h:1: base (floor 0) includes engine/engine.h: up to floor 5"
expect "src/errand/base/up_test.cpp:1: base (floor 0) includes engine/engine.h: up to floor 5"
expect "src/errand/engine/sideways.cpp:1: engine includes store/sqlite/open.h: sideways on floor 5"
expect "src/errand/json/nowhere.h:1: includes nowhere/x.h, whose folder has no floor"
expect "src/errand/job/thread.cpp:1: job is pure: no Asio, thread or file"
expect "src/errand/odd/a.h:1: odd has no floor"
expect "store/sqlite is not in DEPENDS of src/errand/engine/CMakeLists.txt"
expect "src/errand/engine/CMakeLists.txt: json is in DEPENDS, but nothing of it is included"
echo "every fault is named"
