
now=$(state) || exit 1
[ "$now" = "$was" ] || refuse "$path: $now; expected: $was"
printf '%s is as it was: %s\n' "$path" "$was"
