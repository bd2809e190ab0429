#!/usr/bin/env bash
# Puts the S3 server (versitygw, built from source, pinned) into .tools/bin. Does nothing when it is already there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly VERSITYGW=v1.7.0
readonly file=.tools/bin/versitygw-$VERSITYGW

if [[ ! -x $file ]]; then
  command -v go >/dev/null || { echo 's3: go is missing; install Go 1.25 or newer (Debian: golang)' >&2; exit 1; }
  echo "Building versitygw $VERSITYGW (a minute or two)" >&2
  mkdir -p .tools/bin
  build="$(mktemp -d .tools/s3-build.XXXXXX)"
  trap 'rm -rf "$build"' EXIT
  GOBIN="$PWD/$build" GOFLAGS=-modcacherw go install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW"
  mv "$build/versitygw" "$file"
fi
ln -sf "versitygw-$VERSITYGW" .tools/bin/versitygw
