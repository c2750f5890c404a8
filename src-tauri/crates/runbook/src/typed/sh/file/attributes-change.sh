
if right "$path"; then
  printf '%s is already so\n' "$path"
  exit 0
fi
now=$(state) || exit 1
give "$path"
printf '%s is so; before: %s\n' "$path" "$now"
