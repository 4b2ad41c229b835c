#!/bin/bash
# Sets everything up and shows it: two databases, an order, kill -9, nothing half-done.
#   bash config/demo/run.sh [--check] [--step] [--keep] [--orders N] [--seed N]
# Installs by apt what is missing (and says so first), builds, and plays the demo. The second time: no apt, no build.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/install.sh
handfast_install demo
if [ -z "${HANDFAST_BIN:-}" ]; then
  echo "Building Handfast (a few minutes the first time)."
  "$CARGO" build --release --locked --bin handfast
  HANDFAST_BIN=${CARGO_TARGET_DIR:-target}/release/handfast
fi
exec "$HANDFAST_BIN" demo "$@"
