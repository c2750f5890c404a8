# Lists the attempts that users of this host may read about: who worked here, on what, and how it went.
#
# Others wrote these files and may have put anything in their place: only plain files are opened, and
# only their beginning is read.

dt_first() {
  dt_line=
  [ -f "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] || return 1
  dt_line=$(head -c 300 "$1" 2>/dev/null)
  dt_line=${dt_line%%
*}
  # Trailing blanks hold the place of what is written later.
  dt_line=${dt_line%"${dt_line##*[! ]}"}
  [ -n "$dt_line" ]
}

# A place is named after its user's number; one that belongs to somebody else pretends to be theirs.
dt_owned() {
  case ${1##*/daytwo-} in '' | *[!0-9]*) return 1 ;; esac
  # shellcheck disable=SC2046
  set -- "${1##*/daytwo-}" $(ls -ldn "$1" 2>/dev/null)
  [ "$1" = "${4-}" ]
}

dt_place() {
  [ -d "$1" ] && [ ! -L "$1" ] && [ -r "$1" ] || return 0
  dt_base=$1
  set +f
  set -- "$1"/????????-????-????-????-????????????
  # Names sort by time: the newest are last.
  while [ $# -gt "$dt_each_max" ]; do shift; done
  set -f
  for dt_one in "$@"; do
    case ${dt_one##*/} in *[!0-9a-f-]*) continue ;; esac
    [ -d "$dt_one" ] && [ ! -L "$dt_one" ] || continue
    dt_state "$dt_one"
    dt_put "attempt ${dt_one##*/} $dt_word $dt_code $dt_since $dt_lease
place $dt_base"
    [ ! -f "$dt_one/about" ] || [ -L "$dt_one/about" ] ||
      head -c 1000 "$dt_one/about" 2>/dev/null | sed -n "/^by /p;/^what /p"
    # A text of somebody else may end in the middle of a line.
    dt_put "
end"
  done
  set +f
}

touched() {
  dt_facts || return
  dt_put "now $(date +%s) $dt_boot"
  # The own home may be one of the others: who reads this takes a place once.
  for dt_p in /var/tmp/daytwo-* /tmp/daytwo-* /dev/shm/daytwo-*; do
    if dt_owned "$dt_p"; then dt_place "$dt_p"; fi
  done
  for dt_p in /root/.local/state/daytwo /home/*/.local/state/daytwo "${HOME-}/.local/state/daytwo"; do
    dt_place "$dt_p"
  done
}
