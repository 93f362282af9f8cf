#!/bin/sh
# `npm test`. Node 26 needs a library that a bare Debian does not have; everything after that is in run.ts.
if ! node --version >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo 'installing libatomic1 with apt, for Node'
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install -y --no-install-recommends libatomic1; } >/dev/null
fi
if ! sh src/with-node.sh --version >/dev/null; then
  echo '0 passed, 1 failed'
  exit 1
fi
exec node test/run.ts "$@"
