# Where a host keeps attempts, and what the folder of one says.
#
# PLACE/ATTEMPT/ is made by mkdir, which is the lock. In it, readable by everybody:
#   about    by whom and what for, one line each
#   keeper   pid, start ticks, boot id, uptime, time of day and lease (seconds) of the shell that delivered it
#   proc     pid, process group, start ticks and boot id of the script; blank until it starts
#   end      "exit CODE" or "none"; made by rename from end.new, which holds its room on the disk
#   killed   somebody ended it; by-switch: its dead-man switch did
#   done     out and err are whole; out.cut, err.cut: not all of it was kept
#   fenced   nothing of it was started, and nothing will be
#   armed    a dead-man switch; renamed to disarmed or fired, whichever comes first
#   undo.end what came of that: "exit CODE" of the way back, "none" (there was nothing to take back), or "alive", pids
#            and start ticks (of what could not be ended; nothing was taken back)
#   left     what the script leaves elsewhere for the way back, one path in each line: see dt_clear
# and for its user only: out, err, undo.

# A builtin that writes a text as it is: one that is there without a path to look it up in. Where there is
# none, a program would get the text as an argument, which everybody can see.
if PATH=/nowhere command printf '' 2>/dev/null; then
  dt_put() { printf '%s\n' "$1"; }
elif PATH=/nowhere command print -r -n '' 2>/dev/null; then
  dt_put() { print -r -- "$1"; }
else
  dt_put() { return 1; }
fi

# What this system is: user, mask for new files, boot id, seconds that it has been up. In a container
# the kernel's uptime is that of the machine around it, so the age of process 1 counts.
dt_facts() {
  dt_uid='' dt_umask='' dt_boot=- dt_up=-
  if [ -r /proc/self/status ]; then
    while read -r dt_k dt_v dt_w _; do
      case $dt_k in
        Umask:) dt_umask=$dt_v ;;
        Uid:)
          dt_uid=$dt_w
          break
          ;;
      esac
    done </proc/self/status
  fi
  [ -n "$dt_uid" ] || dt_uid=$(id -u) || return 1
  [ -n "$dt_umask" ] || dt_umask=$(umask)
  if [ -r /proc/sys/kernel/random/boot_id ]; then read -r dt_boot </proc/sys/kernel/random/boot_id; fi
  if [ -r /proc/uptime ]; then
    read -r dt_up _ </proc/uptime
    dt_up=${dt_up%%.*}
    if dt_ticks 1; then dt_up=$((dt_up - dt_t / 100)); fi
  fi
}

# The time of day, from the shell itself where that has it.
dt_time() {
  dt_now=
  # shellcheck disable=SC3028
  [ -z "${BASH_VERSION-}${KSH_VERSION-}" ] || dt_now=${EPOCHREALTIME-}
  dt_now=${dt_now%%[.,]*}
  case $dt_now in '' | *[!0-9]*) dt_now=$(date +%s) || dt_now=0 ;; esac
}

# Start ticks of a process that lives: field 22 of its stat, counted behind the name, which may hold anything.
dt_ticks() {
  dt_t=-
  { read -r dt_l <"/proc/$1/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086
  set -- ${dt_l##*) }
  case $1 in Z | X | x) return 1 ;; esac
  shift 19
  dt_t=$1
}

# Whether process $1 lives and was started at $2, so that a reused pid is nobody's.
dt_alive() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  if [ -r /proc/self/stat ]; then
    dt_ticks "$1" && [ "$dt_t" = "$2" ]
  else
    kill -s 0 "$1" 2>/dev/null
  fi
}

# Calls $1 with each place until it succeeds. The last one is memory: it has room when every disk is full.
dt_each() {
  "$1" "/var/tmp/daytwo-$dt_uid" && return 0
  case ${HOME-} in
    *'
'*) ;;
    /?*) "$1" "$HOME/.local/state/daytwo" && return 0 ;;
  esac
  "$1" "/tmp/daytwo-$dt_uid" && return 0
  "$1" "/dev/shm/daytwo-$dt_uid"
}

