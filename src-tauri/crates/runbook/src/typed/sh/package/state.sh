
if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  refuse "this host has no dpkg and apt: packages are known only on Debian and its relatives"
fi
case $name in
  [!a-z0-9]* | *[!a-z0-9+.:-]* | '') refuse "$name is not the name of one package" ;;
esac
case $version in
  [!A-Za-z0-9]* | *[!A-Za-z0-9.+:~-]*) refuse "$version is not the version of a package" ;;
esac

# `installed VERSION free|held`, or `absent - free|held`.
state() {
  code=0
  # shellcheck disable=SC2016 # dpkg-query's own fields
  shown=$(dpkg-query -W -f '${Status} ${Version}\n' "$name" 2>/dev/null) || code=$?
  case $code in
    0) ;;
    1) shown='' ;; # It has never heard of it.
    *) refuse "dpkg-query does not say how $name is" ;;
  esac
  if [ "$(printf '%s\n' "$shown" | wc -l)" -gt 1 ]; then
    refuse "$name is there for several architectures; name one of them: $name:amd64"
  fi
  # shellcheck disable=SC2086 # four words without spaces
  set -- ${shown:-unknown ok not-installed}
  [ "$2" = ok ] || refuse "dpkg says that $name is to be installed again; this is repaired by hand"
  hold_now=free
  [ "$1" != hold ] || hold_now=held
  case $3 in
    installed | triggers-awaited | triggers-pending) printf 'installed %s %s\n' "$4" "$hold_now" ;;
    not-installed | config-files) printf 'absent - %s\n' "$hold_now" ;;
    *) refuse "dpkg says that $name is $3; this is repaired by hand" ;;
  esac
}

version_in() {
  set -- "${1#* }"
  printf '%s\n' "${1%% *}"
}

# Refuses to change a package that is held, because somebody held it for a reason, unless the step
# says what becomes of the hold.
check_hold() {
  case $hold:${1##* } in
    :held) refuse "$name is held; a step that changes it says with \`hold\` whether it is held afterwards" ;;
  esac
}

# Whether the package itself is as wanted in this state.
package_right() {
  case $present:${1%% *} in
    no:absent) ;;
    yes:installed) [ -z "$version" ] || [ "$(version_in "$1")" = "$version" ] ;;
    *) return 1 ;;
  esac
}

# Whether it is held as wanted in this state.
hold_right() {
  case $hold:${1##* } in
    :* | yes:held | no:free) return 0 ;;
    *) return 1 ;;
  esac
}
