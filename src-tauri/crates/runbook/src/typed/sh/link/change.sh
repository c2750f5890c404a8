
now=$(state) || exit 1
if [ "$now" = "link $to" ]; then
  printf '%s already leads to %s\n' "$path" "$to"
  exit 0
fi
lead "$to"
printf '%s leads to %s; before: %s\n' "$path" "$to" "$now"
