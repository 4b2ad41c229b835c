#!/bin/bash
# Puts the client drivers that the tests use into a folder (nothing system-wide), with pinned versions.
#   tests/setup/clients.sh FOLDER        about two minutes from nothing; the second time it does nothing
# PHP's and Ruby's are the system's packages (tests/setup/install.sh). What cannot be had is said, and its tests are skipped.
set -uo pipefail
HERE=$(cd "$(dirname "$0")/../clients" && pwd)
FOLDER=${1:?usage: tests/setup/clients.sh FOLDER}
mkdir -p "$FOLDER"
FOLDER=$(cd "$FOLDER" && pwd)
missing=0
# part NAME WHAT COMMAND FILE...: once for each content of the files that the command goes by.
part() {
  local name=$1 what=$2 command=$3 sum started=$SECONDS
  shift 3
  sum=$(cat "$@" | cksum)
  if [ "$(cat "$FOLDER/$name.made" 2>/dev/null)" = "$sum" ]; then return; fi
  echo "$what"
  if "$command"; then
    echo "$sum" > "$FOLDER/$name.made"
    echo "  $((SECONDS - started)) s"
  else
    echo "MISSING: $what"
    missing=1
  fi
}
pip() { "$FOLDER/python/bin/pip" install -q --disable-pip-version-check -r "$HERE/python/$1"; }
python_drivers() { python3 -m venv "$FOLDER/python" && pip requirements.txt; }
# Built here from source against MariaDB's client library.
python_built() { pip requirements-built.txt; }
node_drivers() {
  mkdir -p "$FOLDER/node" && cp "$HERE/node/package.json" "$FOLDER/node/"
  (cd "$FOLDER/node" && npm install --silent --no-audit --no-fund --no-package-lock)
}
go_scripts() {
  mkdir -p "$FOLDER/go"
  (cd "$HERE/go" && for script in mysql pgx pq gorm-pg gorm-my; do GOFLAGS=-mod=mod go build -ldflags="-s -w" -o "$FOLDER/go/$script" "./$script" || exit 1; done)
}
java_drivers() {
  mvn -q -B -ntp -Dstyle.color=never -f "$HERE/java/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy-dependencies \
    -DoutputDirectory="$FOLDER/java/lib" >/dev/null
}
java_scripts() {
  [ -d "$FOLDER/java/lib" ] && javac -nowarn -Xlint:none -proc:none -d "$FOLDER/java/classes" -cp "$FOLDER/java/lib/*" "$HERE"/java/*.java
}

part python "Python drivers (about 60 MB)" python_drivers "$HERE/python/requirements.txt"
part python-built "mysqlclient for Python" python_built "$HERE/python/requirements-built.txt"
part node "Node drivers (about 95 MB)" node_drivers "$HERE/node/package.json"
part go "Go drivers (about 60 MB)" go_scripts "$HERE"/go/go.mod "$HERE"/go/*/*.go
part java "Java drivers (about 30 MB)" java_drivers "$HERE/java/pom.xml"
part java-scripts "Java scripts" java_scripts "$HERE"/java/*.java
exit $missing
