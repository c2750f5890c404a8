
before=$(state) || exit 1
if package_right "$before" && hold_right "$before"; then
  printf '%s is already so: %s\n' "$name" "$before"
  exit 0
fi
if ! package_right "$before"; then
  check_hold "$before"
  case $present in
    yes) install "$version" ;;
    no) remove ;;
  esac
fi
now=$(state) || exit 1
if ! hold_right "$now"; then
  case $hold in
    yes) mark_as held ;;
    no) mark_as free ;;
  esac
fi
now=$(state) || exit 1
printf '%s: %s; before: %s\n' "$name" "$now" "$before"
