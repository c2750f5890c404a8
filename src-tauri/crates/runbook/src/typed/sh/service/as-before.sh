
now=$(state) || exit 1
if [ -n "$want" ]; then
  [ "$(direction "$now")" = "$(direction "$was")" ] || refuse "$unit: $now; expected: $was"
fi
if [ -n "$enabled" ]; then
  [ "${now##* }" = "${was##* }" ] || refuse "$unit: $now; expected: $was"
fi
printf '%s: %s\n' "$unit" "$now"
