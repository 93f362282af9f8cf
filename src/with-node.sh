#!/bin/sh
# Becomes `node` with the given arguments, or says why the first `node` in the PATH cannot run Hem, and what to do about it.
# A shell script, because a Node that is too old reads no TypeScript, and one that lacks a library reads nothing at all.
needed=24

if ! version=$(node --version 2>&1); then
  echo "Node does not start: $version" >&2
  case $version in
    *libatomic*) echo 'It needs a library that Debian has in a package. Run as root:  apt-get install -y libatomic1' >&2 ;;
  esac
  exit 2
fi
major=${version#v}
if [ "${major%%.*}" -lt "$needed" ]; then
  echo "Hem needs Node $needed or newer; $(command -v node) is $version." >&2
  echo '`npm ci` installs one beside the other packages, and `npm start`, `npm test` and `npx hem` then use it, unless' >&2
  echo 'install scripts were switched off: `npm rebuild node` repairs that.' >&2
  exit 2
fi
exec node "$@"
