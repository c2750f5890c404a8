# Tells the host that all is well with an attempt. The rename decides, once and for all: see dt_guard.

disarm() {
  dt_facts || { echo "unknown noplace"; return; }
  dt_each dt_has || { echo "unknown vanished"; return; }
  if [ -e "$dt_dir/armed" ] && mv "$dt_dir/armed" "$dt_dir/disarmed" 2>/dev/null; then echo disarmed; return; fi
  if [ -e "$dt_dir/disarmed" ]; then
    echo disarmed
  elif [ ! -e "$dt_dir/fired" ]; then
    echo "unknown unarmed"
  else
    dt_fired
  fi
}

# What came of a switch that fired: "exit CODE" of the way back; "alive" (nothing was taken back, and something of the
# script may live); "ended" (nothing was taken back, and nothing of the script lives); "lost" (the way back began, and
# the host was started anew before its end); or nothing, while the host is at it.
dt_fired() {
  dt_state "$dt_dir"
  if dt_first "$dt_dir/undo.end"; then
    case $dt_line in
      alive* | none)
        # shellcheck disable=SC2086
        set -- $dt_line
        shift
        if dt_lives "$@"; then echo "fired alive"; else echo "fired ended"; fi
        ;;
      *) echo "fired $dt_line" ;;
    esac
  elif ! dt_is_rebooted; then
    echo fired
  elif [ -e "$dt_dir/undo.proc" ]; then
    echo "fired lost"
  else
    echo "fired ended"
  fi
}

# Whether something of the script lives, or may, as far as its switch had found it: pids and start ticks follow.
dt_lives() {
  if dt_is_rebooted; then return 1; fi
  # Blank as it was made: nothing was started. Where it is missing, the script has removed it.
  if [ -z "$dt_pid" ]; then [ ! -e "$dt_dir/proc" ]; return; fi
  [ -r /proc/self/stat ] || return 0
  while [ $# -ge 2 ]; do
    if dt_alive "$1" "$2"; then return 0; fi
    shift 2
  done
  # A number is given to nobody else while a group of that number has members.
  if dt_ticks "$dt_pid"; then [ "$dt_t" = "$dt_pticks" ]; return; fi
  dt_gr=$dt_pid
  dt_members
}
