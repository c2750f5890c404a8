
now=$(state) || exit 1
enabled_right "$now" || :
printf '%s\n' "$now"
