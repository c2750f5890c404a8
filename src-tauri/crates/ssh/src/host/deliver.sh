# Delivers an attempt: claims its folder, starts its script in a session of its own, and follows it.
#
# The shell that runs this is the keeper. It ignores every signal that it can, so that neither the
# end of the connection nor a signal to the connection's processes is the end of the attempt.

# The files that later must be written even if the disk is full by then get their room now.
# The keeper's file comes last: a folder without one was left half made.
dt_fill_attempt() {
  umask 022
  dt_ticks $$
  dt_blank='                                                                                                            '
  {
    dt_put "by $dt_by
what $dt_what" >"$dt_dir/about" &&
      dt_put "$dt_blank" >"$dt_dir/proc" &&
      dt_put "$dt_blank" >"$dt_dir/end.new" || return 1
    [ "$dt_after" = 0 ] || dt_put "$dt_after" >"$dt_dir/armed" || return 1
    umask 077
    true >"$dt_dir/out" && true >"$dt_dir/err" || return 1
    umask 022
    dt_put "$$ $dt_t $dt_boot $dt_up $dt_now $dt_lease" >"$dt_dir/keeper" || return 1
  } 2>/dev/null
}

deliver() {
  dt_put '' >/dev/null || dt_none refused mute
  dt_facts || dt_none refused noplace
  dt_time
  dt_taken=
  if dt_each dt_has; then dt_none refused taken; fi
  dt_fill=dt_fill_attempt
  dt_each dt_claim || dt_none refused noplace
  [ -z "$dt_taken" ] || dt_none refused taken
  # Whoever asked what became of this attempt meanwhile may have fenced it in another place.
  dt_own=$dt_dir
  if dt_each dt_has_beside; then
    true >"$dt_own/fenced"
    dt_none refused taken
  fi
  dt_dir=$dt_own
  dt_session=
  if command -v setsid >/dev/null 2>&1; then dt_session=setsid; fi
  trap '' HUP INT QUIT TERM PIPE
  dt_launch | dt_follow
  exit 0
}

dt_say() { { echo "$*" >&9; } 2>/dev/null; }

# Everything but following. Standard output is the follower's ear. The keeper's streams are made with exec,
# because a shell keeps a copy of what a redirection of a function hides, and so never closes it.
dt_launch() {
  exec 9>&1 >/dev/null 2>&1
  { sleep 0.15 || :; dt_say tick; } &
  [ "$dt_after" = 0 ] || { dt_guard 9>/dev/null & }
  { { exec 2>&1 >&8 8>&-; dt_keep; } | dt_collect err >/dev/null 8>&-; } 8>&1 | dt_collect out
  true >"$dt_dir/done"
  dt_say gone
  exec 9>&-
  dt_sweep
}

# Runs $1 as a shell of its own that writes who it is into $2. Standard input is the only way that
# leaves no trace of the text. What the keeper ignores is not ignored there.
dt_start() {
  dt_put "$dt_m
$1
$dt_m" | {
    trap - HUP INT QUIT TERM PIPE
    umask "$dt_umask"
    # shellcheck disable=SC2086
    exec $dt_session sh -c "$dt_start_text" sh "$2" 9>&9
  }
}

# The script, and its end. A disk without room must not hide the end, so it is written until it is.
dt_keep() {
  if [ -e "$dt_dir/fenced" ]; then dt_code=125; else dt_start "$dt_script" "$dt_dir/proc"; dt_code=$?; fi
  exec >/dev/null 2>&1
  dt_end="exit $dt_code"
  # Blank as it was made: nothing was started. Where it is missing, the script has removed it.
  dt_first "$dt_dir/proc" || [ ! -e "$dt_dir/proc" ] || dt_end=none
  dt_written=
  if dt_write_end; then dt_written=1; fi
  dt_say "end $dt_end"
  exec 9>&-
  dt_tries=0
  until [ -n "$dt_written" ] || [ "$dt_tries" -ge 8640 ] || [ ! -d "$dt_dir" ]; do
    dt_tries=$((dt_tries + 1))
    sleep 10
    if dt_write_end; then dt_written=1; fi
  done
}

