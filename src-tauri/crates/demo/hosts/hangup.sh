#!/bin/sh
# Ends a command that `enter` started, with its process group: asks, waits briefly, then kills.
. /opt/daytwo/lib
get session "/run/daytwo/exec/$1"
[ -n "$session" ] || exit 0
kill -s TERM -- "-$session" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.1
  kill -s 0 -- "-$session" 2>/dev/null || exit 0
done
kill -s KILL -- "-$session" 2>/dev/null
exit 0
