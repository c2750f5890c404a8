#!/bin/bash
# What the scripts of the test fleet share: where things are, what they are called, and waits with a deadline.
# Sourced, never run.
# shellcheck disable=SC2034 # those that source it use the variables
set -euo pipefail
# Whoever called it through sudo is to read what is written, whatever root is used to.
umask 022

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# The folder of one fleet, and the folder of what all fleets share: base images, and the programs built from the C
# files here. The default is below the cache, because all of it can be made again.
FLEET=$(realpath -m "${DAYTWO_FLEET:-${HOME:-/root}/.cache/daytwo/fleet}")
IMAGES=$(realpath -m "${DAYTWO_FLEET_IMAGES:-${HOME:-/root}/.cache/daytwo/fleet-images}")

# Everything of a fleet that the kernel knows by name (cgroups, network namespaces) begins with this, so that two
# fleets do not meet. The checksum tells two folders of the same name apart.
ID=$(basename "$FLEET")-$(printf '%s' "$FLEET" | cksum | awk '{ printf "%05x", $1 % 1048576 }')

# On a machine with both generations of cgroups the second one is mounted apart.
if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then CGROUPS=/sys/fs/cgroup/unified; else CGROUPS=/sys/fs/cgroup; fi
CGROUP=$CGROUPS/daytwo-$ID

# A host's disk is memory that is used only when written to. Enough for what tests and demonstrations write.
DISK_SIZE=1g
# A host that has not booted, or has not shut down, in this time will not.
POWER_DEADLINE_S=60
# Processes that were killed, links that were removed: the kernel does these in milliseconds.
KERNEL_DEADLINE_S=15
# Another `up` or `down` of the same fleet; a base image that somebody else is making.
LOCK_DEADLINE_S=900

die() {
  printf 'fleet: %s\n' "$*" >&2
  exit 1
}

# Mount options and configuration files hold these paths as they are.
case $FLEET$IMAGES in *[!A-Za-z0-9/._@+-]*) die "$FLEET or $IMAGES has characters that a mount option cannot hold" ;; esac

# until_true SECONDS COMMAND...: asks again and again; false when time is up. Level-triggered, so nothing is missed.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -le $end ] || return 1
    sleep 0.05
  done
}

host_folder() { printf '%s/hosts/%s\n' "$FLEET" "$1"; }
host_names() { find "$FLEET/hosts" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | sort -V; }
host_netns() { printf '%s-%s\n' "$ID" "$1"; }

