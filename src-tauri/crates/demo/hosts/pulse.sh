#!/bin/sh
# The host's heartbeat: sees services that died, keeps the journal bounded, and is the watchdog.
#
# A host that cannot start a process for one pulse, whose process table stays full (a fork bomb), or
# whose disk was wiped, ends its holder and so reboots, as a hardware watchdog would make it. The
# trap covers "cannot fork".
holder=$1
. /opt/daytwo/lib
trap 'kill -9 "$holder"' EXIT
get number /run/daytwo/number
get processes /run/daytwo/processes
beat=0 full=0

# A unit whose process is gone without having been asked: restarted by its policy, or failed.
look_after() {
  get state "$units/$1/state"
  [ "$state" = active ] || return 0
  running "$1" && return 0
  describe "$1"
  write_log "$1" systemd 1 "$1: Main process exited, code=killed, status=9/KILL"
  echo failed >"$units/$1/state"
  [ "$restart" != no ] || return 0
  get restarts "$units/$1/restarts"
  restarts=$((restarts + 1))
  write_log "$1" systemd 1 "$1: Scheduled restart job, restart counter is at $restarts."
  systemctl -q start "$1" </dev/null || :
  # After the start, which counts from zero when a person asks for it.
  echo "$restarts" >"$units/$1/restarts"
}

while :; do
  sleep 2
  # dash leaves when it cannot fork; bash goes on with this code.
  [ $? != 254 ] || exit 1
  alive || exit 1
  beat=$((beat + 1))
  # Counted by the shell itself: a full table has no room for a process that counts.
  set -- /proc/[0-9]*
  if [ $# -gt $((processes - 12)) ]; then full=$((full + 1)); else full=0; fi
  [ "$full" -lt 3 ] || exit 1
  for unit in "$units"/*; do look_after "${unit##*/}"; done
  # Two decimals of a plausible load, different per host and moment.
  load=$(((beat * 7 + number * 13) % 90 + 10))
  echo "0.$load 0.$((load / 2 + 10)) 0.$((number % 80 + 10)) 1/40 $beat" >/run/daytwo/loadavg
  [ $((beat % 15)) = 0 ] || continue
  for entry in /run/daytwo/exec/*; do
    get session "$entry"
    [ -z "$session" ] || kill -0 "$session" 2>/dev/null || rm -f "$entry"
  done
  for log in "$journal" /var/log/nginx/access.log; do
    [ -f "$log" ] || continue
    lines=$(wc -l <"$log")
    [ "$lines" -gt 2000 ] || continue
    tail -n 1000 "$log" >"$log.new" && mv "$log.new" "$log"
  done
done
