#!/bin/sh
# `make test`: gets what the tests need, builds, then runs everything and counts it.
cd "$(dirname -- "$0")/.." || exit 1
exec </dev/null
sh scripts/setup.sh
if ! make --no-print-directory build; then
  echo "FAILED  build"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
exec scripts/bun run scripts/test.ts
