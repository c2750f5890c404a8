
# Waits for another apt, keeps edited configuration, asks nobody, and touches a held package only
# because the step says what becomes of the hold.
apt() {
  set -- -o DPkg::Lock::Timeout=60 -o APT::Get::AutomaticRemove=false \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
  [ -z "$hold" ] || set -- --allow-change-held-packages "$@"
  LC_ALL=$host_locale DEBIAN_FRONTEND=noninteractive apt-get -y -q --allow-downgrades "$@" </dev/null || exit 1
}

# What is removed along with something else has no way back, so nothing is.
install() {
  apt --no-remove install "$name${1:+=$1}"
}

remove() {
  would=$(apt -s remove "$name") || exit 1
  others=$(printf '%s\n' "$would" | sed -n 's/^Remv \([^ ]*\).*/\1/p' |
    grep -vxF -e "$name" -e "${name%%:*}" | tr '\n' ' ') || :
  [ -z "$others" ] || refuse "to remove $name is to remove others that need it: $others"
  apt remove "$name"
}

mark_as() {
  case $1 in
    held) apt-mark hold "$name" ;;
    free) apt-mark unhold "$name" ;;
  esac
}
