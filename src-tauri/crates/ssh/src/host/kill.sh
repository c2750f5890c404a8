# Ends a process group and the rest of its session, and looks that they are gone.
#
# dt_end_group PID BOOT TICKS TENTHS FOLDER [FILE]: TENTHS of a second lie between asking and killing;
# 0 kills at once. FOLDER, or -, gets an empty FILE (killed), which says that it did not end by itself.
# One line of answer: "dead" (it was signalled and is gone), "gone" (there was nothing to signal),
# "rebooted", "apart" (it has no group of its own, and it is gone as far as that can be seen), or
# "alive" and pids. Where there is a /proc, members are looked up there, because kill -0 also counts
# processes that are dead but not yet collected by their parent; members of the session count too,
# so that a group that the script made itself is found.

dt_members() {
  dt_found=
  # Not $$: the shell of that number may have ended with its connection.
  if [ -r /proc/self/stat ]; then
    for dt_f in /proc/[0-9]*/stat; do
      read -r dt_l <"$dt_f" || continue
      # shellcheck disable=SC2086
      set -- ${dt_l##*) }
      case $1 in Z | X | x) continue ;; esac
      if [ "$3" = "$dt_gr" ] || [ "$4" = "$dt_gr" ]; then dt_found="$dt_found ${dt_l%% *}"; fi
    done 2>/dev/null
  elif kill -s 0 -- "-$dt_gr" 2>/dev/null; then
    dt_found=" $dt_gr"
  fi
  [ -n "$dt_found" ]
}

# The same of a script without a group of its own: adds to $dt_found what descends from that, as far as no parent
# in between is gone.
dt_kin() {
  dt_grown=1
  while [ -n "$dt_grown" ]; do
    dt_grown=
    for dt_f in /proc/[0-9]*/stat; do
      read -r dt_l <"$dt_f" || continue
      # shellcheck disable=SC2086
      set -- ${dt_l##*) }
      case "$dt_found " in
        *" ${dt_l%% *} "*) ;;
        *" $2 "*) dt_found="$dt_found ${dt_l%% *}" dt_grown=1 ;;
      esac
    done 2>/dev/null
  done
  dt_live
}

# Leaves in $dt_found what lives of it. A look at everything costs a busy host much more.
dt_live() {
  dt_known=$dt_found dt_found=
  for dt_p in $dt_known; do
    { read -r dt_l <"/proc/$dt_p/stat"; } 2>/dev/null || continue
    # shellcheck disable=SC2086
    set -- ${dt_l##*) }
    case $1 in Z | X | x) continue ;; esac
    dt_found="$dt_found $dt_p"
  done
  [ -n "$dt_found" ]
}

dt_wait_gone() {
  dt_wait=$1
  while dt_live || "$dt_look"; do
    [ "$dt_wait" -gt 0 ] || return 1
    dt_wait=$((dt_wait - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# procps 4.0.2 reads "kill -TERM -1234" as "every process", and dash does not take "kill -TERM --".
dt_signal() {
  # shellcheck disable=SC2086
  kill -s "$1" -- $dt_whom $dt_found 2>/dev/null
}

dt_end_group() {
  dt_gr=$1 dt_wb=$2 dt_wt=$3 dt_grace=$4 dt_tell=$5 dt_file=${6-killed}
  dt_look=dt_members dt_whom=-$1 dt_done=dead
  dt_nb=-
  if [ -r /proc/sys/kernel/random/boot_id ]; then read -r dt_nb </proc/sys/kernel/random/boot_id; fi
  if [ "$dt_nb" != "$dt_wb" ]; then echo rebooted; return; fi
  dt_l=
  { read -r dt_l <"/proc/$dt_gr/stat"; } 2>/dev/null
  if [ -n "$dt_l" ]; then
    # shellcheck disable=SC2086
    set -- ${dt_l##*) }
    dt_og=$3
    shift 19
    if [ "$1" != "$dt_wt" ]; then echo gone; return; fi
    if [ "$dt_og" != "$dt_gr" ]; then
      # Its group is that of others, too.
      dt_found=" $dt_gr" dt_look=dt_kin dt_whom='' dt_done=apart
    fi
  fi
  if "$dt_look"; then :; else echo gone; return; fi
  # Of a script that has ended by itself, only what it left behind is ended now. "killed" says that all is gone.
  case $dt_file$dt_done in killedapart) dt_tell=- ;; esac
  [ "$dt_tell" = - ] || [ -e "$dt_tell/end" ] || { (umask 022; true >"$dt_tell/$dt_file"); } 2>/dev/null
  if [ "$dt_grace" != 0 ]; then
    dt_signal TERM
    if dt_wait_gone "$dt_grace"; then echo "$dt_done"; return; fi
    "$dt_look" || { echo "$dt_done"; return; }
  fi
  dt_signal KILL
  if dt_wait_gone 20; then echo "$dt_done"; return; fi
  # It goes on, and how it ends is then its own.
  case "$dt_found " in *" $dt_gr "*) [ "$dt_tell" = - ] || rm -f "$dt_tell/$dt_file" ;; esac
  echo "alive$dt_found"
}
