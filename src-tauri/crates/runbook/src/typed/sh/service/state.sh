
command -v systemctl >/dev/null 2>&1 || refuse "this host has no systemctl: services are known only where systemd is"
case $unit in
  '' | -* | *[!A-Za-z0-9:_.@\\-]*) refuse "$unit is not the name of one unit" ;;
esac

# ActiveState, SubState and UnitFileState in one line; `-` for what the unit does not have.
state() {
  shown=$(systemctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -- "$unit") ||
    refuse "systemctl does not say how $unit is"
  load='' active='' sub='' file=''
  while IFS='=' read -r key value; do
    case $key in
      LoadState) load=$value ;;
      ActiveState) active=$value ;;
      SubState) sub=$value ;;
      UnitFileState) file=$value ;;
    esac
  done <<END
$shown
END
  case $load in
    loaded | masked) ;;
    not-found) refuse "there is no unit $unit on this host" ;;
    *) refuse "the unit $unit cannot be used: systemd says ${load:-nothing} of it" ;;
  esac
  printf '%s %s %s\n' "${active:--}" "${sub:--}" "${file:--}"
}

# Whether a unit in this state is on its way up or down.
direction() {
  case ${1%% *} in
    active | reloading | refreshing | activating) echo up ;;
    *) echo down ;;
  esac
}

# Whether it is enabled as wanted in this state; fails where it can never be.
enabled_right() {
  case $enabled:${1##* } in
    : | :* | yes:enabled | no:disabled | no:masked | no:masked-runtime) return 0 ;;
    yes:disabled | yes:enabled-runtime | no:enabled | no:enabled-runtime) return 1 ;;
    yes:*) refuse "$unit cannot be enabled: its unit file is ${1##* }" ;;
    *) refuse "$unit cannot be disabled: its unit file is ${1##* }" ;;
  esac
}

systemctl_do() {
  systemctl --no-ask-password "$@" -- "$unit" || exit 1
}

# Brings the unit file to this state.
install_as() {
  case $1 in
    enabled) systemctl_do enable ;;
    enabled-runtime)
      systemctl_do disable
      systemctl_do --runtime enable
      ;;
    disabled)
      systemctl_do disable
      systemctl_do --runtime disable
      ;;
    *) refuse "$unit cannot be brought back to a unit file that is $1" ;;
  esac
}