# Addresses: SUBNET.1 is this machine, web-N has SUBNET.(N+1).
host_address() { printf '%s.%d\n' "$(cat "$FLEET/subnet")" $((${1#web-} + 1)); }

# The network of a fleet is a switch in a namespace of its own. From each host a cable (`v-HOST` here, `eth0` there)
# leads to it, and one from this machine.
in_switch() { nsenter --net="/run/netns/$ID" -- "$@"; }
in_host_net() {
  local host=$1
  shift
  nsenter --net="/run/netns/$(host_netns "$host")" -- "$@"
}

# A host has three cgroups: its own processes in `hosts`, its power supply in `power`, its cable, when that is a bad
# one, in `cables`. Killing all in a cgroup is one write, and misses nobody.
populated() { grep -qs 'populated 1' "$CGROUP/$1/cgroup.events"; }
empty() { ! populated "$1"; }
is_on() { populated "power/$1"; }
is_off() { empty "power/$1" && empty "hosts/$1"; }
is_frozen() { grep -qs 'frozen 1' "$CGROUP/hosts/$1/cgroup.events"; }
kill_all() { [ ! -e "$CGROUP/$1" ] || echo 1 >"$CGROUP/$1/cgroup.kill"; }

# The pid, here, of the host's PID 1. Empty while the host is off or has not come that far.
init_of() { head -qn 1 "$CGROUP/hosts/$1/payload/init.scope/cgroup.procs" 2>/dev/null || true; }

# Runs a program on the host as root, without any network.
on_host() {
  local host=$1 init
  shift
  init=$(init_of "$host")
  [ -n "$init" ] || die "$host is off"
  env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    nsenter --target "$init" --all -- "$@"
}

# One change of a fleet at a time. The lock is the caller's until it ends; nothing that outlives it may inherit fd 9.
# Whoever held it may have removed the file or its folder, and then it has to be taken again.
lock() {
  local try
  for try in {1..100}; do
    mkdir -p "$(dirname "$1")"
    { exec 9>"$1"; } 2>/dev/null || continue
    flock -w "$LOCK_DEADLINE_S" 9 || die "$1 is held by something else since $LOCK_DEADLINE_S s"
    [ ! "$1" -ef /proc/self/fd/9 ] || return 0
  done
  die "$1 was taken away $try times"
}

# The link at the switch's end. It is down while a host is off, so that a host without power is silent: it neither
# closes connections nor refuses them.
cable() { in_switch ip link set "v-$1" "$2"; }
cable_up_unless_unplugged() { [ -e "$(host_folder "$1")/unplugged" ] || cable "$1" up; }

# Connections whose processes are gone are still closed politely by the kernel, which a host without power is not
# there to do. They end soon (tcp_orphan_retries), and until then the cable stays down. Those that only wait for
# stray packets (for a minute, TIME-WAIT) have said goodbye before.
no_connections() {
  [ -z "$(in_host_net "$1" ss --no-header --tcp --numeric state connected exclude time-wait)" ]
}
after_power_off() {
  local group
  until_true "$KERNEL_DEADLINE_S" no_connections "$1" || die "$1 is off, and its connections do not end"
  # Nor may a goodbye that waited for an address be sent when the cable comes up again.
  in_host_net "$1" ip neighbour flush dev eth0 nud all
  for group in payload supervisor; do
    find "$CGROUP/hosts/$1/$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# Gives a host power. Returns before it has booted.
power_on() {
  local folder
  folder=$(host_folder "$1")
  setsid unshare --mount "$SCRIPTS/power.sh" "$1" </dev/null >>"$folder/power.log" 2>&1 9>&- &
}

system_state() { (on_host "$1" timeout 5 systemctl is-system-running) 2>/dev/null || true; }
has_booted() {
  case $(system_state "$1") in running | degraded) ;; *) return 1 ;; esac
}
answers() {
  # The words are the inner shell's.
  # shellcheck disable=SC2016
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/22" && read -r -t 2 -u 3 banner && [[ $banner == SSH-* ]]' _ \
    "$(host_address "$1")" 2>/dev/null
}

# Names of the faults that lie on a host now, in one line.
faults_of() {
  local host=$1 folder found=()
  folder=$(host_folder "$host")
  ! is_frozen "$host" || found+=(frozen)
  [ ! -e "$folder/unplugged" ] || found+=(unplugged)
  for fault in blackhole reject; do
    ! in_host_net "$host" nft list table inet "fleet_$fault" >/dev/null 2>&1 || found+=("$fault")
  done
  ! populated "cables/$host" || found+=("impaired")
  [ "$(df --output=avail "$folder/disk" | tail -n 1)" -gt 0 ] || found+=("disk-full")
  [ ! -s "$folder/disk/upper/etc/ld.so.preload" ] || found+=("clock")
  printf '%s\n' "${found[*]}"
}

# Whether a login over the network can be expected to work.
is_reachable_by_design() {
  case " $(faults_of "$1") " in *" unplugged "* | *" blackhole "* | *" reject "* | *" frozen "*) return 1 ;; esac
}

# Waits until a host has booted and, where nothing stands in its way, answers.
until_up() {
  until_true "$POWER_DEADLINE_S" has_booted "$1" || return 1
  ! is_reachable_by_design "$1" || until_true "$POWER_DEADLINE_S" answers "$1"
}

# Removes what is left of a host that has no power.
forget_host() {
  local folder netns
  folder=$(host_folder "$1")
  netns=$(host_netns "$1")
  [ ! -e "/run/netns/$netns" ] || ip netns delete "$netns"
  ! mountpoint --quiet "$folder/disk" || umount "$folder/disk"
  rmdir "/run/systemd/nspawn/propagate/$ID-$1" 2>/dev/null || true
  rm -rf --one-file-system "$folder"
}

# fill_disk MOUNT: a tmpfs becomes as small as what is on it, which takes no memory and no time. It may grow between
# question and answer.
shrink_disk() {
  local used
  used=$(df --output=used "$1" | tail -n 1)
  mount -o "remount,size=${used// /}k" "$1" 2>/dev/null
}
fill_disk() { until_true "$KERNEL_DEADLINE_S" shrink_disk "$1"; }

# clock_offset SECONDS: what clock.c reads. Sixteen bytes, as they are mapped by those that read them.
clock_offset() {
  local digits=${1#[+-]} sign=
  case $digits in '' | *[!0-9]*) die "\`$1\` is not a number of seconds, such as +3600" ;; esac
  # Some three thousand years.
  [ ${#digits} -le 11 ] || die "no clock is wrong by $1 seconds"
  [ "${1#-}" = "$1" ] || sign=-
  printf '%+016d' "$((${sign}10#$digits))"
}
