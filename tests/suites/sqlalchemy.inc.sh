# SQLAlchemy's dialect suite: its sdist carries the tests. Sourced by sqlalchemy-postgres.sh and sqlalchemy-mariadb.sh.
. "$HERE/fetch.sh"
SQLALCHEMY=2.0.36
SQLALCHEMY_PYTHON=("SQLAlchemy==$SQLALCHEMY" pytest==8.3.5 psycopg\[binary\]==3.2.9 PyMySQL==1.1.1 cryptography==44.0.0)

suite_fetch() {
  fetch_sdist sqlalchemy "$SQLALCHEMY" && fetch_python sqlalchemy-python "${SQLALCHEMY_PYTHON[@]}"
}

# URL FOLDER…: the results are in $OUT/results.xml. A part is every suite but the long table of value types, most of which
# never ask the database.
sqlalchemy_run() {
  local url=$1 ignored=()
  shift
  if [ -n "$PART" ]; then ignored=(--ignore-glob='*/postgresql/test_types.py'); fi
  (cd "$SUITES/sqlalchemy-$SQLALCHEMY" && PYTHONDONTWRITEBYTECODE=1 "$SUITES/sqlalchemy-python/bin/python" -m pytest \
    -p no:cacheprovider -q --tb=short --maxfail=0 --dburi="$url" --junitxml="$OUT/results.xml" "${ignored[@]}" ${ONLY:+-k "$ONLY"} "$@")
}

suite_results() {
  "$SUITES/sqlalchemy-python/bin/python" - "$2/results.xml" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
for case in tree.parse(sys.argv[1]).iter("testcase"):
    ends = {child.tag for child in case}
    end = "failed" if ends & {"failure", "error"} else "skipped" if "skipped" in ends else "passed"
    name = "::".join((case.get("classname"), case.get("name"))).replace("\t", " ").replace("\n", " ")
    print(name, end, sep="\t")
PYTHON
}
