#!/bin/bash
# console.sh COMMAND: what can go wrong with the machine of the console, for consoles that work in this fleet's folder
# `console`.
#
#   small-disk              console/data gets a disk of its own, before anything is on it
#   disk-full | disk-free   of that disk
#   clock SECONDS           the wall clock of consoles that run with LD_PRELOAD=IMAGES/bin/clock.so and
#                           FLEET_CLOCK=FLEET/console/clock; also of those that run already
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# What a test of the console may write.
CONSOLE_DISK_SIZE=256m

data=$FLEET/console/data
need_small_disk() { mountpoint --quiet "$data" || die "$data has no disk of its own; give it one with small-disk"; }

case ${1:-} in
  small-disk)
    ! mountpoint --quiet "$data" || exit 0
    mount -t tmpfs -o "size=$CONSOLE_DISK_SIZE,mode=700" daytwo-fleet "$data"
    cp "$FLEET/known_hosts" "$data/known_hosts"
    ;;
  disk-full) need_small_disk && { fill_disk "$data" || die "the disk does not shrink"; } ;;
  disk-free) need_small_disk && mount -o "remount,size=$CONSOLE_DISK_SIZE" "$data" ;;
  clock) clock_offset "${2:-}" | dd of="$FLEET/console/clock" conv=notrunc status=none ;;
  *) die "there is no command \`${1:-}\`; there are small-disk, disk-full, disk-free, clock" ;;
esac
