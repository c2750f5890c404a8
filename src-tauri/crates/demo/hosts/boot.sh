#!/bin/sh
# PID 1 of a demo host, first stage: builds its file system, leaves the machine's, gives up privilege.
#
# Runs as "root" of a user namespace that maps nobody but an unprivileged user of the machine. What
# is not mounted here does not exist for the host. Arguments: kit directory, state archive (may be
# absent), host name, role, host number, slots for processes, disk size.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
kit=$1 state=$2 name=$3 role=$4 number=$5 processes=$6 disk=$7

# The shell opens this file itself, through the machine's /proc: it names this PID as the console sees it.
read -r outer _ </proc/self/stat
read -r boot_id </proc/sys/kernel/random/uuid

# No user namespaces in here: a nested one would be a way to mount file systems without a bound.
echo 0 >/proc/sys/user/max_user_namespaces
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || :
hostname "$name" 2>/dev/null || busybox hostname "$name" 2>/dev/null || :

new=$kit/root
mount -t tmpfs -o "size=$disk,nr_inodes=4096,mode=755,nosuid,nodev" demo "$new"
cd "$new"
mkdir -p usr proc dev run tmp etc opt root home var/log old
chmod 1777 tmp
chmod 700 root

mount --rbind /usr usr
for top in bin sbin lib lib32 lib64 libx32; do
  if [ -h "/$top" ]; then
    cp -P "/$top" "$top"
  elif [ -d "/$top" ]; then
    mkdir "$top"
    mount --rbind "/$top" "$top"
  fi
done
# The dynamic linker's cache and Debian's links to the chosen awk; neither says anything about a user.
if [ -r /etc/ld.so.cache ]; then
  : >etc/ld.so.cache
  mount --bind /etc/ld.so.cache etc/ld.so.cache
fi
if [ -d /etc/alternatives ]; then
  mkdir etc/alternatives
  mount --bind /etc/alternatives etc/alternatives
fi
# Read-only, mount by mount: a recursive bind brings the mounts below /usr along.
while read -r _ _ _ _ point options _; do
  case $point in
  "$new"/*)
    case ,$options, in
    *,noexec,*) mount -o remount,bind,ro,nosuid,nodev,noexec "$point" ;;
    *) mount -o remount,bind,ro,nosuid,nodev "$point" ;;
    esac
    ;;
  esac
done </proc/self/mountinfo

for node in null zero full random urandom; do
  : >"dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

cp -r "$kit/files" opt/daytwo
mkdir -p run/daytwo/exec
echo "$boot_id" >run/daytwo/boot_id
echo "0.08 0.05 0.01 1/40 1" >run/daytwo/loadavg
mount -t proc proc proc
mount --bind run/daytwo/boot_id proc/sys/kernel/random/boot_id
mount --bind run/daytwo/loadavg proc/loadavg
exec 5</dev/null
if [ -r "$state" ]; then exec 5<"$state"; fi

pivot_root . old
cd /
umount -l /old
rmdir /old
# From here on nothing of the machine is left but /usr, read-only. The bounding set is cleared of all
# that could mount, enter or configure; what stays makes "root" own the files of its own disk.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  prlimit --nproc="$processes" --as=268435456 --fsize=16777216 --core=0 --nofile=256 \
  setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+kill --inh-caps=-all --no-new-privs \
  sh /opt/daytwo/init "$outer" "$name" "$role" "$number" "$processes"
