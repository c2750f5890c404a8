
now=$(state) || exit 1
if ! package_right "$now" || ! hold_right "$now"; then
  refuse "$name is not as wanted: $now"
fi
printf '%s: %s\n' "$name" "$now"
