#!/bin/bash
# image.sh [SUITE]: makes the read-only base image of a Debian suite and the two programs of the fleet, unless they are
# there, and prints the image's folder. An image is made under another name and renamed at the end, so that a half-made
# one is never used.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SUITE=${1:-bookworm}
# A mirror may be slow; a hung download must end some time.
BUILD_DEADLINE_S=1200
# What a small server has, the shells and tools that runbooks and the wrapper have to cope with, and nothing that
# starts by itself and needs a network.
PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,sudo,cron,rsyslog,logrotate,nginx-light
PACKAGES+=,sqlite3,python3-minimal,iproute2,procps,curl,ca-certificates,busybox,mksh,tcsh

case $SUITE in *[!a-z]* | '') die "\`$SUITE\` is not the name of a Debian suite" ;; esac
mkdir -p "$IMAGES/bin"
lock "$IMAGES/lock"

build_program() { # SOURCE PROGRAM FLAGS...
  local source=$SCRIPTS/$1 program=$IMAGES/bin/$2
  shift 2
  if [ ! "$program" -nt "$source" ]; then
    cc -std=gnu17 -O2 -Wall -Wextra -Werror "$@" -o "$program.new" "$source"
    mv "$program.new" "$program"
  fi
}
build_program wire.c wire
build_program clock.c clock.so -shared -fPIC

# Made by another version of this script is another image; a running fleet keeps the one that it stands on.
version=$(cksum <"${BASH_SOURCE[0]}" | awk '{ printf "%05x", $1 % 1048576 }')
image=$IMAGES/$SUITE-$version
if [ -d "$image" ]; then
  printf '%s\n' "$image"
  exit
fi

new=$IMAGES/$SUITE.new
rm -rf --one-file-system "$new"
echo "Making the base image of Debian $SUITE: one or two minutes, the first time only." >&2
timeout "$BUILD_DEADLINE_S" mmdebstrap --quiet --mode=root --variant=apt --include="$PACKAGES" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  "$SUITE" "$new" >&2

# Each host gets its own identity when it is made.
rm -f "$new"/etc/ssh/ssh_host_* "$new"/etc/machine-id
: >"$new/etc/machine-id"

# `ops` is an operator who may do anything, `guard` one whose sudo asks for a password (which is `guard`).
chroot "$new" useradd -m -s /bin/bash -G sudo,adm,systemd-journal ops
chroot "$new" useradd -m -s /bin/bash guard
chroot "$new" usermod -p '*' ops
printf 'guard:guard\n' | chroot "$new" chpasswd
printf 'ops ALL=(ALL) NOPASSWD: ALL\nguard ALL=(ALL) ALL\n' >"$new/etc/sudoers.d/fleet"
chmod 440 "$new/etc/sudoers.d/fleet"

cat >"$new/etc/ssh/sshd_config.d/fleet.conf" <<'CONFIG'
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys
UseDNS no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 200
MaxSessions 100
CONFIG

# Units that make no sense in a container, or that wait for a network which leads nowhere.
chroot "$new" systemctl --quiet mask console-getty.service systemd-networkd-wait-online.service apt-daily.timer \
  apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer

rm -rf "$new"/var/cache/apt/*.bin "$new"/var/lib/apt/lists/*
mv "$new" "$image"
printf '%s\n' "$image"
