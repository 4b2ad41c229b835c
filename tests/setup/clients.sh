#!/bin/bash
# Puts the client drivers that the tests use into a folder (nothing system-wide), with pinned versions.
#   tests/setup/clients.sh FOLDER        the second time it does nothing
# What cannot be had is said, and its tests are skipped.
set -uo pipefail
HERE=$(cd "$(dirname "$0")/../clients" && pwd)
FOLDER=${1:?usage: tests/setup/clients.sh FOLDER}
mkdir -p "$FOLDER"
FOLDER=$(cd "$FOLDER" && pwd)
missing=0
# Once for each content of the file that names the versions.
done_already() { [ -e "$FOLDER/$1.done" ] && cmp -s "$FOLDER/$1.done" "$2"; }

if ! done_already python "$HERE/requirements.txt"; then
  echo "Python drivers (about 30 MB)"
  if python3 -m venv "$FOLDER/python" && "$FOLDER/python/bin/pip" install -q --disable-pip-version-check -r "$HERE/requirements.txt"; then
    cp "$HERE/requirements.txt" "$FOLDER/python.done"
  else
    echo "MISSING: Python drivers"; missing=1
  fi
fi
if ! done_already node "$HERE/package.json"; then
  echo "Node drivers (about 10 MB)"
  mkdir -p "$FOLDER/node" && cp "$HERE/package.json" "$FOLDER/node/"
  if (cd "$FOLDER/node" && npm install --silent --no-audit --no-fund --no-package-lock); then
    cp "$HERE/package.json" "$FOLDER/node.done"
  else
    echo "MISSING: Node drivers"; missing=1
  fi
fi
if ! done_already go "$HERE/go/main.go" || ! [ -x "$FOLDER/go-mysql" ]; then
  echo "Go driver (about 5 MB)"
  if (cd "$HERE/go" && GOFLAGS=-mod=mod go build -o "$FOLDER/go-mysql" .); then
    cp "$HERE/go/main.go" "$FOLDER/go.done"
  else
    echo "MISSING: the Go driver"; missing=1
  fi
fi
exit $missing
