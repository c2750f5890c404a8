
now=$(state) || exit 1
if [ "$now" = "$was" ]; then
  printf '%s is as it was: %s\n' "$name" "$was"
  exit 0
fi

# Where the step named no version and found one, it left that one.
case $version:$was in
  :installed*) version=$(version_in "$was") ;;
esac
if ! package_right "$now" || ! hold_right "$now"; then
  refuse "$name was changed since: $now; before this step: $was. It is left as it is"
fi

if [ "${now% *}" != "${was% *}" ]; then
  check_hold "$now"
  case $was in
    installed*) install "$(version_in "$was")" ;;
    *) remove ;;
  esac
fi
now=$(state) || exit 1
[ "${now##* }" = "${was##* }" ] || mark_as "${was##* }"
now=$(state) || exit 1
printf '%s: %s; before this step: %s\n' "$name" "$now" "$was"
