#!/bin/bash
# Every test: format, lints, unit tests, rules of the house, simulation, crashes, chaos, clients, the demo.
#   bash tests/run.sh             about 40 minutes on 2 cores from nothing
#   bash tests/run.sh --full      the full bar: 20,000 transactions of chaos per pair, streams of 2 GiB, suites as --suites
#   bash tests/run.sh --suites    the whole of other projects' suites, over one backend and two (default: a part, over one)
#   bash tests/run.sh --quick     no MySQL set-up, no client drivers
# Installs what is missing (and says so first). The last line is the count; exit 0 only if nothing failed.
set -uo pipefail
cd "$(dirname "$0")/.."
FULL="" QUICK="" SUITES=""
for argument in "$@"; do
  case $argument in
    --full) FULL=yes SUITES=yes ;;
    --suites) SUITES=yes ;;
    --quick) QUICK=yes ;;
    *) echo "usage: bash tests/run.sh [--full] [--suites] [--quick]" >&2; exit 2 ;;
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

# A suite that nobody here wrote: what passes directly counts as passed or failed by how it does through Handfast.
foreign_suite() {
  local log="$OUT/foreign" name=$1 status p f
  say "suite $*"
  bash tests/suites/run.sh "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  if [ "$status" -eq 3 ]; then skip "suite $name: it cannot be had or run here"; return; fi
  p=$(sed -n 's/^suite .* through \([0-9]*\) passed of those.*/\1/p' "$log")
  f=$(grep -c '^  FAILED: ' "$log")
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; echo "FAILED: suite $name"; fi
  passed=$((passed + ${p:-0})) failed=$((failed + f))
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
if [ -z "$QUICK" ]; then
  for suite in $(grep -l '^ENGINE=' tests/suites/*.sh); do
    suite=$(basename "$suite" .sh)
    if [ -n "$SUITES" ]; then
      foreign_suite "$suite" --all
      foreign_suite "$suite" --all --backends 2
    else
      foreign_suite "$suite" --part
    fi
  done
fi
# A script that counts for itself ("N passed, M failed" on its last line) and says SKIPPED where something is not here.
counted() {
  local name=$1 log="$OUT/counted" status p f
  shift
  say "$name"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  if [ "$status" -eq 3 ]; then skip "$name: $(tail -1 "$log")"; return; fi
  sed -n 's/^SKIPPED: //p' "$log" >> "$HANDFAST_SKIPS"
  p=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log")
  f=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log")
  if [ "$status" -ne 0 ] && [ "${f:-0}" -eq 0 ]; then f=1; echo "FAILED: $name (it did not run to its end)"; fi
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0}))
}
counted "dashboard in Chromium" bash tests/web/run.sh
counted "the operator's story in Chromium" env HANDFAST_BIN="$TARGET/debug/handfast" HANDFAST_METRICS="$OUT/metrics" bash tests/web/story.sh
counted "what is shipped to be run with" /usr/bin/python3 tests/deploy/check.py --handfast "$TARGET/debug/handfast" --metrics "$OUT/metrics"
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
