
if right "$path"; then
  printf '%s is as it was: %s\n' "$path" "$was"
  exit 0
fi
if ! (mode=$left_mode && owner=$left_owner && right "$path"); then
  now=$(state) || exit 1
  refuse "$path was changed since: $now; before: $was. It is left as it is"
fi
give "$path"
printf '%s is again as it was: %s\n' "$path" "$was"
