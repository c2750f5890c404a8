# Ends a process group and the rest of its session, and looks that they are gone.
#
# dt_end_group PID BOOT TICKS TENTHS FOLDER: TENTHS of a second lie between asking and killing; 0
# kills at once. FOLDER, or -, is told that somebody ended it. One line of answer: "dead" (it was
# signalled and is gone), "gone" (there was nothing to signal), "rebooted", "apart" (it has no
# group of its own), or "alive" and pids. Where there is a /proc, members are looked up there,
# because kill -0 also counts processes that are dead but not yet collected by their parent; members
# of the session count too, so that a group that the script made itself is found.

dt_members() {
  dt_found=
  if [ -r /proc/$$/stat ]; then
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

dt_wait_gone() {
  dt_left=$1
  while dt_members; do
    [ "$dt_left" -gt 0 ] || return 1
    dt_left=$((dt_left - 1))
    sleep 0.1 2>/dev/null || sleep 1
  done
}

# procps 4.0.2 reads "kill -TERM -1234" as "every process", and dash does not take "kill -TERM --".
dt_signal() {
  # shellcheck disable=SC2086
  kill -s "$1" -- "-$dt_gr" $dt_found 2>/dev/null
}

dt_end_group() {
  dt_gr=$1 dt_wb=$2 dt_wt=$3 dt_grace=$4 dt_tell=$5
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
      kill -s TERM "$dt_gr"
      echo apart
      return
    fi
  fi
  if dt_members; then :; else echo gone; return; fi
  # Of a script that has ended by itself, only what it left behind is ended now.
  [ "$dt_tell" = - ] || [ -e "$dt_tell/end" ] || { (umask 022; true >"$dt_tell/killed"); } 2>/dev/null
  if [ "$dt_grace" != 0 ]; then
    dt_signal TERM
    if dt_wait_gone "$dt_grace"; then echo dead; return; fi
  fi
  dt_signal KILL
  if dt_wait_gone 20; then echo dead; return; fi
  echo "alive$dt_found"
}
