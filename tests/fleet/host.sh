#!/bin/bash
# host.sh HOST COMMAND...: power, network, disk and clock of one host, and what can go wrong with them. Each command
# returns when its effect holds, and may be given again when it holds already.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'TEXT'
power     start | stop | reboot          as its buttons do: it boots, it shuts down
          kill                           the plug is pulled: silent at once, and nothing was shut down
          freeze | thaw                  it hangs: the kernel still takes connections, nothing answers
network   unplug | plug                  the cable is out
          blackhole | unblackhole        the link is up, and every packet is dropped, both ways
          reject | unreject              port 22 refuses new connections and resets old ones
          loss PERCENT                   of all packets, each way; 0 ends it
          rate KBIT                      per second, each way; 0 ends it
          impair NAME=NUMBER...          delay=MS jitter=MS loss=PERCENT duplicate=PERCENT rate=KBIT, each way
          impair off
disk      disk-full | disk-free          not a byte is left, on / with /tmp, /var and /home
clock     clock +SECONDS                 the wall clock of programs started from now on; 0 ends it for all
all       heal                           takes every fault away, and gives power
look      ssh [COMMAND...]               as the user ops, over the network
          exec COMMAND...                as root, without any network
TEXT
}

if [ $# -lt 2 ]; then
  usage
  exit
fi
host=$1
command=$2
shift 2
folder=$(host_folder "$host")
[ -e "$folder/made" ] || die "there is no host \`$host\`; there are: $(host_names | tr '\n' ' ')"

need_on() { is_on "$host" || die "$host is off"; }
# This much and not more, so that a mistyped command does not become another fault.
need_arguments() { [ "$1" -eq "$2" ] || die "\`$command\` takes $2 argument(s)"; }

power_button() {
  local init
  need_on
  ! is_frozen "$host" || die "$host is frozen, and would not react: thaw it or kill it"
  init=$(init_of "$host")
  [ -n "$init" ] || die "$host has not booted yet"
  # systemd's own signals: SIGRTMIN+4 is power off, SIGRTMIN+5 is reboot.
  kill -s "RTMIN+$1" "$init"
}

start() {
  is_on "$host" || power_on "$host"
  until_up "$host" || die "$host did not come up in $POWER_DEADLINE_S s; its console: $folder/console.log"
}

stop() {
  is_on "$host" || return 0
  power_button 4
  until_true "$POWER_DEADLINE_S" is_off "$host" || die "$host did not shut down in $POWER_DEADLINE_S s"
}

reboot() {
  local before
  before=$(init_of "$host")
  power_button 5
  # Called by name.
  # shellcheck disable=SC2317
  is_another_boot() { ! [ -e "/proc/$before/stat" ] && [ -n "$(init_of "$host")" ]; }
  until_true "$POWER_DEADLINE_S" is_another_boot || die "$host did not go down for its reboot in $POWER_DEADLINE_S s"
  start
}

# The cable first, so that nothing is sent by a host that has no power. The power supply next, or it would boot again.
kill_power() {
  cable "$host" down
  kill_all "power/$host"
  kill_all "hosts/$host"
  until_true "$KERNEL_DEADLINE_S" is_off "$host" || die "processes of $host do not end"
  after_power_off "$host"
}

freeze() {
  need_on
  echo 1 >"$CGROUP/hosts/$host/cgroup.freeze"
  until_true "$KERNEL_DEADLINE_S" is_frozen "$host" || die "$host does not freeze"
}

thaw() { echo 0 >"$CGROUP/hosts/$host/cgroup.freeze"; }

plug() {
  rm -f "$folder/unplugged"
  ! is_on "$host" || cable "$host" up
}

unplug() {
  touch "$folder/unplugged"
  cable "$host" down
}

# A table of its own for each fault; declared before it is deleted, so that both may be done twice.
lift() { in_host_net "$host" nft "add table inet fleet_$1; delete table inet fleet_$1"; }

# The host's own loopback is no network. All in one transaction, so that nothing passes when it holds already.
blackhole() {
  in_host_net "$host" nft -f - <<'RULES'
add table inet fleet_blackhole
delete table inet fleet_blackhole
table inet fleet_blackhole {
  chain in { type filter hook input priority -300; policy drop; iifname "lo" accept; }
  chain out { type filter hook output priority -300; policy drop; oifname "lo" accept; }
}
RULES
}

reject() {
  in_host_net "$host" nft -f - <<'RULES'
add table inet fleet_reject
delete table inet fleet_reject
table inet fleet_reject {
  chain in { type filter hook input priority -300; tcp dport 22 reject with tcp reset; }
}
RULES
}

wire_is_ready() { grep -qsx ready "$folder/wire.log"; }

# A bad cable is wire.c between the switch and the host's end of the cable. Arguments: NAME=NUMBER...
impair() {
  local delay=0 jitter=0 loss=0 duplicate=0 rate=0 setting number
  for setting in "$@"; do
    number=${setting#*=}
    case $number in '' | *[!0-9.]*) die "\`$setting\` is not NAME=NUMBER" ;; esac
    case $setting in
      delay=*) delay=$number ;;
      jitter=*) jitter=$number ;;
      loss=*) loss=$number ;;
      duplicate=*) duplicate=$number ;;
      rate=*) rate=$number ;;
      *) die "there is no \`${setting%%=*}\`; there are delay, jitter, loss, duplicate, rate" ;;
    esac
  done
  awk "BEGIN { print $delay, $jitter, $loss * 10, $duplicate * 10, $rate }" >"$folder/wire.new"
  mv "$folder/wire.new" "$folder/wire"

  local pid
  pid=$(head -qn 1 "$CGROUP/cables/$host/cgroup.procs")
  if [ -n "$pid" ]; then
    kill -s HUP "$pid"
    return
  fi
  in_switch ip link set "v-$host" nomaster
  # Frames must fit the cable: nothing cuts them to size on the way.
  in_host_net "$host" ip link set eth0 gso_max_segs 1
  rm -f "$folder/wire.log"
  (
    echo "$BASHPID" >"$CGROUP/cables/$host/cgroup.procs"
    exec setsid nsenter --net="/run/netns/$ID" -- "$IMAGES/bin/wire" "v-$host" "w-$host" "$folder/wire"
  ) </dev/null >"$folder/wire.log" 2>&1 &
  until_true "$KERNEL_DEADLINE_S" wire_is_ready || die "the cable could not be impaired; see $folder/wire.log"
  in_switch ip link set "w-$host" master br0 up
}

