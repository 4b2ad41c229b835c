#!/bin/bash
# The dashboard in headless Chromium: bash tests/web/run.sh [SCRIPT.mjs] [ARGUMENTS]   (dashboard.mjs, unless another script is named)
# Exit 3: there is no Chromium.
set -uo pipefail
cd "$(dirname "$0")"
script=dashboard.mjs
case ${1:-} in *.mjs) script=$1; shift ;; esac
for candidate in "${HANDFAST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$candidate" ] && command -v "$candidate" >/dev/null; then
    HANDFAST_CHROMIUM=$(command -v "$candidate")
    export HANDFAST_CHROMIUM
    exec node "$script" "$@"
  fi
done
echo "no Chromium here" >&2
exit 3
