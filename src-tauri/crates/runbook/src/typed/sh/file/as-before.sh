
[ "$now" = "$first" ] || refuse "$path is not as it was: $(apart "$now" "$first"); expected: ${was% *}"
printf '%s is as it was: %s\n' "$path" "${was% *}"
