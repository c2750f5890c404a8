
now=$(state) || exit 1
[ "$now" = "link $to" ] || refuse "$path: $now; expected: link $to"
printf '%s leads to %s\n' "$path" "$to"
