#!/bin/sh
# Runs cli.ts on the project's own Node, wherever it is called from.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../../.tools/node_modules/.bin:$PATH
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)'; then
  echo "s3: Node 24 is needed; run make install at the top of the project" >&2
  exit 1
fi
exec node "$here/cli.ts" "$@"
