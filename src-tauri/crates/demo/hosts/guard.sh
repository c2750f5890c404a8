#!/bin/sh
# Outside of the demo host, one per host: starts the namespaces given as arguments and ends them.
#
# Standard input is a socket that only the console holds. Its end means that the console asked the
# host to stop, or is gone; it is seen even after a kill -9 of the console. The host sees it too and
# goes down by itself; this guard is there for the host whose processes were stopped or killed.
# Standard output belongs to the host alone, so that its end tells the console that the host is down.
exec 3<&0 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
echo 800 2>/dev/null >/proc/self/oom_score_adj || :
"$@" <&3 3<&- &
host=$!
exec >/dev/null
read -r _ <&3
# Grace for the host to write its state; a busy machine boots and stops 24 of them at once.
{ sleep 6; kill -9 "$host"; } >/dev/null 2>&1 </dev/null 3<&- &
killer=$!
wait "$host"
code=$?
kill -9 "$killer" 2>/dev/null
exit "$code"
