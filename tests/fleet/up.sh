#!/bin/bash
# up.sh N [SUITE]: sees to it that web-1 to web-N are there and on: real Debian hosts with systemd as PID 1, sshd and an
# address of their own. Hosts that are there already stay as they are, those beyond N, too. Says one line for each
# host that did not come up, and fails then.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Booting is bound by the processor; more at a time only makes each slower than its deadline.
BOOTING_AT_ONCE=6
# The subnet is a /24, and the kernel's table of neighbours is full at a few hundred.
HOSTS_MAX=200
# Each systemd holds about five; the usual limit of 128 is reached at twenty hosts.
INOTIFY_INSTANCES=16384

count=${1:-}
suite=${2:-}
case $count in '' | *[!0-9]*) die "how many hosts? For example: up 6" ;; esac
if [ "$count" -lt 1 ] || [ "$count" -gt $HOSTS_MAX ]; then die "a fleet has 1 to $HOSTS_MAX hosts"; fi
lock "$FLEET/lock"

# The subnet is one of 198.19.0.0/16, which is reserved for tests of networks and never routed. The interface's
# name is the claim on it: making it fails when another fleet has it.
claim_subnet() {
  local first try number subnet
  first=$(printf '%s' "$ID" | cksum | awk '{ print $1 % 256 }')
  for try in {0..255}; do
    number=$(((first + try) % 256))
    subnet=198.19.$number
    if ip -4 route show match "$subnet.0/24" | grep -qv '^default'; then continue; fi
    if [ -n "$(ip -4 route show root "$subnet.0/24")" ]; then continue; fi
    if ip link add "daytwo-$number" type veth peer name uplink netns "$ID" 2>/dev/null; then
      ip addr add "$subnet.1/24" dev "daytwo-$number"
      ip link set "daytwo-$number" up
      printf '%s\n' "$subnet" >"$FLEET/subnet"
      return
    fi
  done
  die "no subnet of 198.19.0.0/16 is free, or network interfaces cannot be made here"
}

make_switch() {
  ip netns add "$ID"
  in_switch ip -batch - <<COMMANDS
link set lo up
link add br0 type bridge
link set br0 up
COMMANDS
  claim_subnet
  in_switch ip -batch - <<COMMANDS
link set uplink master br0
link set uplink up
COMMANDS
}

# What tells one host from another: name, machine id, host key. The rest comes from the base image.
give_identity() {
  local host=$1 etc=$2/etc
  mkdir -p "$etc/ssh"
  ssh-keygen -q -t ed25519 -N '' -C "root@$host" -f "$etc/ssh/ssh_host_ed25519_key"
  cp "$FLEET/key.pub" "$etc/ssh/authorized_keys"
  printf '%s\n' "$host" >"$etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$host" >"$etc/hosts"
  tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
}

make_cable() {
  local host=$1
  ip netns add "$(host_netns "$host")"
  in_switch ip -batch - <<COMMANDS
link add v-$host type veth peer name eth0 netns $(host_netns "$host")
link set v-$host master br0
COMMANDS
  in_host_net "$host" ip -batch - <<COMMANDS
link set lo up
addr add $(host_address "$host")/24 dev eth0
link set eth0 up
COMMANDS
  # See `after_power_off`.
  in_host_net "$host" sysctl --quiet --write net.ipv4.tcp_orphan_retries=1 net.ipv4.tcp_fin_timeout=1
}

make_host() {
  local host=$1 folder
  folder=$(host_folder "$host")
  mkdir -p "$folder/disk" "$folder/root" "$CGROUP/hosts/$host" "$CGROUP/power/$host" "$CGROUP/cables/$host"
  mount -t tmpfs -o "size=$DISK_SIZE,mode=755" daytwo-fleet "$folder/disk"
  mkdir "$folder/disk/upper" "$folder/disk/work"
  give_identity "$host" "$folder/disk/upper"
  make_cable "$host"
  touch "$folder/made"
}

