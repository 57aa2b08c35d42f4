#!/bin/sh
# Runs before anything else: names what the runtime (Node 26, from npm) lacks, with the command that mends it.
set -eu
node=node_modules/.bin/node
if [ ! -x "$node" ]; then
  echo "countersign: run 'npm ci' first." >&2
  exit 1
fi
if ! problem=$("$node" -e 0 2>&1); then
  case "$problem" in
    *libatomic*) echo "countersign: Node 26 needs libatomic1. On Debian or Ubuntu: apt-get install -y libatomic1" >&2 ;;
    *) echo "countersign: the bundled Node 26 does not start: $problem" >&2 ;;
  esac
  exit 1
fi
