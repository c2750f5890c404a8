
now=$(state) || exit 1
case $want:$now in
  :*) ;;
  stopped:*) [ "$(direction "$now")" = down ] || refuse "$unit is not stopped: $now" ;;
  *:active\ * | *:reloading\ *) ;;
  *) refuse "$unit is not active: $now" ;;
esac
enabled_right "$now" || refuse "$unit is not enabled as wanted: $now"
printf '%s: %s\n' "$unit" "$now"