# What a client of the fleet needs: OpenSSH's files, and a folder for the console with its fleet file.
write_client_files() {
  local host address key
  mkdir -p "$FLEET/console/config/runbooks" "$FLEET/console/data"
  : >"$FLEET/known_hosts.new"
  : >"$FLEET/ssh_config.new"
  printf 'defaults: { user: ops, identity_file: "%s" }\nhosts:\n' "$FLEET/key" >"$FLEET/fleet.yaml.new"
  for host in $(host_names); do
    address=$(host_address "$host")
    key=$(cut -d ' ' -f 1,2 "$(host_folder "$host")/disk/upper/etc/ssh/ssh_host_ed25519_key.pub")
    printf '%s %s\n' "$address" "$key" >>"$FLEET/known_hosts.new"
    printf 'Host %s\n  HostName %s\n' "$host" "$address" >>"$FLEET/ssh_config.new"
    # Two sites, so that a rollout has something to spread over.
    printf '  %s: { address: %s, labels: { role: web, site: %s } }\n' "$host" "$address" \
      "$([ $((${host#web-} % 2)) = 1 ] && echo ams || echo fra)" >>"$FLEET/fleet.yaml.new"
  done
  cat >>"$FLEET/ssh_config.new" <<CONFIG
Host *
  User ops
  IdentityFile $FLEET/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile $FLEET/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
CONFIG
  mv "$FLEET/ssh_config.new" "$FLEET/ssh_config"
  cp "$FLEET/known_hosts.new" "$FLEET/console/data/known_hosts"
  mv "$FLEET/known_hosts.new" "$FLEET/known_hosts"
  mv "$FLEET/fleet.yaml.new" "$FLEET/console/config/fleet.yaml"
  # Where `sudo` is between, the one who called it is to use these.
  if [ -n "${DAYTWO_FLEET_OWNER:-}" ]; then
    chown -R "$DAYTWO_FLEET_OWNER" "$FLEET/key" "$FLEET/key.pub" "$FLEET/console"
  fi
}

come_up() {
  is_on "$1" || power_on "$1"
  until_up "$1" || {
    printf '%s did not come up; its console: %s\n' "$1" "$(host_folder "$1")/console.log" >&2
    return 1
  }
}

# After a crash of this machine, or of an earlier `up`, what is left fits nothing.
if [ -e "$FLEET/image" ] && ! { [ -s "$FLEET/subnet" ] && [ -e "/run/netns/$ID" ]; }; then
  "$SCRIPTS/down.sh" --locked
fi
if [ -e "$FLEET/image" ]; then
  standing=$(basename "$(cat "$FLEET/image")")
  [ -z "$suite" ] || [ "${standing%-*}" = "$suite" ] || die "the fleet is Debian ${standing%-*}; take it down first"
else
  "$SCRIPTS/image.sh" "${suite:-bookworm}" >"$FLEET/image.new" 9>&-
  [ -e "$FLEET/key" ] || ssh-keygen -q -t ed25519 -N '' -C daytwo-fleet -f "$FLEET/key"
  if [ "$(sysctl --values fs.inotify.max_user_instances)" -lt $INOTIFY_INSTANCES ]; then
    sysctl --quiet --write fs.inotify.max_user_instances=$INOTIFY_INSTANCES
  fi
  mv "$FLEET/image.new" "$FLEET/image"
  make_switch
fi

for number in $(seq 1 "$count"); do
  folder=$(host_folder "web-$number")
  if [ ! -e "$folder/made" ]; then
    [ ! -e "$folder" ] || forget_host "web-$number"
    make_host "web-$number"
  fi
done
write_client_files

pending=()
failed=0
for number in $(seq 1 "$count"); do
  if [ ${#pending[@]} -ge $BOOTING_AT_ONCE ]; then
    wait "${pending[0]}" || failed=$((failed + 1))
    pending=("${pending[@]:1}")
  fi
  come_up "web-$number" 9>&- &
  pending+=($!)
done
for boot in "${pending[@]}"; do wait "$boot" || failed=$((failed + 1)); done
[ $failed = 0 ] || die "$failed of $count hosts did not come up"
