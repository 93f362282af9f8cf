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

# V8 would learn from a moment in which many objects lived for long to make their like among the old ones at once. There they keep alive
# whatever is made after them: from then on requests wait for full collections, at 1.4 x the processor time and 35 MB more, in one
# process of three where answers are long. And a gateway's functions are the same ones over and over: optimised after a third of the calls,
# it is as cheap as it gets after a second of full load instead of three and a half, and cheaper than it would have become.
v8='--no-allocation-site-pretenuring --invocation-count-for-turbofan=1000'
# Another V8 may have no such switches, and Node would not start.
node $v8 --version >/dev/null 2>&1 || v8=

exec sh "$here/with-node.sh" $semi_space $v8 "$here/main.ts" "$@"
