# Says what became of an attempt, and follows it to its end where it still runs.
#
# Where the host holds no folder of it, one is made that refuses it from now on: only then is it
# certain that it will not begin. Whatever could have taken a folder away speaks against that.

dt_fill_fence() {
  umask 022
  { dt_put "- - $dt_boot $dt_up $dt_now 0" >"$dt_dir/keeper" && true >"$dt_dir/fenced"; } 2>/dev/null
}

dt_swept() {
  dt_mine "$1" && dt_first "$1/swept-to" && expr "x$dt_attempt" \<= "x$dt_line" >/dev/null
}

# It has no folder. $dt_known: what is known of its start (kept in a folder, attached, or sent to be so).
dt_fence() {
  case $dt_known in
    kept) dt_none lost vanished ;;
    attached)
      if [ "$dt_known_boot" = "$dt_boot" ] && dt_alive "$dt_known_pid" "$dt_known_ticks"; then dt_none unseen attached; fi
      dt_none lost attached
      ;;
  esac
  [ "$dt_up" = - ] || [ "$dt_up" -ge $((dt_ago + 5)) ] || dt_none lost booted
  # It looked at no folder before it began, so none can keep it from that.
  [ "$dt_known" != unkept ] || dt_none unseen unkept
  [ "$dt_up" != - ] || dt_none lost ageless
  [ "$dt_ago" -lt "$dt_trust" ] || dt_none lost forgotten
  if dt_each dt_swept; then dt_none lost swept; fi
  dt_time
  dt_fill=dt_fill_fence
  dt_each dt_claim || dt_none unseen noplace
  if [ -z "$dt_taken" ]; then
    dt_own=$dt_dir
    dt_each dt_has_beside || dt_none none fenced
    # It had begun to arrive in another place. Left here, this fence would hide it from whoever asks next.
    rm -rf "$dt_own"
  fi
}

reattach() {
  dt_facts || dt_none unseen noplace
  dt_taken=
  dt_each dt_has || dt_fence
  # A folder that is only just made has no files yet.
  dt_looks=0
  until [ -e "$dt_dir/keeper" ] || [ -e "$dt_dir/fenced" ] || [ "$dt_looks" -ge 5 ]; do
    dt_looks=$((dt_looks + 1))
    sleep 1
  done
  [ ! -e "$dt_dir/fenced" ] || dt_none none fenced
  [ -e "$dt_dir/keeper" ] || dt_none lost halfway
  dt_open_files
  dt_watch
  dt_finish
}
