
# What the change left, what was there before, and what is there now, so that they compare. For a
# content with a secret in it the note on this host says the first two, or else the backup. Where there
# is neither, the change replaced no file or is taken back, and the time of the last write has to do.
left=''
first=''
if [ -e "$note" ]; then
  { IFS= read -r left && IFS= read -r first; } <"$note" || first=''
fi
if [ -n "$secret" ] && [ -z "$first" ] && [ -e "$bak" ]; then
  first=$(state "$bak") || exit 1
fi
if [ -n "$secret" ] && [ -n "$first" ]; then
  now=$(state "$path") || exit 1
else
  first=$was
  now=$(recorded "$path") || exit 1
fi