# A folder of this user, and no link to one: others can write where it stands.
dt_mine() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }

dt_has() {
  dt_mine "$1" && [ -d "$1/$dt_attempt" ] && dt_dir=$1/$dt_attempt
}

dt_has_beside() {
  [ "$1/$dt_attempt" != "$dt_own" ] && dt_has "$1"
}

# Makes the attempt's folder in place $1 and fills it with $dt_fill. dt_taken: it was there already.
dt_claim() {
  # shellcheck disable=SC2174
  [ -d "$1" ] || mkdir -p -m 755 "$1" 2>/dev/null
  dt_mine "$1" || return 1
  if mkdir -m 755 "$1/$dt_attempt" 2>/dev/null; then
    dt_dir=$1/$dt_attempt
    "$dt_fill" && return 0
    rm -rf "$dt_dir"
    return 1
  fi
  [ -d "$1/$dt_attempt" ] && dt_taken=1 && dt_dir=$1/$dt_attempt
}

# The first line of a file that is in a folder of this user.
dt_first() {
  dt_line=
  { read -r dt_line <"$1"; } 2>/dev/null
  [ -n "$dt_line" ]
}

# Some shells calculate whatever is compared as a number, so only digits get that far.
dt_is_keeper() {
  dt_kpid=$1 dt_kticks=${2-} dt_kboot=${3-} dt_kup=${4-} dt_since=${5-} dt_lease=${6-}
  case $dt_kup in '' | *[!0-9]*) dt_kup=0 ;; esac
  case $dt_since in '' | *[!0-9]*) dt_since=0 ;; esac
  case $dt_lease in '' | *[!0-9]*) dt_lease=0 ;; esac
  return 0
}
dt_is_proc() { dt_pid=$1 dt_group=${2-} dt_pticks=${3-} dt_pboot=${4-}; }

# Whether the host was started anew since the keeper that dt_state has read.
dt_is_rebooted() {
  [ -n "$dt_kpid" ] || return 1
  [ "$dt_kboot" != "$dt_boot" ] || { [ "$dt_boot" = - ] && [ "$dt_up" != - ] && [ "$dt_up" -lt "$dt_kup" ]; }
}

# What the folder says: dt_word (fenced, none, exit, killed, fired, empty, rebooted, running, starting, ending,
# gone), dt_code, and dt_pid, dt_group, dt_pticks, dt_pboot of the script where it was started.
dt_state() {
  dt_word='' dt_code=- dt_pid='' dt_group='' dt_pticks='' dt_pboot=''
  dt_kpid='' dt_kticks='' dt_kboot='' dt_kup='' dt_since='' dt_lease=''
  # shellcheck disable=SC2086
  if dt_first "$1/keeper"; then dt_is_keeper $dt_line; fi
  # shellcheck disable=SC2086
  if dt_first "$1/proc"; then dt_is_proc $dt_line; fi
  if [ -e "$1/fenced" ]; then dt_word=fenced; return; fi
  if dt_first "$1/end"; then
    dt_word=${dt_line%% *} dt_code=${dt_line##* }
    [ "$dt_word" = exit ] || return
    if [ -e "$1/by-switch" ]; then dt_word=fired; elif [ -e "$1/killed" ]; then dt_word=killed; fi
    return
  fi
  if [ -z "$dt_kpid" ]; then
    dt_word=empty
  elif dt_is_rebooted; then
    dt_word=rebooted
  elif dt_alive "$dt_pid" "$dt_pticks"; then
    dt_word=running
  elif dt_alive "$dt_kpid" "$dt_kticks"; then
    dt_word=starting
    [ -z "$dt_pid" ] || dt_word=ending
  else
    dt_word=gone
  fi
}
