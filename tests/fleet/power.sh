#!/bin/bash
# power.sh HOST: the power supply of one host. Boots it, boots it again when it asks for a reboot, ends when it is off.
# Runs in a mount namespace of its own, so that what it mounts is gone when it ends, however it ends.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

host=$1
folder=$(host_folder "$host")
# What systemd-nspawn says when the system inside asked for a reboot.
REBOOT=133

# Two power supplies on one disk would be the end of it.
exec 8>"$folder/power.lock"
flock -n 8 || die "$host has power already"
echo $$ >"$CGROUP/power/$host/cgroup.procs"
# After a kill while it was frozen.
echo 0 >"$CGROUP/hosts/$host/cgroup.freeze"

mount --make-rprivate /
mount -t overlay fleet "$folder/root" \
  -o "lowerdir=$(cat "$FLEET/image"),upperdir=$folder/disk/upper,workdir=$folder/disk/work"

# systemd in the container wants the second generation of cgroups, as hosts have it.
own_group=$CGROUP/hosts/$host
if [ "$(stat --file-system --format=%T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount --lazy /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
  own_group=/sys/fs/cgroup/${own_group#"$CGROUPS/"}
fi

boot() (
  echo "$BASHPID" >"$own_group/cgroup.procs"
  # Its /tmp is on its disk, so that a full disk is full everywhere.
  export SYSTEMD_NSPAWN_TMPFS_TMP=0
  # The lock above is enough, and nspawn's own would stay behind when it is killed.
  export SYSTEMD_NSPAWN_LOCK=0
  exec systemd-nspawn --quiet --register=no --keep-unit --machine="$ID-$host" --hostname="$host" \
    --directory="$folder/root" --boot --network-namespace-path="/run/netns/$(host_netns "$host")" \
    --console=passive --suppress-sync=yes --resolv-conf=off --timezone=off --link-journal=no
)

while :; do
  cable_up_unless_unplugged "$host"
  code=0
  boot >>"$folder/console.log" 2>&1 8>&- || code=$?
  cable "$host" down
  CGROUP=${own_group%"/hosts/$host"} after_power_off "$host"
  [ $code = $REBOOT ] || exit 0
done
