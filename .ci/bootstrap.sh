#!/bin/sh
# Installs what the project needs on a Debian machine that has Node 20 or newer and npm: apt packages, pnpm's packages
# (Node 24 among them), the lab kernel, and peers for the tests. Says what it does; does nothing twice.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'bootstrap: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

PNPM=pnpm@12.21.0
PACKAGES='qemu-system-x86 busybox-static cpio kmod xz-utils iproute2 iputils-ping nftables tcpdump openssl python3-slixmpp'

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || fail "needs Linux on x86_64, this is $(uname -s) on $(uname -m)"
command -v node >/dev/null && command -v npx >/dev/null || fail 'needs Node 20 or newer and npm: apt-get install nodejs npm, or nodejs.org'
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || fail "needs Node 20 or newer, this is $(node --version)"

missing=''
for package in $PACKAGES; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || fail "needs the Debian packages$missing, and there is no apt-get here"
  if [ "$(id -u)" = 0 ]; then as_root=''; else as_root=sudo; fi
  [ -z "$as_root" ] || command -v sudo >/dev/null || fail "needs root or sudo to install$missing"
  say "installing Debian packages:$missing"
  $as_root apt-get update -qq
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if [ ! -e node_modules/.modules.yaml ] || [ pnpm-lock.yaml -nt node_modules/.modules.yaml ]; then
  say "installing npm packages with $PNPM (Node 24 among them)"
  npx -y "$PNPM" install --frozen-lockfile --reporter=append-only >&2
  touch node_modules/.modules.yaml
fi

PATH="$PWD/node_modules/.bin:$PATH"
if ! node netns-lab/src/main.ts probe >/dev/null; then
  node netns-lab/src/main.ts fetch >&2
fi

sh .ci/fetch-peers.sh
