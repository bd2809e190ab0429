#!/usr/bin/env bash
# Brings the project's own Node and pnpm, then its packages. Needs npm and any Node >= 20.
#
# Both steps are no-ops when their stamp still matches: the stamp holds a sum of the files that
# decide the outcome and lives inside the folder it vouches for, so deleting the folder deletes it.
# No install script runs: the toolchain is made of platform packages that carry the binary itself.
#
#   bootstrap.sh              toolchain and packages
#   bootstrap.sh toolchain    toolchain only
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly NODE_VERSION=24.21.0 PNPM_VERSION=12.21.0
readonly toolchain=deploy/tools/toolchain

say() { printf '%s\n' "$*" >&2; }
fail() { say "bootstrap: $*"; exit 1; }
sum_of() { cat "$@" | cksum; }

platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-amd64) echo linux-x64 ;;
    Linux-aarch64 | Linux-arm64) echo linux-arm64 ;;
    *) echo other ;;
  esac
}

# Installed beside the old toolchain and swapped in by rename: what runs meanwhile keeps working.
install_toolchain() {
  local stamp=.tools/node_modules/.entdb-stamp want
  want="$(sum_of "$toolchain"/package*.json deploy/tools/bootstrap.sh)"
  [[ -f $stamp && "$(<"$stamp")" == "$want" ]] && return

  command -v npm >/dev/null || fail 'npm is missing; install Node 20 or newer (npm comes with it), then run this again'
  say "Installing Node $NODE_VERSION and pnpm $PNPM_VERSION into .tools"
  mkdir -p .tools
  local staging
  staging="$(mktemp -d .tools/staging.XXXXXX)"
  trap 'rm -rf "$staging"' EXIT
  cp "$toolchain"/package*.json "$staging/"

  case "$(platform)" in
    other) link_system_toolchain "$staging/node_modules/.bin" ;;
    *)
      npm ci --prefix "$staging" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
      ln -sf "../@pnpm/exe.$(platform)/pnpm" "$staging/node_modules/.bin/pnpm"
      ;;
  esac

  local got
  got="$("$staging/node_modules/.bin/node" --version)" || fail "the installed Node does not start on $(uname -sm)"
  [[ "$(platform)" == other || $got == "v$NODE_VERSION" ]] || fail "Node $got arrived where v$NODE_VERSION was pinned"
  got="$("$staging/node_modules/.bin/pnpm" --version)" || fail "the installed pnpm does not start on $(uname -sm)"
  [[ "$(platform)" == other || $got == "$PNPM_VERSION" ]] || fail "pnpm $got arrived where $PNPM_VERSION was pinned"

  printf '%s\n' "$want" >"$staging/node_modules/.entdb-stamp"
  [[ ! -e .tools/node_modules ]] || mv .tools/node_modules "$staging/replaced"
  mv "$staging/node_modules" .tools/node_modules
  rm -rf "$staging"
  trap - EXIT
}

# Platforms without a pinned Node package use what the person has, once it is new enough.
link_system_toolchain() {
  local bin=$1 node pnpm
  node="$(command -v node)" && pnpm="$(command -v pnpm)" ||
    fail "no pinned Node for $(uname -sm): put Node 24.6 or newer and pnpm $PNPM_VERSION on PATH"
  "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 24 || (a === 24 && b >= 6) ? 0 : 1)' ||
    fail "Node $("$node" --version) is too old for EntDB and $(uname -sm) has no pinned one: install Node 24.6 or newer"
  mkdir -p "$bin"
  ln -s "$node" "$bin/node"
  ln -s "$pnpm" "$bin/pnpm"
}

install_packages() {
  local stamp=node_modules/.entdb-stamp want
  want="$(sum_of .tools/node_modules/.entdb-stamp pnpm-lock.yaml pnpm-workspace.yaml package.json \
    $(find libs services deploy e2e examples patches -name node_modules -prune -o -type f \( -name package.json -o -name '*.patch' \) -print 2>/dev/null | LC_ALL=C sort))"
  [[ -f $stamp && "$(<"$stamp")" == "$want" ]] && return

  say 'Installing packages'
  PATH="$PWD/.tools/node_modules/.bin:$PATH" CI=true pnpm install --frozen-lockfile --reporter=append-only >&2 ||
    fail 'pnpm install failed; after a change to a package.json run: make lock'
  printf '%s\n' "$want" >"$stamp"
}

install_toolchain
[[ "${1:-all}" == toolchain ]] || install_packages
