#!/bin/sh
# The login: what a command that came over SSH runs in. Arguments: boot id, a number for this command, the command.
#
# Its path exists in demo hosts only, so that a command can never run anywhere else; the boot id
# keeps a command for a host that just went down out of the one that took its place.
boot=$1 number=$2 command=$3
. /opt/daytwo/lib
get role /run/daytwo/role
get here /proc/sys/kernel/random/boot_id
[ "$here" = "$boot" ] || { echo "the host has rebooted" >&2; exit 255; }
echo 800 2>/dev/null >/proc/self/oom_score_adj || :
echo $$ >"/run/daytwo/exec/$number" 2>/dev/null || :
cd /root 2>/dev/null || cd /
exec env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG=C.UTF-8 TZ=UTC \
  "PATH=/opt/daytwo/bin:/opt/daytwo/$role:/usr/sbin:/usr/bin:/sbin:/bin" setsid /bin/sh -c "$command"
