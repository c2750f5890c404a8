
now=$(state "$path") || exit 1
if [ "$now" != nothing ] && holds "$path" && right "$path"; then
  printf '%s is already so\n' "$path"
  exit 0
fi

# An attempt of this step that was cut off has left a note, and then its backup is the one that counts.
if [ -e "$note" ]; then
  first=$(state "$bak") || exit 1
  [ "$now" = "$first" ] || refuse "$path was changed between two attempts: $(apart "$now" "$first"); before: ${first% *}"
fi

leave
next=$beside.new
trap 'rm -f -- "$next"' EXIT
trap 'exit 1' HUP INT TERM
make "$next"
if [ "$now" = nothing ]; then
  mode=${mode:-$fresh}
else
  # Access lists and labels go along where this cp knows them; mode and owner in any case.
  cp --attributes-only --preserve=all -- "$path" "$next" 2>/dev/null || :
  about=${now#file }
  mode=${mode:-${about%% *}}
  about=${about#* }
  chown -- "${about%% *}" "$next"
fi
chmod -- 600 "$next"
write >|"$next"
give "$next"
sync -- "$next" 2>/dev/null || :

# The old file itself is the backup; a copy only where it cannot have a second name.
if [ "$now" != nothing ]; then
  rm -f -- "$bak"
  if ! ln -- "$path" "$bak" 2>/dev/null; then
    make "$bak"
    cp -p -- "$path" "$bak"
  fi
fi
left=$(state "$next") || exit 1
make "$note"
{ echo "$left" && echo "$now"; } >|"$note"
mv -fT -- "$next" "$path" 2>/dev/null || mv -f -- "$next" "$path"
sync -- "$dir/" 2>/dev/null || :
printf '%s is written; before: %s\n' "$path" "${now% *}"
