#!/bin/bash
# can.sh: whether a fleet can be made on this machine. Changes nothing; says in one line on standard error what is missing.
set -euo pipefail

no() {
  printf '%s\n' "$*" >&2
  exit 1
}

[ "$(uname -s)" = Linux ] || no "needs Linux"
[ "$(id -u)" = 0 ] || no "needs root on Linux"
unshare --mount --net true 2>/dev/null ||
  no "needs the right to mount and to make networks, which a container has only when it is privileged"
groups=/sys/fs/cgroup
[ ! -e $groups/unified/cgroup.procs ] || groups=$groups/unified
[ "$(stat --file-system --format=%T $groups 2>/dev/null)" = cgroup2fs ] || no "needs cgroups of the second generation"
[ -w $groups/cgroup.procs ] || no "needs the right to make cgroups"
grep -qsw overlay /proc/filesystems || modprobe --quiet --dry-run overlay || no "needs overlay file systems"
[ -c /dev/net/tun ] || no "needs /dev/net/tun"
