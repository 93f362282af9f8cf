#!/bin/sh
# `hem`: main.ts on Node, told what Node can only be told before it starts.
here=$(dirname "$(readlink -f "$0")")

# Sources without their types, and compiled, are kept from one start to the next. Beside the packages, where whoever can write could
# as well change the sources; not in a temporary folder, which is everybody's. Where nothing can be written, Hem starts without.
: "${NODE_COMPILE_CACHE:=$here/../node_modules/.cache/hem}"
export NODE_COMPILE_CACHE

# Half of what V8 lets its young generation grow to on a large machine: 25 MB less. Where requests in flight hold megabytes together, it
# costs up to 5 % of processor time, elsewhere nothing that could be measured. Whoever knows better says so in NODE_OPTIONS.
semi_space=--max-semi-space-size=16
case ${NODE_OPTIONS-} in *max?semi?space?size*) semi_space= ;; esac

exec sh "$here/with-node.sh" $semi_space "$here/main.ts" "$@"
