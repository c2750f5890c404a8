#!/bin/sh
# PID 1 of a demo host, second stage: state in, services up, reaps until the host goes down, state out.
#
# Runs without privilege inside the finished file system. Standard output goes to the console: first
# the line "up PID BOOT_ID", at the very end the archive of the state. How it ends is told by the exit code:
# 0 reboot or stop, 3 power off, 4 the disk was wiped (there is no state to keep).
outer=$1 name=$2 role=$3 number=$4 processes=$5
PATH=/opt/daytwo/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
. /opt/daytwo/lib

# Output goes to a log: the console's pipe carries only what the console understands.
exec 4>&1 >/run/daytwo/init.log 2>&1 3<&0 </dev/null
tar -xf - -C / <&5 || :
exec 5<&-
[ -e /var/lib/demo/seeded ] || sh /opt/daytwo/seed "$name" "$role" "$number"
echo "$role" >/run/daytwo/role
echo "$number" >/run/daytwo/number
echo "$processes" >/run/daytwo/processes
date +%s >/run/daytwo/booted

write_log kernel kernel - "Booting Daytwo demo host $name"
for unit in "$units"/*; do
  rm -f "$unit/pid"
  echo inactive >"$unit/state"
  echo 0 >"$unit/restarts"
  get enabled "$unit/enabled"
  [ "$enabled" != enabled ] || systemctl -q start "${unit##*/}" 3<&- 4>&- || :
done
write_log systemd systemd 1 "Reached target multi-user.target - Multi-User System."

# The holder ends when the console lets go, or when something in here ends it: that is "down".
cat <&3 >/dev/null 4>&- &
holder=$!
exec 3<&-
echo "$holder" >/run/daytwo/holder
sh /opt/daytwo/pulse "$holder" 4>&- &
get boot_id /proc/sys/kernel/random/boot_id
echo "up $outer $boot_id" >&4

wait "$holder"
get why /run/daytwo/why
# "Everybody" is this host's processes only while this is PID 1 of a namespace. Anywhere else it would be the machine's.
[ "$$" = 1 ] || exit 1
kill -9 -1
alive || exit 4
code=0
[ "$why" != off ] || code=3
ulimit -f unlimited 2>/dev/null
tar -cf - -C / --exclude=etc/ld.so.cache --exclude=etc/alternatives etc home root srv var >&4 2>/dev/null
exit "$code"
