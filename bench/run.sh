#!/bin/bash
# Measures Handfast beside PgBouncer and beside no proxy, and its COMMIT over two databases beside a hand-written two-phase
# commit; all in one run, interleaved, on throw-away servers. Prints a markdown table; only the ratios mean something.
#   bash bench/run.sh [SECONDS]      per measurement and round (default 5; three rounds)
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup/install.sh
handfast_install tests
"$CARGO" build --release --locked --bin handfast --example bench
exec "${CARGO_TARGET_DIR:-target}/release/examples/bench" "${HANDFAST_BIN:-${CARGO_TARGET_DIR:-target}/release/handfast}" "${1:-5}"
