
now=$(state "$path") || exit 1
if [ "$now" = nothing ]; then
  printf '%s is already gone\n' "$path"
  exit 0
fi
# Only an attempt of this very step has made it.
[ ! -e "$bak" ] || refuse "$path was there again after it had been removed; it is left as it is"
leave
make "$note"
echo nothing >|"$note"
mv -f -- "$path" "$bak"
sync -- "$dir/" 2>/dev/null || :
printf '%s is removed; before: %s\n' "$path" "${now% *}"
