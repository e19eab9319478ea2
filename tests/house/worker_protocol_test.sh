#!/usr/bin/env bash
# worker_protocol_test.sh ROOT: tools/worker_protocol.mjs --check names each file of a copy that is not what the source says, and
# writing makes them so again.
set -euo pipefail
root=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/docs"
cp -r "$root/docs/protocol" "$tree/docs/"
check() { node "$root/tools/worker_protocol.mjs" --check "$tree"; }
cd "$tree/docs/protocol"
check || { echo "an untouched copy fails"; exit 1; }
sed -i 's/"maxItems": 1000/"maxItems": 999/' schemas/worker/hello.json
rm schemas/worker/cancel.json
echo '{}' >schemas/worker/steal.json
sed -i 's/"action": "send"/"action": "receive"/' worker.asyncapi.json
sed -i 's/^| 4408 .*/| 4408 | nothing | no |/' worker.md
echo 'More.' >>worker-messages.md
output=$(check) && { echo "changed documents pass"; exit 1; }
expect() {
  if ! grep -qF -- "docs/protocol/$1" <<<"$output"; then printf 'not named: %s\nin:\n%s\n' "$1" "$output"; exit 1; fi
}
expect "schemas/worker/hello.json: differs"
expect "schemas/worker/cancel.json: is missing"
expect "schemas/worker/steal.json: is of no message"
expect "worker.asyncapi.json: differs"
expect "worker.md: differs"
expect "worker-messages.md: differs"
[ "$(printf '%s\n' "$output" | grep -c '^docs/')" -eq 6 ] || { printf 'others are named too:\n%s\n' "$output"; exit 1; }
node "$root/tools/worker_protocol.mjs" "$tree" >/dev/null
check
diff -r "$root/docs/protocol" "$tree/docs/protocol"
echo "every fault is named"
