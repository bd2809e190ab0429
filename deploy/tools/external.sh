#!/usr/bin/env bash
# Brings the external parts that some tests need, pinned, into .tools. Fast when they are there.
# Needs Java 17 and Maven (Kafka), Go (grpcurl, the conformance suite, the S3 server) and Python 3 (grpcio).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly GRPCURL=v1.9.4 CONFORMANCE=v1.0.7
readonly requirements=deploy/tools/python-requirements.txt

need() { command -v "$1" >/dev/null || { echo "external: $1 is missing; install $2" >&2; exit 1; }; }

# go_tool NAME PACKAGE VERSION: the version is part of the file name, so a new pin is a new file.
go_tool() {
  local file=".tools/bin/$1-$3"
  if [[ ! -x $file ]]; then
    need go 'Go 1.25 or newer (Debian: golang)'
    echo "Building $1 $3" >&2
    rm -rf .tools/go-build && mkdir -p .tools/go-build .tools/bin
    GOBIN="$PWD/.tools/go-build" GOFLAGS=-modcacherw go install "$2@$3"
    mv ".tools/go-build/$1" "$file"
    rmdir .tools/go-build
  fi
  ln -sf "$1-$3" ".tools/bin/$1"
}

python_venv() {
  local stamp=.tools/venv/.entdb-stamp
  [[ -f $stamp && "$(<"$stamp")" == "$(cksum <"$requirements")" ]] && return
  need python3 'Python 3.9 or newer with venv (Debian: python3-venv)'
  echo 'Installing grpcio' >&2
  rm -rf .tools/venv
  python3 -m venv .tools/venv
  .tools/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r "$requirements"
  cksum <"$requirements" >"$stamp"
}

deploy/kafka/install.sh
deploy/s3/install.sh
go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl "$GRPCURL"
go_tool connectconformance connectrpc.com/conformance/cmd/connectconformance "$CONFORMANCE"
python_venv
