#!/bin/bash
# Every test: format, lints, unit tests, rules of the house, simulation, crashes, chaos, clients, the demo.
#   bash tests/run.sh             about 20 minutes on 2 cores from nothing
#   bash tests/run.sh --full      the full bar: 20,000 transactions of chaos per pair, streams of 2 GiB
#   bash tests/run.sh --quick     no MySQL set-up, no client drivers
# Installs what is missing (and says so first). The last line is the count; exit 0 only if nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."
FULL="" QUICK=""
for argument in "$@"; do
  case $argument in
    --full) FULL=yes ;;
    --quick) QUICK=yes ;;
    *) echo "usage: bash tests/run.sh [--full] [--quick]" >&2; exit 2 ;;
  esac
done
. tests/setup/install.sh
handfast_install tests
TARGET=${CARGO_TARGET_DIR:-target}
mkdir -p "$TARGET"
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
export HANDFAST_SKIPS="$OUT/skipped"
: > "$HANDFAST_SKIPS"
if [ -n "$FULL" ]; then export HANDFAST_CHAOS_TXNS=${HANDFAST_CHAOS_TXNS:-20000} HANDFAST_STREAM_MIB=${HANDFAST_STREAM_MIB:-2048}; fi
export HANDFAST_CHAOS_TXNS=${HANDFAST_CHAOS_TXNS:-3000}
passed=0 failed=0
started=$(date +%s)
say() { printf '\n=== %s (%s s)\n' "$*" "$(($(date +%s) - started))"; }
skip() { echo "SKIPPED: $*"; echo "$*" >> "$HANDFAST_SKIPS"; }

# One step that passes or fails as a whole.
step() {
  local name=$1
  shift
  say "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

# cargo test: every test counts.
suite() {
  local name=$1 log="$OUT/suite" status p f
  shift
  say "$name"
  "$CARGO" test --locked --no-fail-fast "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  p=$(sed -n 's/^test result: .* \([0-9]*\) passed;.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
  f=$(sed -n 's/^test result: .* \([0-9]*\) failed;.*/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; echo "FAILED: $name (no test ran to its end)"; fi
  passed=$((passed + p)) failed=$((failed + f))
}

if [ -z "$QUICK" ]; then
  say "MySQL"
  bash tests/setup/mysql.sh || echo "The tests on MySQL will be SKIPPED."
  say "client drivers"
  bash tests/setup/clients.sh "$TARGET/clients" || echo "Some client tests will be SKIPPED."
fi

if "$CARGO" fmt --version >/dev/null 2>&1; then step "format" "$CARGO" fmt --check; else skip "format: no rustfmt here"; fi
if "$CARGO" clippy --version >/dev/null 2>&1; then
  step "lints" "$CARGO" clippy --locked --all-targets -- -D warnings
else
  skip "lints: no clippy here"
fi
suite "unit tests" --lib --bins
for target in house sim; do
  if grep -q "name = \"$target\"" Cargo.toml; then suite "$target" --test "$target"; fi
done
suite "end to end" --test it
"$CARGO" build --locked --bin handfast || failed=$((failed + 1))
step "demo" env HANDFAST_BIN="$TARGET/debug/handfast" bash config/demo/run.sh --check

skipped=$(wc -l < "$HANDFAST_SKIPS")
# A test that skips itself ends as a success for cargo; it is not one.
passed=$((passed - $(grep -c '^it: ' "$HANDFAST_SKIPS")))
if [ "$skipped" -gt 0 ]; then
  say "skipped"
  cat "$HANDFAST_SKIPS"
fi
printf '\n%s s\n%s passed, %s failed, %s skipped\n' "$(($(date +%s) - started))" "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