repair() {
  kill_all "cables/$host"
  until_true "$KERNEL_DEADLINE_S" empty "cables/$host" || die "the cable of $host cannot be repaired"
  in_host_net "$host" ip link set eth0 gso_max_segs 65535
  in_switch ip link set "v-$host" master br0
}

impair_one() {
  if [ "$2" = 0 ]; then repair; else impair "$1=$2"; fi
}

disk_full() { fill_disk "$folder/disk" || die "the disk does not shrink"; }
disk_free() { mount -o "remount,size=$DISK_SIZE" "$folder/disk"; }

# See clock.c. The file is changed in place, because programs have it mapped.
set_clock() {
  local offset preload=/usr/local/lib/fleet-clock.so
  offset=$(clock_offset "$1")
  on_host "$host" sh -c "cat >$preload.new && mv $preload.new $preload" <"$IMAGES/bin/clock.so"
  printf '%s' "$offset" | on_host "$host" dd of=/etc/fleet-clock conv=notrunc status=none
  if [ "$1" = 0 ]; then
    on_host "$host" rm -f /etc/ld.so.preload
  else
    on_host "$host" sh -c "echo $preload >/etc/ld.so.preload"
  fi
}

heal() {
  thaw
  plug
  lift blackhole
  lift reject
  repair
  disk_free
  start
  set_clock 0
}

case $command in
  start | stop | reboot | freeze | thaw | plug | unplug | blackhole | reject | heal) need_arguments $# 0 && "$command" ;;
  kill) need_arguments $# 0 && kill_power ;;
  unblackhole) need_arguments $# 0 && lift blackhole ;;
  unreject) need_arguments $# 0 && lift reject ;;
  loss | rate) need_arguments $# 1 && impair_one "$command" "$1" ;;
  impair) if [ "$*" = off ]; then repair; else impair "$@"; fi ;;
  disk-full) need_arguments $# 0 && disk_full ;;
  disk-free) need_arguments $# 0 && disk_free ;;
  clock) need_arguments $# 1 && need_on && set_clock "$1" ;;
  ssh) exec ssh -F "$FLEET/ssh_config" "$host" "$@" ;;
  exec) [ $# -gt 0 ] || die "which command?" && on_host "$host" "$@" ;;
  *)
    usage >&2
    die "there is no command \`$command\`"
    ;;
esac
