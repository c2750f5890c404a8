
if [ "$now" = "$first" ]; then
  rm -f -- "$note" "$bak"
  printf '%s is as it was: %s\n' "$path" "${was% *}"
  exit 0
fi
[ -e "$note" ] ||
  refuse "this step changed nothing at $path, or the backup $bak is no longer there (Daytwo's hosts keep ways back for $days days), and it was changed since: $(apart "$now" "$first"); before: ${was% *}. It is left as it is"
[ "$now" = "$left" ] ||
  refuse "$path was changed since: $(apart "$now" "$left"); this step left: ${left% *}; before: ${was% *}. It is left as it is"
if [ "$was" = nothing ] && [ "$first" = nothing ]; then
  rm -f -- "$path"
else
  [ -e "$bak" ] || [ -L "$bak" ] ||
    refuse "the backup $bak is no longer there; Daytwo's hosts keep ways back for $days days. $path is left as it is"
  kept=$(state "$bak") || exit 1
  read_before=$(recorded "$bak") || exit 1
  # Where there is no secret both are the same comparison.
  if [ "$read_before" != "$was" ] || { [ -n "$secret" ] && [ "$kept" != "$first" ]; }; then
    refuse "the backup $bak is not what was there before: ${kept% *}; before: ${was% *}"
  fi
  mv -fT -- "$bak" "$path" 2>/dev/null || mv -f -- "$bak" "$path"
fi
rm -f -- "$note"
sync -- "$dir/" 2>/dev/null || :
printf '%s is again as it was: %s\n' "$path" "${was% *}"
