
case $owner in
  :* | *: | *:*:* | -*) refuse "$owner is not an owner; it is written user or user:group" ;;
esac

# Whether mode and owner of $1 are as wanted. One that is empty is not asked for.
right() {
  if [ -n "$mode" ]; then
    [ "$(stat -c %a -- "$1")" = "$mode" ] || return 1
  fi
  [ -n "$owner" ] || return 0
  case " $(stat -c '%U %u' -- "$1") " in
    *" ${owner%%:*} "*) ;;
    *) return 1 ;;
  esac
  case $owner in *:*) ;; *) return 0 ;; esac
  case " $(stat -c '%G %g' -- "$1") " in
    *" ${owner#*:} "*) ;;
    *) return 1 ;;
  esac
}

# Gives $1 mode and owner. The mode comes last, because a new owner takes its special bits away.
give() {
  keep=${mode:-$(stat -c %a -- "$1")}
  [ -z "$owner" ] || chown -- "$owner" "$1" || exit 1
  chmod -- "$keep" "$1" || exit 1
}
