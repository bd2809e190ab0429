#!/usr/bin/env bash
# Runs the RPC protocols' own conformance suite against a server on our kit. Needs `make external` once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PWD/.tools/node_modules/.bin:$PWD/node_modules/.bin:$PATH"

suite=.tools/bin/connectconformance
[[ -x $suite ]] || { echo "conformance: $suite is missing; run: make external" >&2; exit 1; }

(cd deploy/conformance && buf generate)
exec "$suite" --mode server --conf deploy/conformance/config.yaml \
  --known-failing @deploy/conformance/known-failing.txt --trace "$@" \
  -- node deploy/conformance/server.ts
