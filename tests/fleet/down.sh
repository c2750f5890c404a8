#!/bin/bash
# down.sh [--purge]: takes the power from all hosts of a fleet and removes them with their disks and their network. What
# is to be removed is asked of the kernel and not of notes, so that it works after any crash, and twice.
# --purge also removes the console's history of this fleet, and the base images of all fleets.
# (--locked is up.sh's own: the caller holds the lock.)
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ "${1:-}" = --locked ] || lock "$FLEET/lock"

kill_all .
until_true "$KERNEL_DEADLINE_S" empty . || die "processes of the fleet do not end; see $CGROUP/cgroup.procs"
[ ! -e "$CGROUP" ] || find "$CGROUP" -depth -type d -exec rmdir {} +

for host in $(host_names); do forget_host "$host"; done
# The namespaces of hosts whose folders are gone.
for netns in "/run/netns/$ID"-web-* "/run/netns/$ID"; do
  [ ! -e "$netns" ] || ip netns delete "$(basename "$netns")"
done
# The kernel takes a namespace apart in the background; this end of its cable goes with it, but later.
if [ -s "$FLEET/subnet" ]; then
  uplink=daytwo-$(cut -d . -f 3 "$FLEET/subnet")
  ip link delete "$uplink" 2>/dev/null || true
  uplink_is_gone() { [ ! -e "/sys/class/net/$uplink" ]; }
  until_true "$KERNEL_DEADLINE_S" uplink_is_gone || die "the interface $uplink does not go away"
fi

! mountpoint --quiet "$FLEET/console/data" || umount "$FLEET/console/data"
rm -rf --one-file-system "$FLEET/hosts" "$FLEET/console/config" "$FLEET/console/data/known_hosts" \
  "$FLEET/console/clock"
rm -f "$FLEET"/{image,image.new,subnet,key,key.pub,known_hosts,known_hosts.new,ssh_config,ssh_config.new,fleet.yaml.new}
if [ "${1:-}" = --purge ]; then
  rm -rf --one-file-system "$FLEET/console"
  ! grep -qs "lowerdir=$IMAGES/" /proc/[0-9]*/mountinfo || die "another fleet stands on the images in $IMAGES"
  rm -rf --one-file-system "$IMAGES"
fi
if [ "${1:-}" != --locked ]; then
  rm -f "$FLEET/lock"
  rmdir --ignore-fail-on-non-empty "$FLEET/console/data" "$FLEET/console" "$FLEET" 2>/dev/null || true
fi
