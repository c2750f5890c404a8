# Daytwo's probe. It only reads, and changes nothing. POSIX sh (dash, bash, busybox ash, ksh).
# Prints key=value lines; a fact that this host cannot give is left out.
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin
export PATH
tell() { if [ -n "$2" ]; then printf '%s=%s\n' "$1" "$2"; fi; }
has() { command -v "$1" >/dev/null 2>&1; }
# A hanging systemd or a dead network mount must not cost the other facts.
# Their standard input is not ours: that is where the shell reads this script from.
soon() { if has timeout; then timeout 4 "$@" </dev/null; else "$@" </dev/null; fi; }

printf 'daytwo_probe=1\n'
tell time "$(date +%s 2>/dev/null)"
tell hostname "$(uname -n 2>/dev/null)"
tell kernel "$(uname -r 2>/dev/null)"

if [ -r /etc/os-release ]; then
  while IFS='=' read -r key value; do
    if [ "$key" = PRETTY_NAME ]; then tell os "$value"; fi
  done </etc/os-release
fi
if [ -r /proc/sys/kernel/random/boot_id ]; then
  value=
  read -r value </proc/sys/kernel/random/boot_id || :
  tell boot_id "$value"
fi
if [ -r /proc/uptime ]; then
  value=
  read -r value rest </proc/uptime || :
  tell uptime_s "${value%%.*}"
fi
if [ -r /proc/loadavg ]; then
  one= five= fifteen=
  read -r one five fifteen rest </proc/loadavg || :
  tell load "$one $five $fifteen"
fi
if has nproc; then
  tell cpus "$(nproc 2>/dev/null)"
elif has getconf; then
  tell cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
fi
if [ -r /proc/meminfo ]; then
  while read -r key value unit; do
    case $key in
      MemTotal:) tell memory_total_kib "$value" ;;
      MemAvailable:) tell memory_available_kib "$value" ;;
    esac
  done </proc/meminfo
fi
tell disk "$(soon df -Pk / 2>/dev/null | tail -n 1)"
if has systemctl; then
  # An error here is "not known", never "none has failed".
  if units=$(soon systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null); then
    printf '%s\n' "$units" | {
      count=0
      while read -r unit load active rest; do
        if [ "$active" = failed ]; then count=$((count + 1)); fi
      done
      tell failed_units "$count"
    }
  fi
fi
if [ -r /srv/app/current/VERSION ]; then
  value=
  read -r value </srv/app/current/VERSION || :
  tell app_version "$value"
fi
exit 0
