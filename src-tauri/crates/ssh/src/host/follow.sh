# Tells the console what an attempt writes and how it ends.
#
# On standard output: "MARK start PID GROUP TICKS BOOT FOLDER", the script's output,
# "MARK end WORD DETAIL BYTES-OF-OUT BYTES-OF-ERR CUT". On either stream, "MARK at BYTE" says from
# which byte of that stream it goes on; some of that may have been sent before.

dt_none() {
  dt_put "$dt_m end $1 $2 0 0 -"
  exit 0
}

dt_open_files() {
  exec 5<"$dt_dir/out" 6<"$dt_dir/err"
  dt_live='' dt_began='' dt_ended='' dt_code=-
}

dt_begin() {
  dt_began=1
  dt_put "$dt_m start $1 $2 $3 $4 $dt_dir"
}

# Follows both streams from where they are read up to. The system's tail must know parts of a second.
dt_tails() {
  tail -s 0.2 -n 0 /dev/null >/dev/null 2>&1 || return 1
  tail -s 0.2 -c +1 -f <&5 2>/dev/null &
  dt_live=$!
  tail -s 0.2 -c +1 -f <&6 >&2 2>/dev/null &
  dt_live="$dt_live $!"
}

# What is there of both streams now, from where they are read up to. Without a process where nothing was
# written since the last look.
dt_rest() {
  dt_seen=$dt_dir/seen.$$
  # shellcheck disable=SC3013 # Every shell that hosts have knows -nt.
  if [ -e "$dt_seen" ] && [ ! "$dt_dir/out" -nt "$dt_seen" ] && [ ! "$dt_dir/err" -nt "$dt_seen" ]; then return; fi
  { true >"$dt_seen"; } 2>/dev/null
  cat <&5
  cat <&6 >&2
}

# How far the file that is open as $1 is read.
dt_read_up_to() {
  dt_p=
  { read -r _ dt_p <"/proc/self/fdinfo/$1"; } 2>/dev/null || dt_p=
}

# From which byte to send again: a tail that was ended may have read, and not written, this much.
dt_back() {
  dt_read_up_to "$1"
  dt_p=$((${dt_p:-0} - 65536))
  [ "$dt_p" -ge "$2" ] || dt_p=$2
}

dt_size() {
  dt_read_up_to "$1"
  [ -n "$dt_p" ] || dt_p=$(($(wc -c <"$dt_dir/$2")))
}

# Whether there may be something of stream $1 to tell: a script may have removed what is kept of it.
dt_any() { [ -s "$dt_dir/$1" ] || [ ! -e "$dt_dir/$1" ]; }

# By what name the file that is open as $1 is opened once more, also where that has removed it.
dt_name() {
  dt_f=/proc/self/fd/$1
  [ -e "$dt_f" ] || dt_f=$dt_dir/$2
}

# All that is left to tell of an attempt whose end is known.
dt_finish() {
  if [ -n "$dt_live" ]; then
    # shellcheck disable=SC2086
    { kill $dt_live; wait $dt_live; } 2>/dev/null
    dt_back 5 "$dt_from_out"
    dt_name 5 out
    exec 5<"$dt_f"
    dt_put "$dt_m at $dt_p"
    tail -c "+$((dt_p + 1))" <&5
    if dt_any err; then
      dt_back 6 "$dt_from_err"
      dt_name 6 err
      exec 6<"$dt_f"
      dt_put "$dt_m at $dt_p" >&2
      tail -c "+$((dt_p + 1))" <&6 >&2
    fi
  else
    # Without a process where there is nothing to tell.
    ! dt_any out || cat <&5
    ! dt_any err || cat <&6 >&2
  fi
  # Behind this nothing comes: what ends like the beginning of a mark is not held back for more of one.
  ! dt_any err || dt_put "$dt_m" >&2
  dt_cut=-
  [ ! -e "$dt_dir/out.cut" ] && [ ! -e "$dt_dir/err.cut" ] || dt_cut="cut"
  dt_size 5 out
  dt_o=$dt_p
  dt_size 6 err
  dt_put "$dt_m end $dt_ended $dt_code $dt_o $dt_p $dt_cut"
}

# Waits for the end by looking at the folder.
dt_watch() {
  dt_looks=0 dt_doubt=0
  while :; do
    dt_state "$dt_dir"
    if [ -n "$dt_pid" ] && [ -z "$dt_began" ]; then
      dt_begin "$dt_pid" "$dt_group" "$dt_pticks" "$dt_pboot"
      dt_skip
      [ "$dt_word" != running ] || dt_tails
    fi
    [ -n "$dt_live" ] || [ -z "$dt_began" ] || dt_rest
    case $dt_word in
      running | starting | ending) dt_doubt=0 ;;
      empty | gone)
        # Between two writes of those who make the folder; for them a second is long.
        dt_doubt=$((dt_doubt + 1))
        if [ "$dt_doubt" -gt 4 ] && dt_gone; then break; fi
        ;;
      rebooted)
        dt_ended=lost dt_code=rebooted
        break
        ;;
      fenced)
        dt_ended=none dt_code=fenced
        break
        ;;
      none)
        dt_ended=none dt_code=broken
        break
        ;;
      *)
        dt_ended=$dt_word
        break
        ;;
    esac
    dt_looks=$((dt_looks + 1))
    if [ "$dt_doubt" != 0 ]; then
      sleep 1
    elif [ -n "$dt_live" ] && [ "$dt_looks" -gt 20 ]; then
      sleep 1
    else
      sleep 0.2 2>/dev/null || sleep 1
    fi
  done
  dt_settle
}

# The streams may be a moment behind the end, and longer only if something else holds them open.
dt_settle() {
  dt_looks=0
  while [ ! -e "$dt_dir/done" ] && [ "$dt_looks" -lt 12 ]; do
    # Without a keeper nobody will ever say so.
    # shellcheck disable=SC2086
    [ "$dt_looks" -lt 2 ] || { dt_first "$dt_dir/keeper" && dt_is_keeper $dt_line && dt_alive "$dt_kpid" "$dt_kticks"; } || break
    dt_looks=$((dt_looks + 1))
    if [ "$dt_looks" -lt 3 ]; then sleep 0.02; else sleep 0.2; fi 2>/dev/null || sleep 1
  done
}

# Nobody of it is there any more, and it left no end. Fails where it turns out to have begun meanwhile.
dt_gone() {
  dt_ended=lost dt_code=gone
  if [ "$dt_word" = empty ]; then
    dt_code=halfway
    [ -e "$dt_dir" ] || dt_code=vanished
  elif [ -z "$dt_pid" ] && { true >"$dt_dir/fenced"; } 2>/dev/null; then
    # A script writes who it is before it looks for the fence.
    if dt_first "$dt_dir/proc"; then
      rm -f "$dt_dir/fenced"
      dt_ended='' dt_doubt=0
      return 1
    fi
    # Its keeper is gone without having started it, and nobody else ever will.
    dt_ended=none dt_code=broken
  fi
}

# Passes what the console has already, and gives what is there behind it.
dt_skip() {
  [ "$dt_from_out" = 0 ] || tail -c "+$((dt_from_out + 1))" <&5
  [ "$dt_from_err" = 0 ] || tail -c "+$((dt_from_err + 1))" <&6 >&2
}
