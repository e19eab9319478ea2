#!/usr/bin/env bash
# dev_test.sh ROOT: ./dev explains itself, refuses what it does not know, and says what failed.
set -euo pipefail
root=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fails() { printf '%s\n' "$*"; exit 1; }

grep -q '^  setup ' <<<"$("$root/dev" --help)" || fails "--help does not list the commands"
for command in setup build demo test lint fmt bench docs; do
  grep -q "^Usage: ./dev $command" <<<"$("$root/dev" "$command" --help)" || fails "$command has no --help"
done
status=0; "$root/dev" nonsense >"$folder/out" 2>&1 || status=$?
[ "$status" -eq 2 ] && grep -q "no command nonsense" "$folder/out" || fails "an unknown command: status $status"
status=0; "$root/dev" build --nonsense >"$folder/out" 2>&1 || status=$?
[ "$status" -eq 2 ] && grep -q "unknown option --nonsense" "$folder/out" || fails "an unknown option: status $status"

# In a repository whose documents are broken, the failing command is shown with the end of its log.
cp "$root/dev" "$folder/dev"
mkdir -p "$folder/tools"
printf '#!/bin/sh\necho what went wrong\nexit 3\n' >"$folder/tools/check_docs"
chmod +x "$folder/tools/check_docs"
status=0; "$folder/dev" docs >"$folder/out" 2>&1 || status=$?
[ "$status" -eq 3 ] || fails "the status of a failed step is lost: $status"
grep -q "docs failed after .* (status 3): tools/check_docs" "$folder/out" || fails "the command is not named: $(cat "$folder/out")"
grep -q "what went wrong" "$folder/out" || fails "the log is not shown"
echo "dev behaves"
