#!/bin/bash
# Runs a suite that nobody here wrote, directly and through Handfast, and compares.
#   bash tests/suites/run.sh SUITE [--part|--all] [--backends 1|2] [--through] [--keep] [--only REGEX]
# SUITE: the name of a script beside this one. --part (default): what fits into CI's time. --backends 2: a second database is
# configured, so that Handfast itself begins and ends the transactions. --through: not directly; all tests count that succeed.
# --only: tests whose names match. HANDFAST_BIN: the program; default: target/debug/handfast.
# Exit 0: all that passes directly passes through Handfast, but for the tests in SUITE.exclusions. It says so when those are
# more than one in two hundred; 3: the suite cannot be had or run here.
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/../.."
TARGET=${CARGO_TARGET_DIR:-target}
HANDFAST_BIN=${HANDFAST_BIN:-$TARGET/debug/handfast}
SUITE="" PART=yes DIRECT=yes KEEP="" ONLY="" BACKENDS=1
while [ $# -gt 0 ]; do
  case $1 in
    --part) PART=yes ;;
    --all) PART="" ;;
    --backends) BACKENDS=${2:?}; shift ;;
    --through) DIRECT="" ;;
    --keep) KEEP=yes ;;
    --only) ONLY=${2:?}; shift ;;
    -*) sed -n '3,4p' "$0" >&2; exit 2 ;;
    *) SUITE=$1 ;;
  esac
  shift
done
[ -n "$SUITE" ] && [ -f "$HERE/$SUITE.sh" ] && [[ $SUITE != run && $SUITE != bed ]] || { sed -n '3,4p' "$0" >&2; exit 2; }
mkdir -p "$TARGET/suites"
SUITES=$(cd "$TARGET/suites" && pwd)
. "$HERE/bed.sh"
. "$HERE/$SUITE.sh"

suite_fetch || { echo "suite $SUITE: cannot be had here"; exit 3; }
bed_open

# One run against 127.0.0.1:$PORT: lines "test<TAB>passed|failed|skipped" into $BED/NAME.tsv.
measure() {
  local name=$1 begun=$SECONDS
  mkdir -p "$BED/$name"
  if [ -n "${AS[*]}" ]; then chown "${AS[1]#--reuid=}" "$BED/$name"; fi
  OUT=$BED/$name suite_run >"$BED/$name.output" 2>&1
  suite_results "$BED/$name.output" "$BED/$name" | sort -u > "$BED/$name.tsv"
  echo "suite $SUITE: $name: $(cut -f 2 "$BED/$name.tsv" | sort | uniq -c | awk '{printf "%s%s %s", s, $1, $2; s = ", "}') ($((SECONDS - begun)) s)"
}

if [ -n "$DIRECT" ]; then
  bed_server "$ENGINE" direct
  measure direct
fi
bed_server "$ENGINE" behind
bed_handfast "$ENGINE" "$PORT"
measure through
if [ -z "$DIRECT" ]; then grep -v 'skipped$' "$BED/through.tsv" | sed 's/\t.*/\tpassed/' > "$BED/direct.tsv"; fi

EXCLUSIONS=$HERE/$SUITE.exclusions
touch "$BED/exclusions"
if [ -f "$EXCLUSIONS" ]; then grep -v '^\(#\|$\)' "$EXCLUSIONS" > "$BED/exclusions"; fi
if grep -vqP '^[^\t]+\t.+' "$BED/exclusions"; then echo "suite $SUITE: an exclusion without a reason"; exit 1; fi
awk -F '\t' -v suite="$SUITE" '
  FILENAME ~ /exclusions$/ { why[$1] = $2; next }
  FILENAME ~ /direct.tsv$/ { if ($2 == "passed") { direct[$1] = 1; p++ } next }
  ($1 in direct) && $2 == "passed" { q++; passed[$1] = 1 }
  END {
    for (t in direct) if (!(t in passed)) {
      if (t in why) { e++; print "  excluded: " t " (" why[t] ")" } else { f++; print "  FAILED: " t }
    } else if (t in why) print "  note: excluded, but it passed: " t
    printf "suite %s: direct %d passed, through %d passed of those, excluded %d\n", suite, p, q, e
    if (p == 0) { print "  no test passed directly"; exit 1 }
    if (q * 1000 < p * 995) printf "  BELOW THE BAR: %.1f %% of what passes directly, 99.5 wanted\n", 100 * q / p
    exit f > 0 ? 1 : 0
  }' "$BED/exclusions" "$BED/direct.tsv" "$BED/through.tsv" | LC_ALL=C sort -s -k 1,1
status=${PIPESTATUS[0]}
LAST=$SUITES/last-$SUITE
rm -rf "$LAST" && mkdir -p "$LAST" && cp -r "$BED"/*.tsv "$BED"/*.output "$BED"/*.log "$BED/direct" "$BED/through" "$LAST" 2>/dev/null
if [ "$status" -ne 0 ]; then echo "  outputs: $LAST"; fi
exit "$status"
