
now=$(state) || exit 1
[ "$now" = "$was" ] || refuse "$name: $now; expected: $was"
printf '%s is as it was: %s\n' "$name" "$was"
