# Removes attempts that are older than the retention, and what they keep elsewhere for their ways back; at most once
# an hour, and a bounded number at a time.
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
    dt_clear
    rm -rf "$dt_old"
  done
}

# Removes what an attempt has left elsewhere, by its file "left": plain files with names that Daytwo gives, in
# the very folder that was written down, to which no link has been put in between since. Where a later attempt of
# the same step has written its note again, they are that one's; of an attempt whose end was never written, also
# where another one has listed them.
dt_clear() {
  [ -f "$dt_old/left" ] && [ ! -L "$dt_old/left" ] || return 0
  dt_lines=0
  while IFS= read -r dt_path; do
    dt_lines=$((dt_lines + 1))
    [ "$dt_lines" -le "$dt_left_max" ] || break
    dt_in=${dt_path%/*} dt_name=${dt_path##*/}
    case $dt_path in /*) ;; *) continue ;; esac
    case $dt_name in .*.daytwo-*.bak | .*.daytwo-*.note | .*.daytwo-*.new) ;; *) continue ;; esac
    (
      cd -P "$dt_in/" && [ "$(pwd -P)" = "${dt_in:-/}" ] || exit 0
      # shellcheck disable=SC3013 # Every shell that hosts have knows -nt.
      [ ! -e "$dt_old/end" ] || [ ! "./${dt_name%.*}.note" -nt "$dt_old/end" ] || exit 0
      [ -e "$dt_old/end" ] || dt_is_listed_once || exit 0
      [ ! -f "./$dt_name" ] || [ -L "./$dt_name" ] || rm -f "./$dt_name"
    ) 2>/dev/null
  done <"$dt_old/left"
}

# Whether no other attempt lists $dt_path. What cannot be read may list it.
dt_is_listed_once() {
  for dt_o in "$dt_base"/*/left; do
    [ "$dt_o" != "$dt_old/left" ] || continue
    grep -Fqx -e "$dt_path" "$dt_o"
    [ $? = 1 ] || return 1
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
