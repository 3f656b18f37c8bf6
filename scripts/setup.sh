#!/bin/sh
# Installs what the tests need and this machine lacks, where it may, and prints what it could not get. What a test needs
# and does not find, it says itself: that test is skipped, and skips not listed in tests/allowed-skips.txt fail the run.
needed='
cc      gcc libc6-dev
git     git
rg      ripgrep
jq      jq
python3 python3
openssl openssl
curl    curl
ps      procps
zsh     zsh
fish    fish
mandoc  mandoc
dbus-run-session dbus
gnome-keyring-daemon gnome-keyring
secret-tool libsecret-tools
gdbus   libglib2.0-bin
pg_ctlcluster postgresql
'
missing=$(echo "$needed" | while read -r program packages; do
  [ -z "$program" ] || command -v "$program" >/dev/null 2>&1 || echo "$packages"
done)
if [ -n "$missing" ]; then
  sudo=
  if [ "$(id -u)" != 0 ]; then sudo='sudo -n'; fi
  if command -v apt-get >/dev/null 2>&1 && $sudo true 2>/dev/null; then
    echo "Installing" $missing
    log=$(mktemp)
    # One retry with new lists: those of an image may be old or absent.
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends $missing >"$log" 2>&1 ||
      { $sudo apt-get update -qq >"$log" 2>&1 &&
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends $missing >"$log" 2>&1; } ||
      { echo "Cannot install" $missing; tail -n 5 "$log"; }
    rm -f "$log"
  else
    echo "Cannot install" $missing "here: not root, or no apt-get"
  fi
fi
for component in clippy rustfmt; do
  case $component in clippy) command=clippy ;; *) command=fmt ;; esac
  scripts/cargo $command --version >/dev/null 2>&1 || rustup component add $component >/dev/null 2>&1 ||
    echo "Cannot add $component to the Rust toolchain"
done
# The model that the tests of local models use. Without it they are skipped.
sh scripts/weights .cache/models || true
# The language servers that are asked in tests. Tests of those that are not here are skipped.
sh scripts/language-servers .cache/language-servers
# The Python SDK of MCP, for the same reason.
sh scripts/python-server .cache/python-server
