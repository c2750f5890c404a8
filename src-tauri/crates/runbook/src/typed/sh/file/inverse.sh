
now=$(state "$path") || exit 1
if [ "$now" = "$was" ]; then
  rm -f -- "$note" "$bak"
  printf '%s is as it was: %s\n' "$path" "$was"
  exit 0
fi
[ -e "$note" ] || refuse "this step changed nothing at $path, and it was changed since: $now; before: $was. It is left as it is"
left=$(cat -- "$note") || exit 1
[ "$now" = "$left" ] ||
  refuse "$path was changed since: $now; this step left: $left; before: $was. It is left as it is"
if [ "$was" = nothing ]; then
  rm -f -- "$path"
else
  kept=$(state "$bak") || exit 1
  [ "$kept" = "$was" ] || refuse "the backup $bak is not what was there before: $kept; before: $was"
  mv -fT -- "$bak" "$path" 2>/dev/null || mv -f -- "$bak" "$path"
fi
rm -f -- "$note"
sync -- "$dir/" 2>/dev/null || :
printf '%s is again as it was: %s\n' "$path" "$was"
