#!/bin/sh
# Fetches the XMPP servers and clients and the BGP daemons that the interop suites run as peers (about 65 MB) and unpacks them into .cache/peers.
# They are never installed: a daemon's package would start it as a service of this machine. Does nothing when they are there.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'peers: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

PEERS='prosody ejabberd go-sendxmpp bird2 frr gobgpd exabgp'
# What they are made of is unpacked even where it is installed, so that all of it is of one version.
FAMILY='^(erlang-|lua|prosody$|ejabberd$|go-sendxmpp$|bird2$|frr$|libyang2$|librtr0$|gobgpd$|exabgp$|python3-exabgp$)'

target=.cache/peers
# The first line of the marker is of this script: a change here fetches anew. The others are the packages and their versions.
stamp="fetch-peers $(cksum <.ci/fetch-peers.sh)"
[ "$(head -n 1 "$target/packages" 2>/dev/null || true)" != "$stamp" ] || exit 0

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "needs a Debian machine to fetch $PEERS"

mkdir -p .cache
work=$(mktemp -d .cache/peers.XXXXXX)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# All that the peers need beyond an empty machine, without what this one has.
wanted() {
  apt-get install -s -qq -o Dir::State::status=/dev/null --no-install-recommends $PEERS \
    >"$work/simulated" 2>"$work/log" || return 1
  for package in $(awk '/^Inst/ { print $2 }' "$work/simulated"); do
    if printf '%s\n' "$package" | grep -Eq "$FAMILY"; then
      echo "$package"
    elif [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
      echo "$package"
    fi
  done
}
download() {
  packages=$(wanted) && [ -n "$packages" ] && (cd "$work" && apt-get download -qq $packages) >"$work/log" 2>&1
}

say "fetching $PEERS, to be run by tests from $target (nothing is installed)"
if ! download; then
  if [ "$(id -u)" = 0 ]; then as_root=''; else as_root=sudo; fi
  say 'the package lists are missing or old: apt-get update'
  $as_root apt-get update -qq || fail "cannot fetch $PEERS without the package archive; the suites test/interop need them"
  download || fail "cannot fetch $PEERS: $(tail -n 3 "$work/log" 2>/dev/null)"
fi

mkdir "$work/new"
for file in "$work"/*.deb; do
  dpkg-deb -x "$file" "$work/new/root"
  dpkg-deb -f "$file" Package Version | awk '{ print $2 }' | paste -s -d ' ' >>"$work/versions"
done
{ echo "$stamp"; sort "$work/versions"; } >"$work/new/packages"
rm -rf "$target"
mv "$work/new" "$target"
