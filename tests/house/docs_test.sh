#!/usr/bin/env bash
# docs_test.sh ROOT: tools/check_docs finds each kind of fault in a copy of the documents.
set -euo pipefail
root=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/src/errand/base"
cp "$root/src/errand/base/error.cpp" "$tree/src/errand/base/"
mkdir -p "$tree/docs"
cp -r "$root/docs/errors" "$root/docs/adr" "$tree/docs/"
# Pages link to documents that this copy leaves out; only what is broken below is looked for.
cd "$tree"
rm docs/errors/QUEUE_FULL.md
sed -i 's/^Retryable: no$/Retryable: yes/' docs/errors/INTERNAL.md
cp docs/errors/INTERNAL.md docs/errors/NO_SUCH_CODE.md
echo '# 9999' >docs/adr/9999-unlisted.md
printf '# A\n\n[gone](gone.md) [there](#a) [not](#b)\n\n```\n[code](code.md)\n```\n' >docs/a.md
output=$("$root/tools/check_docs" "$tree") && { echo "bad documents pass"; exit 1; }
expect() {
  if ! grep -qF -- "$1" <<<"$output"; then printf 'not named: %s\nin:\n%s\n' "$1" "$output"; exit 1; fi
}
expect "QUEUE_FULL has no page docs/errors/QUEUE_FULL.md"
expect "docs/errors/INTERNAL.md:1: should say 'Retryable: no'"
expect "docs/errors/NO_SUCH_CODE.md:1: no error code of that name"
expect "docs/adr/README.md:1: does not list 9999-unlisted.md"
expect "docs/a.md:3: leads nowhere: gone.md"
expect "docs/a.md:3: no such heading: #b"
if grep -qE 'code\.md|heading: #a' <<<"$output"; then printf 'a good link is named:\n%s\n' "$output"; exit 1; fi
echo "every fault is named"