dt_write_end() { echo "$dt_end" 1<>"$dt_dir/end.new" && mv -f "$dt_dir/end.new" "$dt_dir/end"; }

# Keeps a stream up to its limit or the disk's, and lets go of the rest, so that neither is felt by the script.
dt_collect() {
  if (
    umask 077
    ulimit -f "$dt_blocks"
    exec cat >"$dt_dir/$1"
  ); then :; else
    true >"$dt_dir/$1.cut"
    cat >/dev/null
  fi
  dt_say "closed $1"
}

# The dead-man switch. The rename decides between "disarmed" and "fired", once and for all, and needs
# no room on the disk. The script is ended first: a way back beside the way forward is none, so where it
# cannot be ended in some tries, there is no way back, and undo.end says so.
dt_guard() {
  until sleep "$dt_after"; do [ -e "$dt_dir/armed" ] || exit 0; done
  mv "$dt_dir/armed" "$dt_dir/fired" || exit 0
  dt_first "$dt_dir/proc" || { dt_undone 'none'; exit 0; }
  # shellcheck disable=SC2086
  dt_is_proc $dt_line
  dt_beyond='' dt_tries=1 dt_tenths=50
  until dt_is_over; do
    [ "$dt_tries" -lt "$dt_end_tries" ] || { dt_give_up; exit 0; }
    dt_tries=$((dt_tries + 1)) dt_tenths=0
    sleep "$dt_end_pause"
  done
  {
    dt_start "$dt_inverse" "$dt_dir/undo.proc"
    dt_undone "exit $?"
  } 2>&1 | dt_collect undo
}

# Whether nothing of the script lives any more, after it was asked to end.
dt_is_over() {
  dt_said=$(dt_end_group "$dt_pid" "$dt_boot" "$dt_pticks" "$dt_tenths" "$dt_dir" by-switch)
  case $dt_said in
    alive*)
      dt_beyond=${dt_said#alive}
      return 1
      ;;
    dead | gone | apart) ;;
    *) return 1 ;;
  esac
  # Without a group of its own, who was there before is no longer found through a parent that is gone now.
  for dt_p in $dt_beyond; do
    if dt_ticks "$dt_p"; then return 1; fi
  done
}

# With the start of each, so that a reused pid is not taken for what was left.
dt_give_up() {
  dt_left=alive
  for dt_p in $dt_beyond; do
    if dt_ticks "$dt_p"; then dt_left="$dt_left $dt_p $dt_t"; fi
  done
  dt_undone "$dt_left"
}

dt_undone() {
  umask 022
  echo "$1" >"$dt_dir/undo.new" && mv -f "$dt_dir/undo.new" "$dt_dir/undo.end"
}

# What the follower hears, and what it says on the connection.
dt_follow() {
  trap - HUP INT QUIT TERM PIPE
  dt_open_files
  dt_ticked='' dt_streams=2
  while read -r dt_w dt_a dt_b dt_c dt_d; do
    case $dt_w in
      started) dt_begin "$dt_a" "$dt_b" "$dt_c" "$dt_d" ;;
      tick) dt_ticked=1 ;;
      closed) dt_streams=$((dt_streams - 1)) ;;
      end)
        dt_ended=$dt_a dt_code=${dt_b:--}
        [ "$dt_a" != exit ] || [ ! -e "$dt_dir/by-switch" ] || dt_ended=fired
        ;;
      gone) break ;;
    esac
    if [ -n "$dt_ended" ]; then
      [ "$dt_streams" != 0 ] || break
      # Something that the script left behind may hold its output open for ever.
      [ -z "$dt_ticked" ] || { dt_settle; break; }
    elif [ -n "$dt_ticked" ] && [ -n "$dt_began" ] && [ -z "$dt_live" ]; then
      dt_tails || { dt_watch; break; }
    fi
  done
  [ -n "$dt_ended" ] || dt_watch
  dt_finish
  # The connection's process is not to wait for what the script left behind.
  [ "$dt_streams" = 0 ] || [ -e "$dt_dir/done" ] || kill -s KILL $$
}
