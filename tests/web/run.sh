#!/bin/bash
# The dashboard in headless Chromium: bash tests/web/run.sh [--url http://127.0.0.1:6480 --name TRANSACTION]   (see dashboard.mjs)
# Exit 3: there is no Chromium and it cannot be installed.
set -uo pipefail
cd "$(dirname "$0")"
for candidate in "${HANDFAST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$candidate" ] && command -v "$candidate" >/dev/null; then
    HANDFAST_CHROMIUM=$(command -v "$candidate")
    export HANDFAST_CHROMIUM
    exec node dashboard.mjs "$@"
  fi
done
echo "no Chromium here" >&2
exit 3
