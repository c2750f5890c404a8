# Removes attempts that are older than the retention, at most once an hour and a bounded number at a time.
#
# How far it came is written first: of an attempt up to there, "no folder" does not mean "never begun".

dt_sweep() {
  dt_base=${dt_dir%/*}
  [ "$dt_now" -gt 0 ] || return 0
  if dt_first "$dt_base/swept"; then
    case $dt_line in *[!0-9]*) dt_line=0 ;; esac
    dt_age=$((dt_now - dt_line))
    [ "$dt_age" -ge 3600 ] || [ "$dt_age" -lt 0 ] || return 0
  fi
  dt_facts
  umask 022
  echo "$dt_now" >"$dt_base/swept"
  dt_count=0
  for dt_old in "$dt_base"/????????-????-????-????-????????????/; do
    dt_old=${dt_old%/}
    [ "$dt_count" -lt 200 ] || break
    dt_is_past || continue
    dt_remember "${dt_old##*/}" || break
    dt_count=$((dt_count + 1))
    rm -rf "$dt_old"
  done
}

# Within one boot the time of day does not matter; across boots there is nothing better.
dt_is_past() {
  [ -d "$dt_old" ] || return 1
  dt_state "$dt_old"
  case $dt_word in running | starting | ending | empty) return 1 ;; esac
  if [ "$dt_kboot" = "$dt_boot" ] && [ "$dt_up" != - ]; then
    dt_age=$((dt_up - dt_kup))
  elif [ "${dt_since:-0}" != 0 ]; then
    dt_age=$((dt_now - dt_since))
  else
    return 1
  fi
  [ "$dt_age" -ge "$dt_retention" ]
}

dt_remember() {
  if dt_first "$dt_base/swept-to" && expr "x$1" \<= "x$dt_line" >/dev/null; then return 0; fi
  { echo "$1" 1<>"$dt_base/swept-to"; } 2>/dev/null
}
